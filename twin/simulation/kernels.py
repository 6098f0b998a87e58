"""The compiled code of a run: what its services need, compiled once on a machine and loaded from then on.

A *module* is compiled apart from the others: the loop, the clockwork of single calls, and each kind, as
counts or one by one. A run asks for those of its own services only. Modules that are not on disk are compiled
by several processes, each of which takes the next that nobody has claimed. So processes that start at the
same time share the work.
"""

from __future__ import annotations

import os
import pickle
import subprocess
import sys
from collections.abc import Iterable
from contextlib import suppress
from functools import cache
from types import SimpleNamespace
from typing import TYPE_CHECKING, Any

import numba
import numpy as np

from twin.base import machine_code
from twin.base.garbage import no_garbage
from twin.base.jit import entry, object_of
from twin.base.places import PACKAGE
from twin.kinds import registry
from twin.mechanisms.requests.records import COUNTED, IS_ON
from twin.simulation import loop
from twin.simulation.entries import Entries, as_counts, call_by_call, clockwork, the_loop
from twin.simulation.kernel_files import CLOCKWORK, EACH, LOOP, claimed, keep_kernel, kernel_file

if TYPE_CHECKING:
    from twin.simulation.world import Model

MOST_PROCESSES = 8  # that compile: a few modules take most of the time
Addresses = dict[str, int]  # function → where its machine code begins

_loaded: dict[str, Addresses] = {}  # name of a kernel's file → what this process has loaded

_worlds: dict[tuple, Any] = {}  # types of the arrays of a model → the same for Numba


class Program:
    """What the loop is given besides the arrays of a run: where the functions of its kinds are."""

    def __init__(self, kinds: Any, engine: Any, address: int = 0) -> None:
        self.kinds, self.engine, self.address = kinds, engine, address
        self._state: Any = None
        self._fields = np.zeros(0, "i8")

    def __reduce__(self) -> tuple:
        return type(None), ()  # addresses are those of one process: a copy of the model looks them up again

    def step_ticks(self, state: Any, t0: int, t1: int) -> tuple[int, int, int]:
        """See ``loop.step_ticks``."""
        if _is_interpreted():
            return loop.step_ticks(state, t0, t1, self.kinds, self.engine)
        if self._state is not state:  # arrays that have grown are others
            self._state, self._fields = state, machine_code.fields_of(state)
        places = self.kinds.ctypes.data, self.engine.ctypes.data
        tick = machine_code.call(self.address, t0, self._fields, t1, len(self.kinds), *places)
        return tick, int(self.engine[0].broken), int(self.engine[0].clause)


def call_loop(model: Model, t0: int, t1: int) -> tuple[int, int, int]:
    """The loop on a model, see ``loop.step_ticks``; on first use, what it needs is loaded or compiled."""
    if model.program is None:
        model.program = _program(model)
    return model.program.step_ticks(model.state, t0, t1)


def is_compiled(model: Model) -> bool:
    """Whether all that this model needs has been compiled on this machine before."""
    world = _world_of(model)
    return _is_interpreted() or all(kernel_file(name, str(world)).exists() for name in modules_of(model))


def modules_of(model: Model) -> list[str]:
    """Names of the modules that step the services of a model, in the order in which they are compiled."""
    w, kinds = model.state, list(registry())
    mine = w.svc["kind"][w.mine]
    is_on = w.counters[IS_ON] != 0  # also of an actor that steps none of these
    each = (w.stations["role"][w.mine] != COUNTED) & is_on
    counted = [kinds[k] for k in np.unique(mine[~each])]
    single = [kinds[k] + EACH for k in np.unique(mine[each])]
    return [LOOP, *([CLOCKWORK] if is_on else []), *counted, *single]


def _world_of(model: Model) -> Any:
    """The type of a model's arrays. Numba looks at each field of each record; a study asks for every run."""
    shapes = tuple((array.dtype, array.ndim) for array in model.state)
    if shapes not in _worlds:
        _worlds[shapes] = numba.typeof(model.state)
    return _worlds[shapes]


def _program(model: Model) -> Program:
    names = modules_of(model)
    count, address = len(registry()), 0
    if _is_interpreted():
        kinds: Any = [SimpleNamespace(p=None, s=None) for _ in range(2 * count)]
        engine: Any = [SimpleNamespace()]
        found: dict[str, Any] = {name: _entries(name) for name in names if name != LOOP}
    else:
        kinds, engine = np.zeros(2 * count, loop.ENTRY), np.zeros(1, loop.ENGINE)
        found = dict(fetch(names, _world_of(model)))
        address = found.pop(LOOP)["step_ticks"]
    for name, functions in found.items():
        kind = name.removesuffix(EACH)
        row = engine[0] if name == CLOCKWORK else kinds[list(registry()).index(kind) + count * (name != kind)]
        values = functions if name == CLOCKWORK else {**functions, **_places(model, kind)}
        for field, value in values.items():
            setattr(row, field, value)
    return Program(kinds, engine, address)


def _places(model: Model, kind: str) -> dict[str, Any]:
    p, s = model.parameters[kind], model.states[kind]
    return {"p": p, "s": s} if _is_interpreted() else {"p": p.ctypes.data, "s": s.ctypes.data}


def _is_interpreted() -> bool:
    return bool(numba.config.DISABLE_JIT)  # type: ignore[attr-defined]


@cache
def _entries(module: str) -> Entries:
    if module in (LOOP, CLOCKWORK):
        return the_loop() if module == LOOP else clockwork()
    kind = module.removesuffix(EACH)
    return as_counts(registry()[kind]) if kind == module else call_by_call(registry()[kind])


def fetch(names: list[str], world: Any) -> dict[str, Addresses]:
    """The compiled modules of these names, for a run of arrays of type ``world``; compiled if need be."""
    helpers = _helpers([name for name in names if _load(name, world) is None], world)
    try:
        _compile_unclaimed(names, world)
        for name in names:
            if _load(name, world) is None:
                with claimed(kernel_file(name, str(world)), wait=True):
                    if _load(name, world) is None:
                        _compile(name, world)
    finally:
        for helper in helpers:
            helper.wait()
    return {name: _loaded[kernel_file(name, str(world)).name] for name in names}


def _compile_unclaimed(names: Iterable[str], world: Any) -> None:
    for name in names:
        if _load(name, world) is None:
            with claimed(kernel_file(name, str(world)), wait=False) as is_free:
                if is_free and _load(name, world) is None:
                    _compile(name, world)


def _helpers(missing: list[str], world: Any) -> list[subprocess.Popen]:
    """Processes that compile beside this one; none where another has begun, which has its own."""
    for name in missing[:1]:
        with claimed(kernel_file(name, str(world)), wait=False) as is_free:
            if not is_free:
                return []
    count = min(len(missing), os.cpu_count() or 1, MOST_PROCESSES) - 1
    helpers = []
    path = os.pathsep.join([str(PACKAGE.parent), *filter(None, [os.environ.get("PYTHONPATH")])])
    for _ in range(count):
        helper = subprocess.Popen(
            [sys.executable, "-m", "twin.simulation.kernels"], stdin=subprocess.PIPE,
            stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL, env=os.environ | {"PYTHONPATH": path},
        )  # fmt: skip
        assert helper.stdin is not None
        with suppress(OSError), helper.stdin as handle:
            handle.write(pickle.dumps((missing, world)))
        helpers.append(helper)
    return helpers


def _load(name: str, world: Any) -> Addresses | None:
    """A module that has been compiled, or None."""
    file = kernel_file(name, str(world))
    if file.name not in _loaded:
        try:
            objects = pickle.loads(file.read_bytes())
            os.utime(file)
        except (OSError, EOFError, pickle.PickleError):  # not there, or not whole: compile it again
            return None
        _loaded[file.name] = machine_code.placed(objects)
    return _loaded[file.name]


def _compile(name: str, world: Any) -> None:
    """Compile a module, and keep it."""
    from twin.base.quick_compile import make_quick

    make_quick()
    with no_garbage():
        objects = _compiled(name, world)
    file = kernel_file(name, str(world))
    _loaded[file.name] = machine_code.placed(objects)
    keep_kernel(file, pickle.dumps(objects))


def _compiled(name: str, world: Any) -> machine_code.Objects:
    return {n: object_of(entry(function, world)) for n, function in _entries(name).items()}


def main() -> None:
    """Compile what nobody else does, of the modules that standard input names."""
    names, world = pickle.load(sys.stdin.buffer)
    _compile_unclaimed(names, world)


if __name__ == "__main__":
    main()
