"""What is called by address: the loop, and what it calls: functions of kinds, the clockwork of single calls.

Each takes (t, w, i, slot, p, s): the tick, all arrays, the service, its row among those of its kind, and
where the parameters and states of its kind are. Each returns a whole number. A dictionary of this file is a
*module*: it is compiled together, and kept in one file on disk (``kernels.py``).
"""

from __future__ import annotations

from collections.abc import Callable
from types import ModuleType

from twin.base.jit import record_at, records_at
from twin.model.parameter import parameter_dtype, state_dtype

Entries = dict[str, Callable[..., int]]


def the_loop() -> Entries:
    """``step_ticks`` from t to i. At p are ``slot`` rows of kinds, at s the engine, which gets the answer."""
    from twin.simulation.loop import ENGINE, ENTRY, step_ticks

    kinds_at, engine_at = records_at(ENTRY), records_at(ENGINE)

    def step_loop(t, w, i, slot, p, s):
        engine = engine_at(s, 1)
        tick, broken, clause = step_ticks(w, t, i, kinds_at(p, slot), engine)
        engine[0].broken, engine[0].clause = broken, clause
        return tick

    return {"step_ticks": step_loop}


def as_counts(kind: ModuleType) -> Entries:
    """Of a kind whose calls are counted: ``step`` and ``check``."""
    step, p_row, s_row = kind.step, record_at(parameter_dtype(kind)), record_at(state_dtype(kind))

    def step_counts(t, w, i, slot, p, s):
        panel = w.svc[i]
        step(t, w, i, p_row(p, slot), s_row(s, slot), w.cells[panel.cell : panel.cell + panel.cells])
        return 1

    return {"step": step_counts, **_checked(kind)}


def call_by_call(kind: ModuleType) -> Entries:
    """Of a kind that is stepped one by one: ``configure`` before the calls of a tick, ``step`` after them.

    Its step says what others may know of the calls of this tick, and the kind adds its ``capacity``.
    """
    from twin.mechanisms.requests.report import report

    configure, capacity, p_row = kind.configure, kind.capacity, record_at(parameter_dtype(kind))

    def configure_one(t, w, i, slot, p, s):
        configure(w, i, p_row(p, slot), w.stations[i])
        return 1

    def step_one(t, w, i, slot, p, s):
        report(w, i, capacity(w, i, p_row(p, slot)))
        return 1

    return {"configure": configure_one, "step": step_one, **_checked(kind)}


def _checked(kind: ModuleType) -> Entries:
    check, p_row, s_row = kind.check, record_at(parameter_dtype(kind)), record_at(state_dtype(kind))

    def check_kind(t, w, i, slot, p, s):
        panel = w.svc[i]
        cells = w.cells[panel.cell : panel.cell + panel.cells]
        return 1 if check(p_row(p, slot), s_row(s, slot), cells) else 0

    return {"check": check_kind}


def clockwork() -> Entries:
    """Of calls that are stepped one by one: ``run`` a tick, write ``books``, and whether a service
    ``conserves`` its calls."""
    from twin.mechanisms.requests.books import conserves_calls
    from twin.mechanisms.requests.engine import run_requests
    from twin.mechanisms.requests.report import write_books

    def run_tick(t, w, i, slot, p, s):
        return 1 if run_requests(t, w) else 0

    def write_tick(t, w, i, slot, p, s):
        write_books(t, w)
        return 1

    def conserves(t, w, i, slot, p, s):
        return 1 if conserves_calls(w, i) else 0

    return {"run": run_tick, "books": write_tick, "conserves": conserves}
