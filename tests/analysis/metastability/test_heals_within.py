"""What needs longer than a stated time to heal has collapsed; what only works off a queue has not."""

import math

import numpy as np
import pytest

from twin.analysis.metastability import study_stability
from twin.analysis.metastability.probe import Outlook, aftermath_of, gone_after_s
from twin.mechanisms.arrays import SAMPLE
from twin.model.scenario import Scenario

from .small import calls, scenario, service


def station(rate_per_s: float, retries: int = 3) -> Scenario:
    """A thousand a second; with three retries its band of two states begins at 250."""
    return scenario({
        "people": service("workload", calls("store", timeout_s=3.0, retries=retries), rate_per_s=rate_per_s),
        "store": service("queueing", capacity_per_s=1000.0, service_time_s=0.01),
    })  # fmt: skip


def test_a_drift_counts_as_collapsed() -> None:
    """Beside 4 × 240 of 1000 a second, 40 a second remain: 80 s of an outage take over half an hour."""
    found = study_stability(station(240.0), "store")
    assert found.verdict == "vulnerable"
    assert "does not heal within 30m" in found.reason


@pytest.mark.parametrize("heals_within_s", [math.inf, 1e9])
def test_with_time_enough_a_drift_heals(heals_within_s: float) -> None:
    """The band of the law, mu / (1 + r), is for all time."""
    assert study_stability(station(240.0), "store", heals_within_s=heals_within_s).verdict == "stable"
    assert study_stability(station(260.0), "store", heals_within_s=heals_within_s).verdict == "vulnerable"


@pytest.mark.parametrize("rate_per_s", [300.0, 600.0, 900.0, 990.0])
def test_a_queue_that_is_worked_off_has_not_collapsed(rate_per_s: float) -> None:
    """Nobody tries again, so it takes as long as the work: at 990 of 1000, 99 times the outage."""
    assert study_stability(station(rate_per_s, retries=0), "store").verdict == "stable"


def samples(errors: np.ndarray, backlog: np.ndarray) -> np.ndarray:
    rows = np.zeros(len(errors), SAMPLE)
    rows["error_ratio"], rows["backlog_count"], rows["latency_s"] = errors, backlog, 0.01
    return rows


@pytest.mark.parametrize(("healed_at_s", "allowed_s", "outlook"), [
    (100.0, 1800.0, Outlook.WELL), (100.0, 50.0, Outlook.DRIFTING), (3000.0, 500.0, Outlook.DRIFTING),
    (3000.0, 1800.0, Outlook.DRIFTING), (3000.0, 4000.0, Outlook.RECOVERING),
    (3000.0, math.inf, Outlook.RECOVERING),
])  # fmt: skip
def test_the_verdict_on_a_straight_fall(healed_at_s: float, allowed_s: float, outlook: Outlook) -> None:
    """A thousand seconds are watched; the fall to nothing takes shorter or longer."""
    t = np.arange(1000.0)
    left = np.maximum(0.0, 1.0 - t / healed_at_s)
    rows = np.concatenate([samples(np.zeros(100), np.zeros(100)), samples((left > 0) * 0.9, 1e4 * left)])
    found = aftermath_of(rows, 100, 100, 1.0, 1e-9, True, allowed_s)
    assert found.state == outlook


def test_when_a_fall_ends() -> None:
    t = np.arange(1000.0)
    assert gone_after_s(5000.0 - t, 1.0) == pytest.approx(5000.0, rel=0.01)
    assert gone_after_s(5000.0 - t, 10.0) == pytest.approx(50_000.0, rel=0.01)
    assert math.isinf(gone_after_s(t, 1.0))
