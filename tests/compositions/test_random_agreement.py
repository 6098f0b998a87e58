"""The twin and the oracle on small systems: on random ones, and on those in which they once disagreed."""

import pytest

import twin
from tests.compositions.random_agreement import disagreements, loaded, smaller
from tests.compositions.random_systems import Small, draw_system
from tests.compositions.test_oracle import relay, station, users

LONG_S = 86_400.0
SILENT = [{"at": 40, "until": 80, "set": {"leaf.silent_ratio": 1.0}}]
BROKEN = [{"at": 40, "until": 80, "set": {"leaf.fault_ratio": 0.5}}]

# What each of them was about.
ONCE_WRONG = {
    "users who give up end after their patience": Small(
        {"users": users(8, "leaf", 0.3), "leaf": station(work_s=0.2)}, []
    ),
    "failed work comes back to the store": Small(
        {"users": users(8, "api", 1.0),
         "api": relay(calls=[{"on": "leaf", "mode": "async", "backoff_s": 1.0}]),
         "leaf": station(servers_count=2, work_s=0.1)},
        BROKEN,
    ),
    "work that comes back makes all its calls again": Small(
        {"users": users(8, "api", 1.0),
         "api": relay(calls=[{"on": "worker", "mode": "async", "backoff_s": 1.0}]),
         "worker": relay(calls=[{"on": "leaf", "timeout_s": 0.3, "times": 3}]),
         "leaf": station(work_s=0.2)},
        [],
    ),
    "an answer at the moment of the time-out is in time": Small(
        {"users": users(8, "page", 0.2),
         "page": relay(calls=[{"on": "leaf", "timeout_s": 0.2}]),
         "leaf": station(work_s=0.2, service="deterministic")},
        [],
    ),
    "a retry budget without a size has that of ten seconds": Small(
        {"users": users(8, "page", 3.0),
         "page": relay(calls=[{"on": "leaf", "retries": 3, "backoff_s": 0.1, "retry_budget_ratio": 1.0}]),
         "leaf": station(work_s=0.05)},
        [{"at": 40, "until": 80, "set": {"leaf.fault_ratio": 1.0}}],
    ),
    "the share of bad probes decides": Small(
        {"users": users(8, "page", 3.0),
         "page": relay(calls=[{"on": "leaf", "mode": "soft", "breaker_error_ratio": 0.4,
                               "breaker_window_count": 20, "breaker_open_s": 4.0,
                               "breaker_probes_count": 5}]),
         "leaf": station(work_s=0.05)},
        BROKEN,
    ),
    "a retried call draws its own calls anew": Small(
        {"users": users(8, "page", 3.0),
         "page": relay(calls=[{"on": "part", "mode": "soft", "timeout_s": 0.1, "retries": 2}]),
         "part": relay(calls=[{"on": "leaf", "mode": "soft", "timeout_s": 0.3, "share": 0.3}]),
         "leaf": station(work_s=0.01)},
        SILENT,
    ),
    "a fallback makes its own calls": Small(
        {"users": users(8, "page", 3.0),
         "page": relay(calls=[{"on": "first", "timeout_s": 0.1, "fallback": "second"}, {"on": "second"}]),
         "first": station(work_s=0.2),
         "second": relay(calls=[{"on": "leaf", "mode": "soft", "timeout_s": 0.5}]),
         "leaf": station(work_s=0.05)},
        [],
    ),
    "without failover no other alternative is tried": Small(
        {"users": users(8, "page", 3.0),
         "page": relay(calls=[{"on": "leaf", "one_of": "cells"}, {"on": "other", "one_of": "cells"}]),
         "leaf": station(work_s=0.05), "other": relay(calls=[{"on": "leaf", "share": 0.5}])},
        BROKEN,
    ),
    "probes of a breaker follow one another": Small(
        {"users": users(8, "page", 3.0),
         "page": relay(calls=[{"on": "leaf", "mode": "soft", "timeout_s": 0.1, "breaker_failures_count": 5,
                               "breaker_open_s": 5.0, "breaker_probes_count": 3}]),
         "leaf": station(work_s=0.05)},
        SILENT,
    ),
}  # fmt: skip


@pytest.mark.parametrize("what", ONCE_WRONG)
def test_where_they_once_disagreed(what: str) -> None:
    assert not disagreements(loaded(ONCE_WRONG[what]), seeds=4, more=12)


@pytest.mark.parametrize("number", [2, 5, 23])
def test_they_agree_on_random_systems(number: int) -> None:
    assert not disagreements(loaded(draw_system(number)), seeds=4, more=12)


@pytest.mark.parametrize("number", range(100, 112))
def test_no_call_is_lost_or_counted_twice(number: int) -> None:
    """Over each edge and the whole run: sent = ended in one of three ways, or still in flight; and what a
    service served is what its callers count as served, in time or late."""
    run = twin.run(loaded(draw_system(number)))
    edges = run.sql(
        "select callee, sum(sent) as sent, sum(served + failed + timed_out) as ended,"
        " arg_max(in_flight, tick) as in_flight, sum(served + served_late) as served"
        " from calls group by caller, callee"
    ).to_pylist()
    assert all(edge["sent"] == edge["ended"] + edge["in_flight"] for edge in edges), edges
    for name in run.scenario.topology.services:
        query = "select cast(sum(goodput_per_s) as double) as n from samples where service = $name"
        (served,) = run.sql(query, name=name).to_pylist()
        counted = sum(edge["served"] for edge in edges if edge["callee"] == name)
        if any(edge["callee"] == name for edge in edges):
            assert served["n"] * run.scenario.sample_s == pytest.approx(float(counted)), name


def test_the_same_number_draws_the_same_system() -> None:
    assert draw_system(7) == draw_system(7) != draw_system(8)


def test_each_smaller_system_lacks_something() -> None:
    system = draw_system(13)
    assert all(str(less) != str(system) and len(str(less)) < len(str(system)) for less in smaller(system))
