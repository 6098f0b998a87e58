"""Reconcilers keep their laws: what fails comes back, later each time, all of it within the longest wait."""

from typing import Any

import numpy as np
import pytest

import twin
from twin.model.scenario import Scenario

OBJECTS, CAP_S, DOWN_S, UP_S = 36_000, 1620.0, 600.0, 15_000.0


def quantities(values: dict[str, Any]) -> dict[str, Any]:
    return {name: {"value": value, "assumed": "a test"} for name, value in values.items()}


def waiting(fault_ratio: float = 1.0, until_s: float = UP_S, **parameters: float) -> np.ndarray:
    """Objects that wait, every 10 s, while launches fail from DOWN_S until ``until_s``."""
    services = {
        "launch": {"kind": "relay", "domain": "region"},
        "ecs": {"kind": "reconciler", "domain": "region",
                "parameters": quantities({"objects_count": OBJECTS} | parameters),
                "dependencies": [{"on": "launch", "mode": "hard"}]},
        "people": {"kind": "workload", "domain": "region", "parameters": quantities({"rate_per_s": 20.0}),
                   "dependencies": [{"on": "ecs", "mode": "hard"}]},
    }  # fmt: skip
    fault = {"id": "no-launches", "at": DOWN_S, "until": until_s, "assumed": "a test",
             "set": {"launch.fault_ratio": fault_ratio}}  # fmt: skip
    case = Scenario.model_validate({
        "scenario": "containers", "start": "2025-10-20T00:00:00Z", "duration": 18_000.0, "seed": 5,
        "faults": [fault],
        "topology": {"topology": "t", "services": {n: s | {"name": n} for n, s in services.items()}},
    })  # fmt: skip
    rows = twin.run(case, debug=True).samples.to_pylist()
    return np.array([r["backlog_count"] for r in rows if r["service"] == "ecs"])


def test_wishes_pile_up_one_an_object() -> None:
    """A call meets any object alike, so the content ones fall as exp(-calls / objects)."""
    left = 1.0 - waiting()[int(DOWN_S / 10) : int(UP_S / 10)] / OBJECTS
    t = 10.0 * (np.arange(len(left)) + 1)
    assert left == pytest.approx(np.exp(-20.0 * t / OBJECTS), abs=0.01)


@pytest.mark.parametrize("cap_s", [600.0, CAP_S])
def test_all_come_back_within_the_longest_wait_and_evenly(cap_s: float) -> None:
    """After an outage far longer than the longest wait, the next tries are spread evenly over it."""
    back = waiting(backoff_cap_s=cap_s)[int(UP_S / 10) :]
    half, end = int(0.5 * cap_s / 10), int(cap_s / 10) + 1
    assert back[half] == pytest.approx(0.5 * back[0], rel=0.1)
    assert back[end] < 0.002 * OBJECTS
    assert back[int(0.9 * cap_s / 10)] > 0.05 * back[0]  # without the wait they would be back at once


def test_waits_double() -> None:
    """Of those who fail half the time, k failures in a row cost backoff · (2^k - 1): with p = 1/2 each level
    holds as many as the next, whatever its length."""
    short, doubling = (waiting(0.5, 17_990.0, backoff_cap_s=cap_s)[-300:].mean() for cap_s in (60.0, 960.0))
    mean_s = {60.0: sum(0.5**k * 60.0 for k in range(1, 60)),
              960.0: sum(0.5**k * min(960.0, 60.0 * 2.0 ** (k - 1)) for k in range(1, 60))}  # fmt: skip
    for seen, cap_s in ((short, 60.0), (doubling, 960.0)):
        share = 20.0 / OBJECTS * mean_s[cap_s]
        assert seen / OBJECTS == pytest.approx(share / (1.0 + share), rel=0.05)
