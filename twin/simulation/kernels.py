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
from numba.core import compiler, serialize
from numba.core.registry import cpu_target

from twin.base.garbage import no_garbage
from twin.base.jit import address_of, entry
from twin.base.places import PACKAGE
from twin.kinds import registry
from twin.mechanisms.requests.records import COUNTED, IS_ON
from twin.simulation import loop
from twin.simulation.entries import Entries, as_counts, call_by_call, clockwork
from twin.simulation.kernel_files import CLOCKWORK, EACH, LOOP, claimed, keep_kernel, kernel_file

if TYPE_CHECKING:
    from twin.simulation.world import Model

MOST_PROCESSES = 8  # that compile: a few modules take most of the time
Compiled = dict[str, Any]  # function → what Numba has compiled

_loaded: dict[str, Compiled] = {}  # name of a kernel's file → what this process has loaded


class Program:
    """What the loop is given besides the arrays of a run: where the functions of its kinds are."""

    def __init__(self, kinds: Any, engine: Any) -> None:
        self.kinds, self.engine = kinds, engine

    def __reduce__(self) -> tuple:
        return type(None), ()  # addresses are those of one process: a copy of the model looks them up again


def call_loop(model: Model, t0: int, t1: int) -> tuple[int, int, int]:
    """The loop on a model, see ``loop.step_ticks``; on first use, what it needs is loaded or compiled."""
    if model.program is None:
        model.program = _program(model)
    return loop.step_ticks(model.state, t0, t1, model.program.kinds, model.program.engine)


def is_compiled(model: Model) -> bool:
    """Whether all that this model needs has been compiled on this machine before."""
    world = numba.typeof(model.state)
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


def _program(model: Model) -> Program:
    names = modules_of(model)
    count = len(registry())
    if _is_interpreted():
        kinds: Any = [SimpleNamespace(p=None, s=None) for _ in range(2 * count)]
        engine: Any = [SimpleNamespace()]
        found: dict[str, Any] = {name: _entries(name) for name in names if name != LOOP}
    else:
        kinds, engine = np.zeros(2 * count, loop.ENTRY), np.zeros(1, loop.ENGINE)
        compiled = fetch(names, numba.typeof(model.state))
        found = {name: _addresses(compiled[name]) for name in names if name != LOOP}
    for name, functions in found.items():
        kind = name.removesuffix(EACH)
        row = engine[0] if name == CLOCKWORK else kinds[list(registry()).index(kind) + count * (name != kind)]
        values = functions if name == CLOCKWORK else {**functions, **_places(model, kind)}
        for field, value in values.items():
            setattr(row, field, value)
    return Program(kinds, engine)


def _addresses(compiled: Compiled) -> dict[str, int]:
    return {name: address_of(result) for name, result in compiled.items()}


def _places(model: Model, kind: str) -> dict[str, Any]:
    p, s = model.parameters[kind], model.states[kind]
    return {"p": p, "s": s} if _is_interpreted() else {"p": p.ctypes.data, "s": s.ctypes.data}


def _is_interpreted() -> bool:
    return bool(numba.config.DISABLE_JIT)  # type: ignore[attr-defined]


@cache
def _entries(module: str) -> Entries:
    if module == CLOCKWORK:
        return clockwork()
    kind = module.removesuffix(EACH)
    return as_counts(registry()[kind]) if kind == module else call_by_call(registry()[kind])


def fetch(names: list[str], world: Any) -> dict[str, Compiled]:
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


def _load(name: str, world: Any) -> Compiled | None:
    """A module that has been compiled, or None."""
    file = kernel_file(name, str(world))
    if file.name not in _loaded:
        try:
            parts = pickle.loads(file.read_bytes())
            os.utime(file)
        except (OSError, EOFError, pickle.PickleError):  # not there, or not whole: compile it again
            return None
        context = cpu_target.target_context
        context.refresh()  # as Numba does before it loads: it makes its run-time library known
        compiled = {
            n: compiler.CompileResult._rebuild(context, *pickle.loads(part)) for n, part in parts.items()
        }
        if name == LOOP:
            loop.step_ticks.add_overload(compiled["step_ticks"])
        _loaded[file.name] = compiled
    return _loaded[file.name]


def _compile(name: str, world: Any) -> None:
    """Compile a module, and keep it."""
    with no_garbage():
        compiled = _compiled(name, world)
        parts = {n: serialize.dumps(result._reduce()) for n, result in compiled.items()}
    file = kernel_file(name, str(world))
    _loaded[file.name] = compiled
    keep_kernel(file, pickle.dumps(parts))


def _compiled(name: str, world: Any) -> Compiled:
    if name == LOOP:
        tables = (numba.typeof(np.zeros(1, loop.ENTRY)), numba.typeof(np.zeros(1, loop.ENGINE)))
        arguments = (world, numba.int64, numba.int64, *tables)
        loop.step_ticks.compile(arguments)
        return {"step_ticks": loop.step_ticks.overloads[arguments]}
    return {n: entry(function, world) for n, function in _entries(name).items()}


def main() -> None:
    """Compile what nobody else does, of the modules that standard input names."""
    names, world = pickle.load(sys.stdin.buffer)
    _compile_unclaimed(names, world)


if __name__ == "__main__":
    main()
