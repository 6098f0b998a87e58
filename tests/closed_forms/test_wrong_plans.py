"""A plan that is new and wrong: what lets it through, how long it lasts, and whom it does not spare."""

from typing import Any

import numpy as np
import pytest

import twin
from twin.api.run import Run
from twin.model.scenario import Scenario

from .one_station import q

CACHES, WRONG_S, RIGHT_S = 120_000, 300.0, 900.0
INTERVAL_S, BATCH_S = 60.0, 3.0
FRESHNESS = ("recheck", "recheck_in_lock", "cas", "cleanup_check", "protect_rollback", "no_zero_answers")


def case(*guards: str, wrong: bool = True, **resolver: float) -> Scenario:
    """A name, its automation, and one population of caches that ask as soon as an answer has expired."""
    caches = {"caches_count": CACHES, "queries_per_s": 1e4, "positive_ttl_s": 60.0, **resolver}
    services: dict[str, Any] = {
        "name": {"kind": "dns", "parameters": {f"guard_{g}": q(True) for g in guards}},
        "caches": {"kind": "resolver", "parameters": {k: q(v) for k, v in caches.items()},
                   "dependencies": [{"on": "name", "mode": "hard"}]},
        "clients": {"kind": "workload", "parameters": {"rate_per_s": q(1e5)},
                    "dependencies": [{"on": "caches", "mode": "hard", "retries": q(0)}]},
    }  # fmt: skip
    for name, service in services.items():
        service |= {"name": name, "domain": "one"}
    fault = {"id": "wrong", "at": WRONG_S, "until": RIGHT_S, "set": {"name.wrong_plans": True},
             "assumed": "a test"}  # fmt: skip
    return Scenario.model_validate({
        "scenario": "wrong", "start": "2025-10-19T22:00:00-07:00", "duration": 1800.0, "tick": 1.0,
        "sample": 1.0, "topology": {"topology": "wrong", "signal_period": 1.0, "services": services},
        "faults": [fault] if wrong else [],
    })  # fmt: skip


def first(run: Run, event: str) -> float | None:
    """Seconds until the first event of a name; the tick is a second."""
    with run.tables() as tables:
        (row,) = tables.rows("select min(tick) as it from events where event = $e", e=event)
    return row["it"]


def errors(run: Run) -> np.ndarray:
    return np.array([x["error_ratio"] for x in run.samples.to_pylist() if x["service"] == "clients"])


@pytest.mark.parametrize("guards", [(), FRESHNESS])
def test_no_guard_against_old_plans_stops_a_new_one(guards: tuple[str, ...]) -> None:
    """It lands with the next plan, and goes with the first right one."""
    run = twin.run(case(*guards), debug=True)
    misled, right = first(run, "endpoint_misled"), first(run, "endpoint_put_right")
    slack_s = INTERVAL_S + 5 * BATCH_S
    assert misled is not None and WRONG_S < misled <= WRONG_S + slack_s
    assert right is not None and RIGHT_S < right <= RIGHT_S + slack_s
    assert first(run, "endpoint_emptied") is None


def test_right_plans_mislead_nobody() -> None:
    run = twin.run(case(wrong=False), debug=True)
    assert first(run, "endpoint_misled") is None and errors(run).max() == 0.0


def test_a_wrong_answer_comes_and_goes_over_the_ttl_of_a_good_one() -> None:
    """As V15: a straight line over 60 s, both ways, whatever the negative TTL."""
    run = twin.run(case(negative_ttl_s=900.0), debug=True)
    seen = errors(run)
    for event, sign in (("endpoint_misled", 1), ("endpoint_put_right", -1)):
        begin = first(run, event)
        assert begin is not None
        line = seen[begin + 3 : begin + 3 + 60 : 15]
        rising = line if sign > 0 else 1.0 - line
        assert rising == pytest.approx([0.0, 0.25, 0.5, 0.75], abs=0.06)
    assert seen[first(run, "endpoint_put_right") + 70 :].max() == 0.0  # type: ignore[operator]


def test_who_keeps_the_last_good_answer_does_not_know_that_this_is_none() -> None:
    assert errors(twin.run(case(last_good_ratio=0.9))).max() == pytest.approx(1.0, abs=0.01)
