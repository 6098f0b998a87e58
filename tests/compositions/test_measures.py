"""Measures of small tables that were written by hand."""

from typing import Any

import numpy as np
import pytest

from . import special_measures
from .agreement import judge
from .instance import Instance, Measure
from .measures import Case, nearest_rank, take
from .tables import Recorded

INTERVAL_S = 1.0
SECONDS = 40
assert special_measures.__doc__


def run(requests: list[tuple[float, float, str]], **columns: list[float]) -> Recorded:
    """Requests as (start, latency, outcome); columns by second: of edge s->dep, or of service s."""
    calls, samples = ("sent", "served", "failed", "stored_count"), ("waiting_count", "capacity_per_s")
    given = {name: np.resize(np.array(values, float), SECONDS) for name, values in columns.items()}
    one_a_second = {"interval": np.arange(SECONDS)}
    start, latency, outcome = zip(*requests, strict=True)
    return Recorded(
        requests={
            "caller": np.full(len(requests), "users"),
            "start_s": np.array(start), "latency_s": np.array(latency), "outcome": np.array(outcome),
        },
        calls={
            **one_a_second, "caller": np.full(SECONDS, "s"), "callee": np.full(SECONDS, "dep"),
            **{name: given[name] for name in calls if name in given},
        },
        samples={
            **one_a_second, "service": np.full(SECONDS, "s"),
            **{name: given[name] for name in samples if name in given},
        },
        interval_s=INTERVAL_S, count=SECONDS,
    )  # fmt: skip


def taken(name: str, of: Recorded, measure: Measure, **parameters: Any) -> Any:
    return take(name, Case(measure, Instance("C00-a", parameters, {}, {}), {"": of}))


REQUESTS = [
    (0.0, 1.0, "served"), (9.5, 1.0, "failed"), (10.0, 2.0, "timed_out"), (12.0, 0.5, "degraded"),
    (19.0, 2.0, "served"), (29.0, 1.0, "failed"),
]  # fmt: skip
WINDOW = Measure(0.0, 1.0, window=(9.0, 20.0))
BY_TEN = Measure((0.0, 0.0, 0.0), (1.0, 1.0, 1.0), bin_s=10.0, first_s=0.0)


@pytest.mark.parametrize(
    ("name", "right"),
    [
        ("users.failed_share.w", 2 / 4), ("users.error_share.w", 1 / 4), ("users.gaveup_share.w", 1 / 4),
        ("users.degraded_share.w", 1 / 4), ("users.latency_served_mean.w", 1.25),
        ("users.latency_served_p50.w", 0.5), ("users.latency_failed_mean.w", 1.5), ("recovered_share", 0.0),
    ],
)  # fmt: skip
def test_a_window_goes_by_the_start_of_requests(name: str, right: float) -> None:
    assert taken(name, run(REQUESTS), WINDOW) == pytest.approx(right)


def test_series_go_by_start_or_by_completion() -> None:
    by_start = taken("users.failed_share_series.by_start", run(REQUESTS), BY_TEN)
    by_completion = taken("users.failed_share_series.by_completion", run(REQUESTS), BY_TEN)
    assert by_start == pytest.approx([1 / 2, 1 / 3, 1.0])
    assert by_completion == pytest.approx([0.0, 2 / 3, 0.0])
    assert taken("users.good_rate_series", run(REQUESTS), BY_TEN) == pytest.approx([0.1, 0.1, 0.1])


def test_a_bin_without_requests_has_no_share() -> None:
    series = taken("users.failed_share_series.by_start", run(REQUESTS[:1]), BY_TEN)
    assert np.isnan(series).tolist() == [False, True, True]


def test_the_last_bad_instant_is_the_end_of_a_bin() -> None:
    late = Measure(0.0, 1.0, from_s=10.0)
    assert taken("users.last_bad_instant", run(REQUESTS), late, horizon_s=40) == 30.0
    assert taken("users.last_bad_instant", run(REQUESTS[:1]), late, horizon_s=40) == 10.0


def test_attempts_by_window_and_in_all() -> None:
    calls = run(REQUESTS, sent=[1.0, 3.0], failed=[1.0])
    assert taken("edge s->dep.sent_rate.w", calls, WINDOW) == pytest.approx(23 / 11)
    assert taken("edge s->dep.error_total", calls, WINDOW) == SECONDS
    assert taken("edge s->dep.sent_rate_series", calls, BY_TEN) == pytest.approx([2.0, 2.0, 2.0])
    ratio = Measure(0.0, 1.0, window=(10.0, 20.0), edge=("s", "dep"))
    assert taken("amplification.w", calls, ratio) == pytest.approx(20 / 3)
    assert taken("edge s->dep.peak_sent_per_10s", calls, WINDOW, horizon_s=40, fault_start_s=20) == 20.0


def test_levels_are_means_over_bins_or_values_at_a_moment() -> None:
    levels = run(REQUESTS, waiting_count=list(range(SECONDS)), capacity_per_s=list(range(1, SECONDS + 1)))
    assert taken("s.queue_series", levels, BY_TEN) == pytest.approx([4.5, 14.5, 24.5])
    assert taken("s.queue_max", levels, BY_TEN) == SECONDS - 1
    moments = Measure((0.0, 0.0), (1.0, 1.0), bin_s=10.0, first_s=10.0)
    run_of_moments = Case(moments, Instance("C14-a", {}, {}, {}), {"": levels})
    assert run_of_moments.moments(levels.level("s", "capacity_per_s")).tolist() == [11.0, 21.0]


def test_nearest_rank() -> None:
    values = np.arange(1.0, 11.0)
    assert [nearest_rank(values, p) for p in (1, 10, 50, 99, 100)] == [1.0, 1.0, 5.0, 10.0, 10.0]


def test_the_mean_of_replicates_is_judged() -> None:
    verdict = judge("x", Measure(1.0, 0.5), [1.0, 2.0, float("nan")])
    assert (verdict.found, verdict.ratio, verdict.is_within) == (1.5, 1.0, True)


def test_a_series_is_as_good_as_its_worst_bin() -> None:
    verdict = judge("x", Measure((1.0, 1.0), (1.0, 0.5), bin_s=10.0, first_s=0.0), [np.array([1.5, 2.0])])
    assert (verdict.at_s, verdict.ratio, verdict.is_within) == (10.0, 2.0, False)


def test_nothing_measured_is_not_within() -> None:
    assert not judge("x", Measure(1.0, 0.5), [float("nan")]).is_within
