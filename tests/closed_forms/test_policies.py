"""What clients and servers do against overload: each policy against its law, and against the same without it.

The laws are those of the policies' authors (ids of the house's list of cases); tests also show that the law
fails where the mechanism is off, so that it cannot hold by accident.
"""

from pathlib import Path
from typing import Any

import numpy as np
import pytest

import twin
from twin.model.scenario import Scenario

from .one_station import FLUID, RANDOM, Samples, q, run, setting
from .test_queueing import COLLAPSED, TRIGGER, WELL, end_of, near

REGIMES = pytest.mark.parametrize("service", [FLUID, RANDOM], ids=["at once", "with an orbit"])
AMPLE = {"capacity_per_s": 1e6}

# --- the SDK's retry quota -------------------------------------------------


def retries_of(calls: int, client: dict[str, Any], **station: float) -> float:
    """Retries of so many calls that come together, none of which can succeed."""
    client = {"retries": 2, "backoff_s": 0.1} | client
    at_the_station, _ = run(
        RANDOM | AMPLE | station, 0, 60, 0.1, client=client, load={"batch_count": calls}, debug=True
    )
    return float(at_the_station.offered.sum()) - calls


@pytest.mark.parametrize(("why", "allowed"), [({"fault_ratio": 1.0}, 35), ({"admitted_ratio": 0.0}, 100)],
                         ids=["failed", "refused"])  # fmt: skip
def test_v46_retry_quota(why: dict[str, float], allowed: int) -> None:
    assert retries_of(1000, {"retry_mode": "standard"}, **why) == allowed
    three = {"retry_mode": "standard", "clients_count": 3}
    assert retries_of(1000, three, **why) == 1500 // (500 // allowed)
    assert retries_of(1000, {}, **why) == 2000  # red: as many as there are tries


@REGIMES
def test_a_success_gives_a_token_back(service: dict[str, Any]) -> None:
    """With a share p of failures, untroubled successes pay for (1-p)/14 retries a call, and retries that
    succeed get their price back: (1-p)/14 / p retries in all, if more are wanted."""
    p = 0.5
    client = {"retries": 3, "backoff_s": 0.1, "retry_mode": "standard", "clients_count": 1000}
    station, customers = run(
        service | AMPLE | {"fault_ratio": p}, 1e5, 300, 0.1, client=client, debug=True, requests="auto"
    )
    ratio = (1 - p) / 14 / p
    assert station.offered[50:].mean() / 1e5 == near(1 + ratio, 0.01)
    assert customers.goodput[50:].mean() / 1e5 == near((1 - p) * (1 + ratio), 0.01)


def test_the_quota_removes_the_collapsed_state() -> None:
    quota = {"retry_mode": "standard"}
    assert end_of(600, TRIGGER, client=quota) == WELL
    assert end_of(600, TRIGGER) == COLLAPSED
    assert end_of(600, TRIGGER, client=quota | {"clients_count": 1e6}) == COLLAPSED  # nobody's quota is spent


# --- limits of a client's own rate -----------------------------------------

REFUSING = {"throttle_per_s": 100.0, "burst_count": 0.0}


@pytest.mark.parametrize("noise", ["exact", "mean"])
@pytest.mark.parametrize(("tick_s", "ratio"), [(1.0, 2.0), (0.1, 2.0), (1.0, 1.1)])
def test_v48_adaptive_throttling(noise: str, tick_s: float, ratio: float) -> None:
    """Clients send ``ratio`` times what is accepted; the rest fails at home."""
    station, customers = run(FLUID | REFUSING, 1000, 2000, tick_s, noise=noise, debug=True,
                             client={"client_throttle_ratio": ratio})  # fmt: skip
    sent, wanted = station.offered[1000:].mean(), customers.offered[1000:].mean()
    assert sent == near(100 * ratio, 0.02)
    assert 1 - sent / wanted == near(1 - ratio / 10, 0.02)
    assert customers.error_ratio[1000:].mean() == near(0.9, 0.01)


def test_v48_without_the_throttle_everything_is_sent() -> None:
    station, _ = run(FLUID | REFUSING, 1000, 300, 1.0, client={"client_throttle_ratio": 0.0})
    assert station.offered[100:].mean() == near(1000, 0.02)


def test_a_throttled_client_sends_all_again_once_it_is_accepted() -> None:
    station, _ = run(FLUID | REFUSING, 1000, 1200, 1.0, client={"client_throttle_ratio": 2.0},
                     changes=(setting(600, throttle_per_s=0.0),))  # fmt: skip
    assert station.offered[500:590].mean() < 250
    assert station.goodput[-100:].mean() == near(1000, 0.02)


def test_the_adaptive_mode_keeps_below_what_is_refused() -> None:
    """Cut by 0.7 at a refusal, and cubic growth after it: most is accepted of what is still sent."""
    sent = {}
    for mode in ("legacy", "standard", "adaptive"):
        client = {"retries": 2, "retry_mode": mode}
        station, _ = run(FLUID | REFUSING, 1000, 600, 1.0, client=client, debug=True)
        sent[mode] = station.offered[100:].mean()
        accepted = station.goodput[100:].mean()
        assert accepted == near(100, 0.01 if mode != "adaptive" else 0.2)
        assert accepted / sent[mode] > 0.9 or mode != "adaptive"
    assert sent["legacy"] == near(2900, 0.05)  # (1 - p^3) / (1 - p) with p close to 1
    assert sent["standard"] == near(1000 + 98 / 5, 0.02)  # the accepted pay for a retry of 5 each
    assert sent["adaptive"] < 110


def test_the_adaptive_mode_grows_by_the_cubic_law() -> None:
    """After a cut from W: 0.4 (s - k)^3 + W after s seconds, k = (0.3 W / 0.4)^(1/3), W a client's rate."""
    w_per_s, clients = 800.0, 100
    station, _ = run(FLUID, w_per_s * clients, 60, 0.1, noise="mean", sample_s=0.1, debug=True,
                     client={"retry_mode": "adaptive", "clients_count": clients},
                     changes=(setting(30, for_s=0.3, admitted_ratio=0.5),))  # fmt: skip
    sent = station.offered / clients
    cut = int(np.flatnonzero(sent[250:] < 0.75 * w_per_s)[0]) + 250
    assert sent[cut] == near(0.7 * w_per_s, 0.01)
    after_s, k_s = np.arange(120) * 0.1, (0.3 * w_per_s / 0.4) ** (1 / 3)
    law = np.minimum(w_per_s, 0.4 * (after_s - k_s) ** 3 + w_per_s)
    assert sent[cut : cut + 120] == pytest.approx(law, rel=0.02)


# --- circuit breakers ------------------------------------------------------

BREAKERS = {"breaker_error_ratio": 0.5, "clients_count": 2000}  # each client calls once a second
OUTAGE = setting(100, for_s=1900, fault_ratio=1.0)


def outage(client: dict[str, Any], **station: float) -> tuple[Samples, Samples]:
    return run(FLUID | AMPLE | station, 2000, 2300, 1.0, client=client, changes=(OUTAGE,), debug=True)


def test_a_breaker_admits_its_probes_in_a_total_outage() -> None:
    """Ten probes, a second apart, after each minute: 10 of 70 calls."""
    station, customers = outage(BREAKERS)
    assert station.goodput[50:95].mean() == near(2000, 0.02)
    assert station.offered[1200:1990].mean() / 2000 == near(10 / 70, 0.03)
    assert customers.error_ratio[1200:1990].min() == 1.0
    without, _ = outage({})
    assert without.offered[1200:1990].mean() / 2000 == near(1.0, 0.02)  # red


def test_breakers_of_many_clients_close_evenly_over_the_open_time() -> None:
    """They opened at different moments: of those open at the repair, a quarter closes every 15 s."""
    station, _ = outage(BREAKERS)
    share = station.goodput[2002:2065] / 2000
    at = np.array([share[k - 2 : k + 3].mean() for k in (15, 30, 45, 59)])
    assert at == pytest.approx(1 / 7 + np.array([15, 30, 45, 59]) / 60 * 6 / 7, abs=0.05)
    at_once, _ = outage({"breaker_error_ratio": 0.5, "clients_count": 1})  # red: one breaker, one step
    steps = at_once.goodput[2002:2065] / 2000
    assert ((steps > 0.1) & (steps < 0.9)).mean() < 0.1


@pytest.mark.parametrize(("fault_ratio", "left"), [(0.3, 0.7), (0.8, 0.2 / 7)])
def test_a_breaker_makes_a_partial_outage_total(fault_ratio: float, left: float) -> None:
    """Below the threshold nothing happens; beyond it, good calls are not sent either."""
    partial = FLUID | AMPLE | {"fault_ratio": fault_ratio}
    station, _ = run(partial, 2000, 2000, 1.0, client=BREAKERS, debug=True)
    assert station.goodput[1200:].mean() / 2000 == near(left, 0.1)


# --- deadlines -------------------------------------------------------------


@pytest.mark.parametrize(("deadline_s", "attempts"), [(0.0, 4), (10.0, 4), (9.0, 3), (5.0, 2), (3.0, 1)])
def test_a_deadline_ends_the_tries(deadline_s: float, attempts: int) -> None:
    """Attempts of 3 s and waits of 0.05 to 0.2 s: the last begins while enough of the deadline is left."""
    client = {"timeout_s": 3.0, "retries": 3, "backoff_s": 0.05, "jitter": "none", "deadline_s": deadline_s}
    station, customers = run({"capacity_per_s": 0.0}, 1000, 60, 1.0, client=client, debug=True)
    assert station.offered[30:].mean() / customers.offered[15:-15].mean() == near(attempts, 0.02)


@pytest.mark.parametrize("service_time_s", [0.4, 0.6])
@pytest.mark.parametrize("capacity_per_s", [1e6, 1100.0], ids=["at once", "with a queue"])
def test_an_answer_after_the_deadline_is_none(service_time_s: float, capacity_per_s: float) -> None:
    """Whatever the time-out of an attempt is: half a second is what the caller has."""
    station = {"capacity_per_s": capacity_per_s, "service_time_s": service_time_s}
    _, customers = run(station, 1000, 60, 1.0, client={"deadline_s": 0.5, "retries": 2}, debug=True,
                       changes=(setting(20, for_s=2, capacity_ratio=0.0),))  # fmt: skip
    assert customers.error_ratio[-10:].mean() == pytest.approx(float(service_time_s > 0.5), abs=0.02)


def test_a_deadline_narrows_the_band_of_collapse() -> None:
    """Two attempts fit into 5 s, so the collapsed state needs half of the capacity, not a quarter."""
    assert end_of(400, TRIGGER, client={"deadline_s": 5.0}) == WELL
    assert end_of(400, TRIGGER, client={"deadline_s": 20.0}) == COLLAPSED
    assert end_of(600, TRIGGER, client={"deadline_s": 5.0}) == COLLAPSED


@REGIMES
def test_a_deadline_counts_where_nothing_waits_too(service: dict[str, Any]) -> None:
    """Failures known after 1 s, waits of 1 s: tries begin at 0 s, 2 s, 4 s; 3.5 s leave room for two. With a
    queue a failure is known at once: tries at 0 s, 1 s, 2 s, 3 s."""
    client = {"retries": 3, "backoff_s": 1.0, "backoff_cap_s": 1.0, "jitter": "none", "deadline_s": 3.5}
    failing = service | AMPLE | {"fault_ratio": 1.0, "service_time_s": 1.0 if service is FLUID else 0.0}
    station, _ = run(failing, 1e4, 60, 1.0, client=client, debug=True)
    assert station.offered[20:].mean() / 1e4 == near(2 if service is FLUID else 4, 0.02)


# --- decorrelated jitter, and waits in general -----------------------------


def test_decorrelated_waits_meet_their_mean() -> None:
    """A crowd that fails for good waits 2, 3.5 and 5.75 times its shortest wait, on average."""
    client = {"retries": 3, "backoff_s": 10.0, "backoff_cap_s": 1e4, "jitter": "decorrelated"}
    station, _ = run(RANDOM | AMPLE | {"fault_ratio": 1.0}, 0, 600, 0.1, client=client, debug=True,
                     load={"batch_count": 1e5}, sample_s=0.5)  # fmt: skip
    came, at_s = station.offered * 0.5, (np.arange(len(station.offered)) + 0.5) * 0.5
    assert came.sum() == 4e5
    assert (came * at_s).sum() / 4e5 == near((0 + 20 + 20 + 35 + 20 + 35 + 57.5) / 4, 0.03)
    first = came[: round(10 / 0.5)].sum()
    assert first == 1e5  # nobody waits less than the shortest wait


# --- whom a server refuses -------------------------------------------------


def two_callers(priorities: tuple[str, str], **station: float) -> tuple[float, float]:
    """Error ratios of two crowds, 400 and 600 a second, at a station that admits 500."""

    def crowd(name: str, rate_per_s: float, priority: str) -> dict[str, Any]:
        calls = {"on": "station", "mode": "hard", "priority": q(priority), "retries": q(0)}
        return {"name": name, "kind": "workload", "domain": "one", "dependencies": [calls],
                "parameters": {"rate_per_s": q(rate_per_s)}}  # fmt: skip

    services = {
        "people": crowd("people", 400.0, priorities[0]), "batches": crowd("batches", 600.0, priorities[1]),
        "station": {"name": "station", "kind": "queueing", "domain": "one",
                    "parameters": {k: q(v) for k, v in station.items()}},
    }  # fmt: skip
    done = twin.run(Scenario.model_validate({
        "scenario": "two", "requests": "counted", "start": "2025-10-19T22:00:00-07:00",
        "duration": 300.0, "sample": 10.0,
        "topology": {"topology": "two", "services": services},
    }), debug=True)  # fmt: skip
    people, batches = Samples(done, "people"), Samples(done, "batches")
    return float(people.error_ratio[3:].mean()), float(batches.error_ratio[3:].mean())


@pytest.mark.parametrize("station", [
    {"throttle_per_s": 500.0, "burst_count": 0.0}, {"admitted_ratio": 0.5},
    {"capacity_per_s": 500.0, "buffer_count": 100.0},
], ids=["throttle", "emergency", "buffer"])  # fmt: skip
def test_low_priority_is_refused_first(station: dict[str, float]) -> None:
    """400 and 600 want 500: the first all, the second 100 of 600; and the other way round."""
    assert two_callers(("high", "low"), **station) == pytest.approx((0.0, 5 / 6), abs=0.02)
    assert two_callers(("low", "normal"), **station) == pytest.approx((1.0, 1 / 6), abs=0.03)
    assert two_callers(("low", "low"), **station) == pytest.approx((0.5, 0.5), abs=0.03)  # red: all alike


# --- all of them on the example ----------------------------------------------

EXAMPLE = Path(__file__).parents[2] / "scenarios" / "examples" / "retry-storm.yaml"


def minutes_impaired(change: str) -> float:
    """How long the front end of the example is impaired, of the fifty minutes after its trouble began."""
    rows = (
        twin.run(twin.load(EXAMPLE, set=dict([change.split("=")])), debug=True)
        .sql("select * from impact")
        .to_pylist()
    )
    return next(row["impaired_min"] for row in rows if row["service"] == "front")


@pytest.mark.parametrize("change", [
    "customers->front.retry_mode=standard", "customers->front.retry_mode=adaptive",
    "customers->front.client_throttle_ratio=2", "customers->front.breaker_error_ratio=50%",
    "customers->front.deadline_s=3s", "customers->front.retry_budget_ratio=10%",
    "front.discipline=lifo", "front.discipline=deadline_drop", "front.buffer_count=1000",
])  # fmt: skip
def test_each_policy_ends_the_storm(change: str) -> None:
    assert minutes_impaired(change) < 15


@pytest.mark.parametrize("change", [
    "front.discipline=fifo", "customers->front.jitter=none", "customers->front.jitter=decorrelated",
    "customers->front.backoff_s=10s", "customers->front.clients_count=1000000",
    "customers->front.client_throttle_ratio=0",
])  # fmt: skip
def test_what_does_not_end_it(change: str) -> None:
    """Back-off and jitter only shift the load of an open stream of first tries."""
    assert minutes_impaired(change) > 49


# --- books -----------------------------------------------------------------

POLICIES = {
    "standard": {"retry_mode": "standard", "clients_count": 5},
    "adaptive": {"retry_mode": "adaptive", "clients_count": 20},
    "throttled": {"client_throttle_ratio": 2.0},
    "breakers": {"breaker_error_ratio": 0.5, "clients_count": 50, "breaker_open_s": 7.0},
    "deadline": {"deadline_s": 4.0},
    "all": {"retry_mode": "adaptive", "client_throttle_ratio": 1.5, "breaker_error_ratio": 0.3,
            "deadline_s": 5.0, "retry_budget_ratio": 0.2, "jitter": "decorrelated"},
}  # fmt: skip


@pytest.mark.parametrize("noise", ["exact", "mean"])
@pytest.mark.parametrize("service", ["deterministic", "exponential"])
@pytest.mark.parametrize("policy", POLICIES)
def test_no_call_is_lost_whatever_clients_do(noise: str, service: str, policy: str) -> None:
    """Through calm, faults, refusals and overload, while the station's own check looks at the books."""
    changes = (setting(60, for_s=60, fault_ratio=0.6), setting(180, for_s=60, throttle_per_s=100.0),
               setting(300, for_s=60, capacity_ratio=0.2))  # fmt: skip
    _, customers = run(
        {"capacity_per_s": 2000.0, "servers_count": 10, "service": service}, 900, 600, 1.0, noise=noise,
        client={"timeout_s": 3.0, "retries": 2} | POLICIES[policy], changes=changes, debug=True,
    )  # fmt: skip
    assert customers.offered.mean() == near(900, 0.02)
    assert customers.error_ratio[30:55].max() < 0.01
    assert customers.error_ratio[70:110].mean() > 0.2
