"""Machine code that Numba has made, loaded and called without Numba.

The code of an entry (``twin.base.jit.entry``) needs the C library and a few helpers of Numba. Loading it
takes milliseconds. Numba would first import all that it compiles with, which takes a third of a second.
"""

from __future__ import annotations

import ctypes
from collections.abc import Mapping
from functools import cache
from importlib import import_module
from typing import Any

import llvmlite.binding as llvm
import numpy as np

Objects = Mapping[str, tuple[str, bytes]]  # name of an entry → its symbol, and the object file that has it

# How Numba calls: where the result goes, where an exception goes, then the arguments; it returns a status.
_ENTRY = ctypes.CFUNCTYPE(
    ctypes.c_int32, ctypes.c_void_p, ctypes.c_void_p,
    ctypes.c_int64, ctypes.c_void_p, *[ctypes.c_int64] * 4,
)  # fmt: skip


class Failed(Exception):
    """Compiled code of the twin has raised an exception, which it never should."""


@cache
def _engine() -> Any:
    """Where machine code lives until the process ends."""
    llvm.initialize_native_target()
    llvm.initialize_native_asmprinter()
    machine = llvm.Target.from_default_triple().create_target_machine(codemodel="jitdefault", jit=True)
    _know_helpers()
    return llvm.create_mcjit_compiler(llvm.parse_assembly(""), machine)


def _know_helpers() -> None:
    """Let machine code find the functions of Numba's run-time, which is written in C."""
    of_arrays = import_module("numba._helperlib").c_helpers
    of_memory = import_module("numba.core.runtime._nrt_python").c_helpers
    for name, address in of_memory.items():
        llvm.add_symbol(name if name.startswith("_") else f"NRT_{name}", address)
    for name, address in of_arrays.items():
        llvm.add_symbol(f"numba_{name}", address)


def placed(objects: Objects) -> dict[str, int]:
    """Name of an entry → where its machine code begins, in this process. Raises RuntimeError.

    Not while another thread is in compiled code: memory around that may change. A process crashed so.
    """
    engine, addresses = _engine(), {}
    for name, (symbol, content) in objects.items():
        engine.add_object_file(llvm.ObjectFileRef.from_data(content))
        engine.finalize_object()
        addresses[name] = engine.get_function_address(symbol)
    return addresses


def fields_of(world: tuple[np.ndarray, ...]) -> np.ndarray:
    """A named tuple of arrays as compiled code sees it through a ``Reference``: seven words or more an array.

    It holds addresses: the arrays must outlive it. Nothing counts references, so the first two words are 0.
    """
    words: list[int] = []
    for array in world:
        words += [0, 0, array.size, array.itemsize, array.ctypes.data, *array.shape, *array.strides]
    return np.array(words, "i8")


def call(address: int, t: int, fields: np.ndarray, *numbers: int) -> int:
    """Call the entry at ``address``: (t, w, i, slot, p, s), with ``fields`` in place of w. Raises Failed."""
    result, exception = ctypes.c_int64(), ctypes.c_void_p()
    status = _ENTRY(address)(
        ctypes.addressof(result), ctypes.addressof(exception), t, fields.ctypes.data, *numbers
    )
    if status != 0:
        raise Failed(f"status {status}")
    return result.value
