"""The lease fleet keeps the closed-form laws of lease loss and congestive collapse, in runs of one service.

Every run checks, after each tick, that each host's droplets are leased, waiting or in an attempt.
"""

import math
from itertools import pairwise
from typing import Any

import numpy as np
import pytest

import twin
from twin.api.run import Run
from twin.kinds.lease_fleet.lease_host import AGES, KNOWN
from twin.kinds.lease_fleet.workflow import finishing_ratio, goodput_ratio, known_ratio
from twin.model.scenario import Dependency, Scenario, Service
from twin.simulation import inline
from twin.simulation.run import schedule_for
from twin.simulation.world import build

COLD_START = {"hosts_count": 1, "lapse_per_s": 0.0, "broken_at_start_ratio": 1.0, "min_duration_s": 0.001}
DOWN_S, UP_S, FIX_S, END_S = 600.0, 9960.0, 16_380.0, 25_200.0


def quantities(values: dict[str, Any]) -> dict[str, Any]:
    return {name: {"value": value, "assumed": "a test"} for name, value in values.items()}


def scenario(
    duration_s: float, parameters: dict[str, Any], *, tick_s: float = 1.0, sample_s: float = 10.0,
    noise: str = "mean", fault_ratio: float | None = None, faults: tuple = (), actions: tuple = (),
) -> Scenario:  # fmt: skip
    """A fleet, on request with a DynamoDB of which a share of calls fails, and a caller that launches."""
    services = {"dwfm": {"name": "dwfm", "kind": "lease_fleet", "parameters": quantities(parameters)}}
    if fault_ratio is not None:
        db = quantities({"fault_ratio": fault_ratio, "service_time_s": 0.0})
        services["dynamodb"] = {"name": "dynamodb", "kind": "relay", "parameters": db}
        once = quantities({"retries": 0})
        services["dwfm"]["dependencies"] = [{"on": "dynamodb", "mode": "hard"} | once]
        needs = [{"on": "dwfm", "mode": "hard"}]
        services["launch"] = {"name": "launch", "kind": "relay", "dependencies": needs}
    for service in services.values():
        service["domain"] = "ec2"
    return Scenario.model_validate({
        "scenario": "leases", "start": "2025-10-20T00:00:00Z", "duration": float(duration_s),
        "tick": float(tick_s), "sample": float(sample_s), "noise": noise, "seed": 7,
        "faults": faults, "actions": actions,
        "topology": {"topology": "leases", "signal_period": float(tick_s), "services": services},
    })  # fmt: skip


def broken(duration_s: float, parameters: dict[str, Any], **more: Any) -> np.ndarray:
    """Share of droplets without a lease, mean of each sample interval."""
    return error_ratios(scenario(duration_s, parameters, **more))


def error_ratios(case: Scenario) -> np.ndarray:
    """The fleet's error ratio in each sample interval of a run that checks its invariants."""
    rows = twin.run(case, debug=True).samples.to_pylist()
    return np.array([r["error_ratio"] for r in rows if r["service"] == "dwfm"])


def finish_s(ratios: np.ndarray, sample_s: float) -> float:
    """End of the last sample interval in which a lease was missing; inf if that is the last."""
    last = int(np.flatnonzero(ratios > 0)[-1]) + 1
    return last * sample_s if last < len(ratios) else math.inf


def survival(p: float, m: int, n: int) -> np.ndarray:
    """P(no m failures in a row within j checks), j = 0 … n-1: the run recursion."""
    alive = [1.0] * m + [1.0 - p**m]
    for j in range(m + 1, n):
        alive.append(alive[j - 1] - (1 - p) * p**m * alive[j - m - 1])
    return np.array(alive)


V19B = [(0.5, 2, 6), (0.5, 3, 14), (0.9, 3, 3.717421), (0.1, 3, 1110)]


@pytest.mark.parametrize(("p", "m", "checks"), V19B)
def test_a_lease_lasts_until_so_many_checks_in_a_row_have_failed(p: float, m: int, checks: float) -> None:
    """V19b, V19c: with a check a slot and no capacity, the leased share is how long a lease survives."""
    n = round(20 * checks)
    one_check_a_tick = {"slot_s": 10.0, "check_interval_s": 10.0, "lease_s": 10.0 * m, "lapse_per_s": 0.0}
    parameters = one_check_a_tick | {"hosts_count": 1, "holders_count": 10**10, "capacity_per_s": 0.0}
    ratios = broken(10.0 * n, parameters, tick_s=10.0, fault_ratio=p)
    leased = 1.0 - ratios[1:]  # what DynamoDB does in the first tick is seen in the second
    assert leased == pytest.approx(survival(p, m, n)[1:], abs=1e-7)
    assert 1.0 + leased.sum() == pytest.approx(checks, rel=1e-6)


def lapsed_after(lease_s: float, slot_s: float, noise: str = "mean") -> np.ndarray:
    """Share of leases that have lapsed, second by second after all checks begin to fail."""
    at_s, check_s = 720.0, 180.0
    fault = {"id": "down", "at": f"+{at_s}s", "set": {"dynamodb.fault_ratio": 1.0}, "assumed": "a test"}
    parameters = {"hosts_count": 1, "holders_count": 1_800_000, "slot_s": slot_s, "lease_s": lease_s,
                  "check_interval_s": check_s, "lapse_per_s": 0.0, "capacity_per_s": 0.0}  # fmt: skip
    case = scenario(at_s + lease_s + 100.0, parameters, sample_s=1.0, fault_ratio=0.0, faults=(fault,),
                    noise=noise)  # fmt: skip
    return error_ratios(case)[round(at_s) :]


@pytest.mark.parametrize("lease_s", [180.0, 540.0, 541.0, 600.0, 719.0, 720.0])
@pytest.mark.parametrize(("slot_s", "noise"), [(1.0, "mean"), (10.0, "mean"), (10.0, "exact")])
def test_leases_lapse_evenly_in_the_interval_before_their_length(
    lease_s: float, slot_s: float, noise: str
) -> None:
    """clip((t - (L - h)) / h, 0, 1): each lease ends L after its last check, which is up to h ago."""
    lapsed = lapsed_after(lease_s, slot_s, noise)
    t = np.arange(len(lapsed))
    expected = np.clip((t - (lease_s - 180.0)) / 180.0, 0.0, 1.0)
    assert np.abs(lapsed - expected).max() <= (slot_s + 3.0) / 180.0  # a slot, and the way of the news
    assert abs((1.0 - lapsed).sum() - (lease_s - 90.0)) <= 0.5 * slot_s + 3.0


def test_every_length_of_a_lease_makes_a_difference() -> None:
    """Also within a slot: the mean time to the lapse grows by a second with each second of lease."""
    means_s = [(1.0 - lapsed_after(lease_s, 10.0)).sum() for lease_s in (540.0, 541.0, 545.0, 600.0, 719.0)]
    assert np.diff(means_s) == pytest.approx([1.0, 4.0, 55.0, 119.0], abs=0.05)


@pytest.mark.parametrize("noise", ["mean", "exact"])
def test_a_share_of_the_leases_is_lost_at_one_moment(noise: str) -> None:
    """Once; then they come back through the queue, each as quickly as one that lapsed by itself."""
    drop = {"id": "drop", "at": "+60s", "set": {"dwfm.lapse_ratio": 0.25}, "assumed": "a test"}
    again = drop | {"id": "again", "at": "+600s"}
    parameters = {"holders_count": 100_000, "capacity_per_s": 1000.0, "lapse_per_s": 0.0, "hosts_count": 4}
    case = scenario(900.0, parameters, sample_s=1.0, fault_ratio=0.0, faults=(drop, again), noise=noise)
    ratios = error_ratios(case)
    assert ratios[:60].max() == 0.0 == ratios[500:600].max()
    assert ratios[[60, 600]] == pytest.approx(0.25, abs=0.01)


def launches_over(mode: str, leased_ratio: float) -> dict[str, float]:
    """The last sample of a relay that needs a lease from a fleet of which this share has one."""
    case = scenario(120.0, {"broken_at_start_ratio": 1.0 - leased_ratio, "capacity_per_s": 0.0,
                            "lapse_per_s": 0.0, "holders_count": 10_000}, fault_ratio=0.0)  # fmt: skip
    launch = case.topology.services["launch"]
    launch = launch.model_copy(update={"dependencies": (Dependency(on="dwfm", mode=mode),)})
    people = Service.model_validate({
        "name": "people", "kind": "workload", "domain": "ec2", "parameters": quantities({"rate_per_s": 1e4}),
        "dependencies": [{"on": "launch", "mode": "hard"}],
    })  # fmt: skip
    services = {**case.topology.services, "people": people, "launch": launch}
    case = case.model_copy(update={"topology": case.topology.model_copy(update={"services": services})})
    return [r for r in twin.run(case, debug=True).samples.to_pylist() if r["service"] == "launch"][-1]


@pytest.mark.parametrize(("leased", "served"), [(1.0, 1.0), (0.8, 1.0), (0.4, 0.5), (0.0, 0.0)])
def test_a_lease_is_a_condition_that_costs_no_time(leased: float, served: float) -> None:
    """Half of the leases that are needed: half of the work. The queue of the hosts delays nobody."""
    row = launches_over("lease", leased)
    assert 1.0 - row["error_ratio"] == pytest.approx(served, abs=0.01)
    assert row["latency_s"] == pytest.approx(0.02)


@pytest.mark.parametrize(("n", "left"), [(5999, 0.0), (6001, 1.0)])
def test_work_of_fixed_size_collapses_beyond_capacity_times_timeout(n: int, left: float) -> None:
    """V20: all are leased at the time-out, or none ever is."""
    parameters = COLD_START | {"holders_count": n, "capacity_per_s": 100.0, "timeout_s": 60.0, "steps": 0}
    ratios = broken(600.0, parameters)
    assert (ratios[4], ratios[6], ratios[-1]) == (1.0, left, left)


V21B = [(12, 3, 12), (16, 5, 16), (18, 6, 18), (20, 8, 20), (22, 11, 22), (23, 14, 23), (24, math.inf, 12),
        (48, math.inf, 12)]  # fmt: skip


@pytest.mark.parametrize(("n", "tick", "leased"), V21B)
def test_a_queue_with_dead_work_finishes_or_stalls(n: int, tick: float, leased: int) -> None:
    """V21b: four a tick, time-out three ticks."""
    parameters = COLD_START | {"holders_count": n, "capacity_per_s": 4.0, "timeout_s": 3.0, "slot_s": 1.0,
                               "workflow": "fifo"}  # fmt: skip
    ratios = broken(60.0, parameters, sample_s=1.0)
    assert finish_s(ratios, 1.0) + 1.0 == tick  # a tick reports what holds after its work
    assert n - round(n * ratios[-1]) == leased


def test_dead_work_that_is_dropped_cannot_stall() -> None:
    parameters = COLD_START | {"holders_count": 48, "capacity_per_s": 4.0, "timeout_s": 3.0, "slot_s": 1.0,
                               "workflow": "fifo", "drop_expired": True}  # fmt: skip
    assert finish_s(broken(60.0, parameters, sample_s=1.0), 1.0) == 48 / 4 - 1


@pytest.mark.parametrize(("k", "expected"), [(1, 1.0), (2, 0.590), (4, 0.297), (8, 0.103), (16, 0.0165)])
def test_goodput_at_twice_the_critical_number(k: int, expected: float) -> None:
    """V22: the renewal law, N = 2 mu T."""
    assert goodput_ratio(k, 0.5) == pytest.approx(expected, abs=5e-4)


@pytest.mark.parametrize(("k", "expected"), [(1, 1.0), (2, 1.7249), (4, 4.5764), (8, 38.789)])
def test_recovery_takes_longer_the_more_steps_are_lost(k: int, expected: float) -> None:
    """V22b: from N = 4 mu T, in units of N/mu."""
    rate_per_s, timeout_s = 1000.0, 3600.0
    n = 4 * rate_per_s * timeout_s
    parameters = COLD_START | {"holders_count": int(n), "capacity_per_s": rate_per_s, "timeout_s": timeout_s,
                               "steps": k, "workflow": "renewal"}  # fmt: skip
    ratios = broken(1.01 * expected * n / rate_per_s, parameters, tick_s=10.0)
    assert finish_s(ratios, 10.0) * rate_per_s / n == pytest.approx(expected, rel=1e-3)


@pytest.mark.parametrize(("timeout_s", "finishes"), [(60.0, True), (30.0, True), (29.0, False)])
def test_a_bounded_window_finishes_in_time(timeout_s: float, finishes: bool) -> None:
    """V23: after a restart, 3000 at once of 100 000 at 100 a second: done in N/mu, each in K/mu = 30 s."""
    parameters = COLD_START | {"holders_count": 100_000, "capacity_per_s": 100.0, "timeout_s": timeout_s,
                               "steps": 0, "slot_s": 1.0, "admission_ratio": 30.0 / timeout_s,
                               "restart_per_s": 1.0, "boot_s": 0.0}  # fmt: skip
    ratios = broken(1100.0, parameters, sample_s=1.0)
    assert finish_s(ratios, 1.0) == (pytest.approx(1000.0, rel=0.01) if finishes else math.inf)


@pytest.mark.parametrize(("law", "discipline"), [(1.0, {"steps": 0}), (2.0, {"workflow": "fifo"})])
@pytest.mark.parametrize("hosts", [1, 10])
def test_the_frontier_of_collapse(law: float, discipline: dict[str, Any], hosts: int) -> None:
    """V20, V21: bisecting the fleet's size finds collapse at mu T and at 2 mu T, per host."""
    parameters = COLD_START | discipline | {"hosts_count": hosts, "capacity_per_s": 22.5, "timeout_s": 180.0}
    low, high = 0.5 * 22.5 * 180.0, 4.0 * 22.5 * 180.0
    while high - low > 0.005 * low:
        n = (low + high) / 2.0
        left = broken(20_000.0, parameters | {"holders_count": int(n)}, tick_s=10.0, sample_s=100.0)[-1]
        low, high = (low, n) if left > 0.0 else (n, high)
    assert low / (22.5 * 180.0) == pytest.approx(law, rel=0.02)


def outage(parameters: dict[str, Any], *, fixed: bool, noise: str = "exact") -> Scenario:
    """DynamoDB fails 70 % of calls for 156 minutes; 107 minutes later, on request, throttle and restarts."""
    fault = {"id": "down", "kind": "fault", "at": DOWN_S, "until": UP_S, "assumed": "a test",
             "set": {"dynamodb.fault_ratio": 0.7}}  # fmt: skip
    fix = {"id": "fix", "at": FIX_S, "assumed": "a test",
           "set": {"dwfm.admission_ratio": 0.5, "dwfm.restart_per_s": 0.05}}  # fmt: skip
    return scenario(END_S, parameters, noise=noise, fault_ratio=0.0, sample_s=60.0, faults=(fault,),
                    actions=(fix,) if fixed else ())  # fmt: skip


@pytest.mark.parametrize("workflow", ["processor_sharing", "fifo", "renewal"])
def test_collapse_outlasts_the_outage_and_restarts_end_it(workflow: str) -> None:
    """Waiting changes nothing; throttle and restarts lease the fleet in N/mu and their roll-out."""
    alone, helped = (error_ratios(outage({"workflow": workflow}, fixed=fixed)) for fixed in (False, True))
    assert alone[:9].max() < 0.001
    assert alone[-1] > 0.99
    back_s = np.flatnonzero(helped > 0.01)[-1] * 60.0 - FIX_S
    assert 1e6 / 225.0 < back_s < 1e6 / 225.0 + 60 / 0.05 + 600.0


def test_memoryless_work_never_collapses() -> None:
    assert error_ratios(outage({"steps": 1}, fixed=False))[-1] < 0.01


def test_events_tell_the_story() -> None:
    """Time-outs name the lapses, and these what opened the trouble; a wave of restarts counts its hosts."""
    events = twin.run(outage({}, fixed=True), debug=True).events.to_pylist()
    mine = {e["event"]: e for e in reversed(events) if e["service"] == "dwfm"}  # the first of each
    dynamodb = next(e for e in events if e["service"] == "dynamodb" and e["event"] == "onset")
    assert mine["leases_lapsing"]["cause_id"] == dynamodb["event_id"]
    assert mine["timeouts"]["cause_id"] == mine["leases_lapsing"]["event_id"]
    assert mine["restarts_ended"]["cause_id"] == mine["restarts"]["event_id"]
    assert mine["restarts_ended"]["value"] == 60.0
    assert mine["timeouts_ended"]["cause_id"] == mine["restarts"]["cause_id"]  # what people did


def launches_that_work(parameters: dict[str, Any]) -> float:
    """What a caller is told after five minutes."""
    shard_of = scenario(300.0, parameters, fault_ratio=0.0)
    model = build(shard_of, seed=1, debug=True)
    inline.run_inline(model, schedule_for(model, shard_of), 300)
    return float(model.state.edge["ok"][model.edges.index(("launch", "dwfm"))])


def test_launches_need_leases_and_a_queue_that_moves() -> None:
    assert launches_that_work({}) == 1.0
    for workflow in ("processor_sharing", "fifo", "renewal"):
        assert launches_that_work({"broken_at_start_ratio": 1.0, "workflow": workflow}) < 0.01
    half = launches_that_work({"broken_at_start_ratio": 0.6, "workflow": "fifo", "capacity_per_s": 1e6})
    assert half == 1.0
    assert launches_that_work({"broken_at_start_ratio": 0.1, "workflow": "fifo", "timeout_s": 30.0}) < 0.01


@pytest.mark.parametrize("workflow", ["processor_sharing", "fifo"])
def test_the_size_of_the_fleet_does_not_matter(workflow: str) -> None:
    """Same N/mu, 1e5 and 1e8 droplets."""
    small, large = (
        error_ratios(outage(own | {"workflow": workflow}, fixed=True, noise="mean"))
        for own in ({"holders_count": n, "capacity_per_s": n * 225e-6} for n in (10**5, 10**8))
    )
    assert np.abs(small - large).max() < 0.005


def test_more_capacity_never_leaves_more_broken() -> None:
    rates = (150.0, 225.0, 450.0, 900.0)
    left = [broken(7200.0, {"broken_at_start_ratio": 0.2, "capacity_per_s": rate})[-1] for rate in rates]
    assert all(a >= b for a, b in pairwise(left))


def lapsing(life_s: float, fault: tuple = ()) -> Run:
    """A fleet that reaches its dependency over connections which live ``life_s``, for three hours."""
    names = {"name": "names", "kind": "relay"}
    edge = {"on": "names", "mode": "new_connections"} | quantities(
        {"lifetime_s": life_s, "connections_count": 1_000_000}
    )
    small = {"hosts_count": 4, "holders_count": 400_000, "lapse_per_s": 0.0, "capacity_per_s": 100.0}
    dwfm = {"name": "dwfm", "kind": "lease_fleet", "parameters": quantities(small), "dependencies": [edge]}
    services = {s["name"]: s | {"domain": "ec2"} for s in (names, dwfm)}
    case = Scenario.model_validate({
        "scenario": "leases", "start": "2025-10-20T00:00:00Z", "duration": END_S, "sample": 10.0, "seed": 7,
        "faults": fault, "topology": {"topology": "leases", "services": services},
    })  # fmt: skip
    return twin.run(case, debug=True)


def test_leases_lapse_with_connections_and_queue_only_when_the_dependency_is_back() -> None:
    """A droplet is checked over a connection of its own: after a lease's length the leased share follows
    exp(-t / life), and nobody times out before there is anything to reach. Checks over any connection that
    happens to live would lose the fleet within minutes, and queue from the start."""
    away = {"id": "away", "at": DOWN_S, "until": UP_S, "assumed": "a test", "set": {"names.fault_ratio": 1.0}}
    run = lapsing(3600.0, (away,))
    rows = [r for r in run.samples.to_pylist() if r["service"] == "dwfm"]
    leased = {10.0 * k: 1.0 - r["error_ratio"] for k, r in enumerate(rows)}
    for after_s in (1800.0, 3600.0, 5400.0):
        # 600 s of lease, checked every 180 s: between 420 and 600 s after the connection has gone
        assert leased[DOWN_S + after_s] == pytest.approx(math.exp(-(after_s - 510.0) / 3600.0), abs=0.01)
    events = [e for e in run.events.to_pylist() if e["event"] in ("timeouts", "timeouts_ended")]
    assert events and events[0]["tick"] >= UP_S
    assert leased[END_S - 10.0] < 0.3  # and then they collapse


@pytest.mark.parametrize("policy", [{}, {"breaker_error_ratio": 0.5}])
def test_a_clients_policy_lets_calls_through_to_a_fleet_that_is_well(policy: dict[str, float]) -> None:
    """A breaker is closed while the fleet is well, so launches go through as they do without it."""
    case = scenario(600.0, {}, fault_ratio=0.0)
    launch = case.topology.services["launch"]
    needs = Dependency.model_validate({"on": "dwfm", "mode": "hard"} | quantities(policy))
    people = Service.model_validate({
        "name": "people", "kind": "workload", "domain": "ec2", "parameters": quantities({"rate_per_s": 50.0}),
        "dependencies": [{"on": "launch", "mode": "hard"}],
    })  # fmt: skip
    services = {
        **case.topology.services, "people": people,
        "launch": launch.model_copy(update={"dependencies": (needs,)}),
    }  # fmt: skip
    case = case.model_copy(update={"topology": case.topology.model_copy(update={"services": services})})
    rows = [r for r in twin.run(case, debug=True).samples.to_pylist() if r["service"] == "launch"]
    assert rows[-1]["goodput_per_s"] == pytest.approx(50.0, rel=0.05)
    assert rows[-1]["error_ratio"] == pytest.approx(0.0, abs=1e-3)


def test_a_ratio_that_is_kept_is_the_one_that_is_worked_out() -> None:
    """Hosts of a fleet ask the same again and again, by age; now and then one of them asks something else."""
    known, random = np.zeros(AGES * KNOWN), np.random.default_rng(5)
    for _ in range(2000):
        age, k = int(random.integers(1, 20)), int(random.choice([0, 1, 8]))
        before = float(random.choice([0.0, 2.5, 7.0]))
        after = before + float(random.choice([0.0, 0.5, 8.0]))
        assert known_ratio(known, age, k, before, after) == finishing_ratio(k, before, after)


def test_a_tick_in_which_no_host_is_due_changes_nothing() -> None:
    """Three hosts act at the ends of their slots of 10 s, in ticks 9, 0 and 1 of every ten."""
    fleet = scenario(60.0, {"hosts_count": 3, "lapse_per_s": 1e-3}, noise="exact")
    model = build(fleet, seed=7)
    for t in range(60):
        before = model.state.cells.copy()
        assert inline.advance(model, t, t + 1) == t + 1
        assert np.array_equal(before, model.state.cells) == ((t + 1) % 10 > 2), t
