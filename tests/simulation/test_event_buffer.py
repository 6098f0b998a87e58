"""No event is lost or written past the buffer, however many services break at once."""

import numpy as np
import pytest

from tests.simulation.scenario import change, service, to
from twin.mechanisms.arrays import EVENT, N_EVENTS
from twin.model.scenario import Scenario, Topology
from twin.simulation.inline import advance, run_inline
from twin.simulation.run import schedule_for, simulate
from twin.simulation.world import Outgrown, Overrun, build

CALLERS = 700


def everything_breaks(**how: object) -> Scenario:
    """A store that all call fails at once: each caller has an onset, and a recovery half an hour later."""
    callers = [service(f"caller-{k}", "relay", f"caller-{k}", to("store", "hard"), own_per_s=9.0)
               for k in range(CALLERS)]  # fmt: skip
    services = {s.name: s for s in [service("store", "relay", "store"), *callers]}
    fault = change("cut", at_s=305.0, for_s=400.0, set={"store.fault_ratio": 1.0})
    given = {"duration_s": 3600.0, "start": "2025-10-19T22:00:00-07:00", "faults": (fault,)} | how
    return Scenario(name="all", topology=Topology(name="all", services=services), **given)


def run_with(buffer_rows: int | None) -> np.ndarray:
    scenario = everything_breaks()
    model = build(scenario, seed=1)
    if buffer_rows is not None:
        model.state = model.state._replace(events=np.zeros(buffer_rows, EVENT))
    rows = run_inline(model, schedule_for(model, scenario), 3600)
    return np.concatenate(rows.events)


def test_a_small_buffer_grows_before_it_is_full() -> None:
    large, small = run_with(None), run_with(3)
    assert len(large) >= 2 * CALLERS
    assert small.tobytes() == large.tobytes()


def test_events_that_do_not_fit_are_counted_and_refused() -> None:
    model = build(everything_breaks(), seed=1)
    advance(model, 0, 10)
    model.state.clock[N_EVENTS] = len(model.state.events) + 1
    with pytest.raises(Overrun, match="emits too many"):
        model.drain()


def test_too_many_ticks_are_refused() -> None:
    with pytest.raises(Outgrown, match="use a longer tick"):
        simulate(everything_breaks(duration_s=1e9))


def test_no_two_events_have_one_number() -> None:
    events = run_with(None)
    assert len(np.unique(events["event_id"])) == len(events)
