"""Resolver populations against the laws of caches: what a change or a repair looks like from behind them.

The authority is a relay that answers, or from a moment on answers with nothing. Caches see a change two ticks
after it was set: one for the authority's answer, one for the resolver's own step.
"""

from typing import Any

import numpy as np
import pytest

import twin
from twin.model.scenario import Scenario

CACHES = 120_000
BUSY = {"queries_per_s": 1e4}  # a cache asks again as soon as its answer has expired


def q(value: float) -> dict[str, Any]:
    return {"value": value, "assumed": "a test"}


def scenario(duration_s: float, *, tick_s: float, empty_s: float, until_s: float | None = None,
             **resolver: float) -> Scenario:  # fmt: skip
    """A population whose authority answers with nothing from ``empty_s`` (until ``until_s``)."""
    numbers = {"caches_count": CACHES, **resolver}
    services = {
        "authority": {"name": "authority", "kind": "relay"},
        "caches": {"name": "caches", "kind": "resolver",
                   "parameters": {name: q(value) for name, value in numbers.items()},
                   "dependencies": [{"on": "authority", "mode": "hard"}]},
        "clients": {"name": "clients", "kind": "workload", "parameters": {"rate_per_s": q(1e5)},
                    "dependencies": [{"on": "caches", "mode": "hard", "retries": q(0)}]},
    }  # fmt: skip
    for service in services.values():
        service["domain"] = "one"
    return Scenario.model_validate({
        "scenario": "caches", "start": "2025-10-19T22:00:00-07:00", "duration": duration_s, "tick": tick_s,
        "requests": "counted",
        "sample": tick_s, "topology": {"topology": "caches", "signal_period": tick_s, "services": services},
        "faults": [{"id": "empty", "at": empty_s, "until": until_s, "set": {"authority.fault_ratio": 1.0},
                    "assumed": "a test"}],
    })  # fmt: skip


def column(case: Scenario, service: str, name: str) -> np.ndarray:
    rows = twin.run(case, debug=True).samples.to_pylist()
    return np.array([row[name] for row in rows if row["service"] == service])


def good_ratio(case: Scenario) -> np.ndarray:
    """Share of the caches with a good answer at the end of each tick."""
    return column(case, "caches", "capacity_per_s") / CACHES


def seen(ratios: np.ndarray, empty_s: float, tick_s: float) -> np.ndarray:
    """What follows the change, from the moment on at which the caches can see it."""
    return ratios[round(empty_s / tick_s) :]


def test_v15_busy_caches_lose_the_old_answer_in_a_straight_line() -> None:
    left = seen(good_ratio(scenario(300, tick_s=1.0, empty_s=120, positive_ttl_s=60.0, **BUSY)), 120, 1.0)
    first = int(np.flatnonzero(left < 1.0)[0])
    assert first <= 2
    at = [left[first - 1 + after_s] for after_s in (0, 15, 30, 45, 60)]
    assert at == pytest.approx([1.0, 0.75, 0.5, 0.25, 0.0], abs=1e-9)


def test_v18_a_cache_that_is_asked_now_and_then() -> None:
    """Hits do not refresh the answer: the share with one is lam·T/(1 + lam·T), and ages evenly."""
    tick_s, empty_s = 0.1, 1500.0
    case = scenario(1600, tick_s=tick_s, empty_s=empty_s, positive_ttl_s=60.0, queries_per_s=0.05)
    ratios = good_ratio(case)
    assert ratios[3000:15_000].mean() == pytest.approx(0.75, rel=0.01)
    assert seen(ratios, empty_s, tick_s)[round(30 / tick_s)] == pytest.approx(0.375, rel=0.01)


@pytest.mark.parametrize(("ttl_s", "cap_s", "kept_s"), [(60.0, 10_800.0, 60.0), (900.0, 60.0, 60.0)])
def test_resolvers_cut_a_long_negative_ttl(ttl_s: float, cap_s: float, kept_s: float) -> None:
    """After a repair the empty answers leave in a straight line, over the TTL or the resolvers' own limit."""
    tick_s, repaired_s = 0.5, 200.0
    case = scenario(300, tick_s=tick_s, empty_s=50, until_s=repaired_s, negative_ttl_s=ttl_s,
                    negative_ttl_cap_s=cap_s, positive_ttl_s=60.0, **BUSY)  # fmt: skip
    without = 1.0 - seen(good_ratio(case), repaired_s, tick_s)
    assert without.sum() * tick_s == pytest.approx(kept_s / 2.0, abs=2.5)
    assert np.flatnonzero(without > 0)[-1] * tick_s == pytest.approx(kept_s, abs=1.5)


def test_v17_two_layers_of_which_one_counts_no_ttl_down() -> None:
    """Clients keep an empty answer for 10 s of their own, on top of what is left of the resolver's 60 s."""
    tick_s, repaired_s = 0.5, 400.0
    case = scenario(500, tick_s=tick_s, empty_s=100, until_s=repaired_s, positive_ttl_s=60.0,
                    negative_ttl_s=60.0, client_negative_s=10.0, **BUSY)  # fmt: skip
    without = seen(column(case, "clients", "error_ratio"), repaired_s, tick_s)
    assert without.sum() * tick_s == pytest.approx(35.0, abs=1.0)
    assert 1.0 - without[round(30 / tick_s)] == pytest.approx(0.4166667, abs=0.02)
    assert np.flatnonzero(without > 0)[-1] * tick_s == pytest.approx(70.0, abs=1.5)
