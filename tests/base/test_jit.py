"""Functions of the package, compiled and as plain Python."""

import subprocess
import sys
from pathlib import Path
from typing import NamedTuple

import numba
import numpy as np
import pytest
from numba.core.errors import UnsupportedError

from twin.base import jit, machine_code
from twin.base.jit import interpreted, njit
from twin.base.rng import binomial, philox

EVENT = Path(__file__).parents[2] / "scenarios" / "us-east-1-2025-10-20.yaml"
COUNT_COMPILATIONS = """
import sys
from numba.core import event
import twin
from twin.kinds import registry
from twin.simulation.world import build

class Compiled(event.Listener):
    def on_start(self, e):
        print(e.data["dispatcher"].py_func.__qualname__)
    def on_end(self, e):
        pass

scenario = twin.load(sys.argv[1])
assert {s.kind for s in scenario.topology.services.values()} >= {"dns", "lease_fleet", "health_checked_pool"}
with event.install_listener("numba:compile", Compiled()):
    build(scenario, seed=1)
"""


def test_setting_up_a_run_compiles_nothing() -> None:
    """Compiling what is called once a run would cost each command and each worker seconds."""
    command = [sys.executable, "-W", "error", "-c", COUNT_COMPILATIONS, str(EVENT)]
    done = subprocess.run(command, capture_output=True, text=True)
    assert (done.returncode, done.stdout) == (0, ""), done.stdout + done.stderr


def test_an_interpreted_function_calls_no_compiled_one() -> None:
    """Neither one of its own module, with a default, nor one of another."""
    before = len(philox.signatures)
    result = interpreted(_outer)(20)
    assert not _inner.signatures and not _outer.signatures and len(philox.signatures) == before
    assert result == _outer(20)


def test_interpreted_and_compiled_give_the_same_bits() -> None:
    for n in (5, 10**4, 10**12):
        for seed in (0, 2**62, np.uint64(2**64 - 1)):
            arguments = (n, 0.3, seed, 2**32 - 1, 10**9, 7, 3)
            assert interpreted(binomial)(*arguments) == binomial(*arguments)


def test_a_callee_is_linked_and_python_can_still_call_it() -> None:
    """It becomes machine code of its own only for Python; this Numba has what that needs."""
    assert jit.LINKS

    @njit
    def twice(x):
        return 2 * x

    @njit
    def caller(x):  # to raise it needs a constant of its own
        if x < 0:
            raise ValueError("below 0")
        return twice(x) + 1

    @njit
    def program(x):
        return caller(x)

    assert program(3) == 7 and not caller.signatures and not twice.signatures
    assert caller(4) == 9 and len(caller.signatures) == 1 and not twice.signatures
    assert twice(4) == 8 and program(4) == 9
    with pytest.raises(ValueError, match="below 0"):
        program(-1)


def test_a_function_counts_references_only_where_it_makes_an_array() -> None:
    def first(cells):
        part = cells[1:3]
        return part[0] + part[1]

    def sums(cells):
        total = np.zeros(1)
        total[0] = first_plain(cells)
        return total[0]

    first_plain = njit(first)
    cells = np.arange(4.0)
    assert njit(sums, allocates=True)(cells) == first_plain(cells) == 3.0
    counted, plain = njit(first, allocates=True), njit(first)
    assert counted(cells) == plain(cells)
    assert "NRT_decref" in counted.inspect_llvm(counted.signatures[0])
    assert (
        "NRT_decref(" not in plain.inspect_llvm(plain.signatures[0]).partition("define i8* @_ZN7cpython")[0]
    )


class World(NamedTuple):
    """Arrays of a run, in small."""

    counts: np.ndarray


ROW = np.dtype((np.record, [("x", "f8"), ("y", "i8")]))


def test_an_entry_is_called_by_its_address_and_fails_as_it_fails() -> None:
    """It gets rows by their address, and is machine code of its own, also for another entry."""
    row, rows_at = jit.record_at(ROW), jit.records_at(ROW)

    @njit
    def positive(n):
        if n < 0:
            raise ValueError("below 0")
        return n

    def add(t, w, i, slot, p, s):
        w.counts[i] += positive(row(p, slot).y)
        return t

    def program(t, w, i, slot, p, s):
        return jit.enter(s, t, w, i, slot, p, 0) + len(rows_at(p, 2)) * rows_at(p, 2)[1].x

    world, rows = World(np.zeros(3, "i8")), np.array([(0.0, 0), (0.5, 7)], ROW)
    entries = {f.__name__: jit.object_of(jit.entry(f, numba.typeof(world))) for f in (add, program)}
    addresses = machine_code.placed(entries)
    arguments = machine_code.fields_of(world), 2, 1, rows.ctypes.data, addresses["add"]
    assert machine_code.call(addresses["program"], 5, *arguments) == 5 + 2 * 0.5
    assert world.counts.tolist() == [0, 0, 7]
    rows["y"] = -1
    with pytest.raises(machine_code.Failed):
        machine_code.call(addresses["program"], 5, *arguments)


def test_without_numbas_internals_callees_are_compiled_as_numba_does(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(jit, "LINKS", False)

    @njit
    def twice(x, by=2):
        return by * x

    @njit
    def program(x):
        return twice(x) + twice(x, by=3)

    assert program(3) == 15 and len(twice.signatures) == 2


def test_functions_that_call_each_other_in_turn_are_refused_in_words() -> None:
    with pytest.raises(UnsupportedError, match=r"_odd.* takes part in a recursion"):
        _even(4)


@njit
def _even(n):
    return _odd(n - 1) if n > 0 else True


@njit
def _odd(n):
    return _even(n - 1) if n > 0 else False


@njit
def _inner(n, step=2):
    return n + step


@njit
def _outer(n):
    return _inner(n) + philox(n, 1, 2, 3, 4, 5)[0] % 7


def test_two_processes_give_no_two_functions_the_same_number() -> None:
    """Else a kernel of one would call what the other has compiled, as both are loaded into a third."""
    ask = "import numba, twin.base.jit; print(next(numba.core.bytecode.FunctionIdentity._unique_ids))"
    first, second = (int(subprocess.check_output([sys.executable, "-c", ask])) for _ in range(2))
    assert abs(first - second) > 1_000_000
