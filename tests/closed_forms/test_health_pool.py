"""Health checks and propagation against closed forms, and the loop between them by its direction."""

import math
from typing import Any

import pytest

import twin
from twin.api.run import Run
from twin.model.scenario import Scenario
from twin.simulation import inline
from twin.simulation.run import schedule_for
from twin.simulation.world import build

INTERVAL_S, MEMBERS = 30.0, 120_000
UNLIMITED = {"headroom_ratio": 1e6}  # a checker that never waits


def q(value: float | bool) -> dict[str, Any]:
    return {"value": value, "assumed": "a test"}


def edge(on: str, mode: str = "hard", **numbers: float) -> dict[str, Any]:
    given = {"retries": 0, "timeout_s": 1e7} | numbers
    return {"on": on, "mode": mode} | {name: q(value) for name, value in given.items()}


def service(kind: str, *dependencies: dict[str, Any], **parameters: float | bool) -> dict[str, Any]:
    return {"kind": kind, "domain": "one", "dependencies": dependencies,
            "parameters": {name: q(value) for name, value in parameters.items()}}  # fmt: skip


def fault(at_s: float, for_s: float | None = None, over_s: float = 0.0, **to: float | bool) -> dict[str, Any]:
    """Set parameters; double underscores stand for the dot."""
    timed = {"for": for_s} if for_s else {}
    return {"id": f"f{at_s:.0f}", "at": f"+{at_s:.0f}s", "over": over_s, "assumed": "a test",
            "set": {name.replace("__", "."): value for name, value in to.items()}} | timed  # fmt: skip


def scenario(services: dict[str, Any], duration_s: float, *faults: dict[str, Any], noise: str = "mean",
             period_s: float = 10.0) -> Scenario:  # fmt: skip
    named = {name: {"name": name} | rest for name, rest in services.items()}
    topology = {"topology": "small", "signal_period": period_s, "services": named}
    return Scenario.model_validate({
        "scenario": "small", "topology": topology,
        "start": "2025-10-19T22:00:00-07:00", "duration": duration_s, "sample": period_s,
        "noise": noise, "faults": faults,
    })  # fmt: skip


def column(run: Run, name: str, field: str) -> list[float]:
    return [row[field] for row in run.samples.to_pylist() if row["service"] == name]


def ticks(run: Run, name: str, event: str) -> list[int]:
    return [row["tick"] for row in run.events.to_pylist() if (row["service"], row["event"]) == (name, event)]


def mean(values: list[float]) -> float:
    return sum(values) / len(values)


# --- members, rounds and zones -------------------------------------------------------------------


def pool(**parameters: float | bool) -> dict[str, Any]:
    """Each registration is one of the targets."""
    own = {"targets_count": MEMBERS, "target_life_s": 0.0} | parameters
    return {"nlb": service("health_checked_pool", **own),
            "clients": service("workload", edge("nlb"), rate_per_s=1000.0)}  # fmt: skip


@pytest.mark.parametrize(("p", "n", "m", "share", "flaps"), [
    (0.5, 2, 5, 0.0882353, 0.0147059), (0.5, 3, 3, 0.5, 0.0357143),
    (0.1, 2, 5, 0.9406928, 0.00855175), (0.1, 3, 5, 0.993791, 0.000895307),
])  # fmt: skip
def test_v34_members_that_fail_at_random(p: float, n: int, m: int, share: float, flaps: float) -> None:
    """Alternating renewal of runs: share in service, and times out of service per check."""
    services = pool(fault_ratio=p, unhealthy_count=n, healthy_count=m, failover=False,
                    check_timeout_s=0.0, **UNLIMITED)  # fmt: skip
    settled, rounds = 100, 300
    small = scenario(services, (settled + rounds) * INTERVAL_S, noise="exact")
    run = twin.run(small, debug=True)
    left = column(run, "nlb", "capacity_per_s")[round(settled * INTERVAL_S / 10) :]
    assert mean(left) / 100_000 == pytest.approx(share, rel=0.02)
    turned = []
    for duration in (settled, settled + rounds):
        model = build(small, seed=1)
        inline.run_inline(model, schedule_for(model, small), round(duration * INTERVAL_S))
        turned.append(int(model.states["health_checked_pool"][0]["transitions"]))
    assert (turned[1] - turned[0]) / 2 / (MEMBERS * rounds) == pytest.approx(flaps, rel=0.02)


@pytest.mark.parametrize(("zones", "lost", "u", "after"), [
    (3, 1, 0.6, 0.9), (3, 1, 0.7, 1.05), (6, 1, 0.8, 0.96), (6, 2, 0.8, 1.2),
])  # fmt: skip
def test_v36_utilisation_after_losing_zones(zones: int, lost: int, u: float, after: float) -> None:
    """The rest carries u·n/(n-k); what is above 1 of it fails."""
    services = pool(zones_count=zones, utilisation_low_ratio=u, utilisation_high_ratio=u, **UNLIMITED)
    run = twin.run(scenario(services, 1800, fault(300, nlb__faulty_zones_count=lost)), debug=True)
    assert column(run, "nlb", "capacity_per_s")[-1] == pytest.approx(100_000 * u / after)
    assert column(run, "nlb", "error_ratio")[-1] == pytest.approx(max(0.0, 1 - 1 / after), abs=1e-3)
    assert len(ticks(run, "nlb", "zone_left_dns")) == lost


def test_a_lost_zone_takes_its_share_of_the_calls_when_nobody_fails_over() -> None:
    run = twin.run(scenario(pool(failover=False), 900, fault(300, nlb__faulty_zones_count=2)), debug=True)
    assert column(run, "nlb", "error_ratio")[-1] == pytest.approx(2 / 6, abs=1e-3)
    assert not ticks(run, "nlb", "zone_left_dns")


def test_nothing_new_comes_up_in_a_zone_that_is_dead() -> None:
    """Once its targets are out they stay out, however many are registered. The others are out for their first
    checks, 1.5 % at a time."""
    services = launches(wait_for_network=True)
    run = twin.run(scenario(services, 7200, fault(1800, nlb__faulty_zones_count=1)), debug=True)
    left = column(run, "nlb", "capacity_per_s")
    assert all(x == pytest.approx(100_000 * 5 / 6, rel=0.02) for x in left[540:])


@pytest.mark.parametrize("n", [2, 3])
@pytest.mark.parametrize("timeout_s", [0.0, 5.0, 10.0, 30.0])
def test_detection_of_a_silent_failure(n: int, timeout_s: float) -> None:
    """(n - 1) intervals and a time-out after the failure at the earliest, an interval later at the latest."""
    services = pool(unhealthy_count=n, fail_open=False, check_timeout_s=timeout_s,
                    zones_count=30, **UNLIMITED)  # fmt: skip
    run = twin.run(scenario(services, 600, fault(301, nlb__fault_ratio=1.0), period_s=1.0), debug=True)
    left = [x / 100_000 for x in column(run, "nlb", "capacity_per_s")[301:]]
    earliest, latest = (k * INTERVAL_S + timeout_s for k in (n - 1, n))
    assert min(left[: round(earliest)]) == 1.0 and left[round(latest) + 1] == 0.0
    assert sum(left) == pytest.approx((earliest + latest) / 2.0, abs=1.0)


def test_a_zone_comes_back_by_itself() -> None:
    run = twin.run(scenario(pool(**UNLIMITED), 7200, fault(300, 600, nlb__faulty_zones_count=1)), debug=True)
    back = ticks(run, "nlb", "zone_returned")
    # Targets need 5 good rounds, and the zone one: the targets' last. A round is over when its last check
    # could have timed out.
    assert len(back) == 1 and 4 * INTERVAL_S <= back[0] - 900 - 10 <= 5 * INTERVAL_S
    assert column(run, "nlb", "capacity_per_s")[-1] == 100_000


def test_all_zones_serve_when_all_would_go() -> None:
    def at_the_end(fail_open: bool) -> float:
        services = pool(unhealthy_count=2, fail_open=fail_open)
        run = twin.run(scenario(services, 1200, fault(300, nlb__faulty_zones_count=6)), debug=True)
        return column(run, "nlb", "capacity_per_s")[-1] / 100_000

    assert (at_the_end(True), at_the_end(False)) == (1.0, 0.0)


# --- the checker ---------------------------------------------------------------------------------


BROKEN, TIMEOUT_S, CHECK_S = 0.003, 10.0, 0.005


def held_s(failing: float) -> float:
    """Mean time for which a check is held."""
    return (1.0 - failing) * CHECK_S + failing * TIMEOUT_S


@pytest.mark.parametrize(("headroom", "interval_s"), [(1.2, 30.0), (2.0, 30.0), (5.0, 30.0), (5.0, 10.0)])
@pytest.mark.parametrize("falls_behind", [False, True])
def test_where_failing_checks_overload_the_checker(
    headroom: float, interval_s: float, falls_behind: bool
) -> None:
    """A checker that is sized for an interval of 30 s holds headroom × held(broken)/30 s checks for each
    target. It falls behind where held(failing)/interval is more: with 10 s, at a third of the failures."""
    limit_s = headroom * held_s(BROKEN) * interval_s / INTERVAL_S
    failing = (limit_s * (1.1 if falls_behind else 0.9) - CHECK_S) / (TIMEOUT_S - CHECK_S)
    fault_ratio = 1.0 - (1.0 - failing) / (1.0 - BROKEN)
    services = pool(fault_ratio=fault_ratio, headroom_ratio=headroom, interval_s=interval_s,
                    broken_ratio=BROKEN, check_timeout_s=TIMEOUT_S, check_s=CHECK_S, stale_s=0.1)  # fmt: skip
    run = twin.run(scenario(services, 3600), debug=True)
    assert bool(ticks(run, "nlb", "zone_left_dns")) is falls_behind


def launches(**parameters: float | bool) -> dict[str, Any]:
    """15 instances a second are registered 5 minutes before their network arrives: 4 % of the targets."""
    flapping = pool(**parameters)
    flapping["nlb"]["dependencies"] = (edge("network-manager", "lease", share=0.0),)
    return flapping | {
        "network-manager": service("propagation_queue", capacity_per_s=1000.0, base_delay_s=300.0),
        "launches": service("workload", edge("nlb", "async"), edge("network-manager"), rate_per_s=15.0),
    }


def overloaded(*faults: dict[str, Any], **parameters: float | bool) -> Run:
    """Launches begin when the checker has seen its usual load, and end an hour and a half later."""
    begin, stop = fault(0, 310, launches__rate_ratio=0.0), fault(5400, launches__rate_ratio=0.0)
    return twin.run(scenario(launches(**parameters), 9000, begin, *faults, stop, noise="exact"), debug=True)


def test_unpropagated_targets_hurt_others_only_if_the_checker_is_overloaded() -> None:
    """They serve after five good checks in a row, so next to no connection meets one."""
    hard, easy = overloaded(), overloaded(**UNLIMITED)
    errors, direct = (mean(column(run, "nlb", "error_ratio")[360:540]) for run in (hard, easy))
    assert direct < 2e-3 and errors > 2e-2


def test_the_loop_ends_when_its_fuel_ends() -> None:
    run = overloaded()
    assert column(run, "nlb", "error_ratio")[-1] < 0.01
    assert column(run, "nlb", "capacity_per_s")[-1] > 99_000


def test_members_that_wait_for_their_network_hurt_nobody() -> None:
    hurt, unhurt = overloaded(), overloaded(wait_for_network=True)
    assert max(column(hurt, "nlb", "error_ratio")) > 0.02
    assert max(column(unhurt, "nlb", "error_ratio")) < 0.001
    assert min(column(unhurt, "nlb", "capacity_per_s")) > 95_000


def test_velocity_control_bounds_the_loss() -> None:
    free, limited = overloaded(), overloaded(velocity_zones_count=1)
    free_left, limited_left = (min(column(run, "nlb", "capacity_per_s")) for run in (free, limited))
    assert limited_left > free_left + 5_000


@pytest.mark.parametrize(("ttl_s", "life_s"), [(60.0, 350.0), (60.0, 100.0), (600.0, 350.0)])
def test_capacity_comes_back_over_the_life_of_answers_and_connections(ttl_s: float, life_s: float) -> None:
    """After failover is switched off, the share that is still away is that of two waits in a row, with means
    ttl/2 (answers of every age) and life: (a·e^(-t/a) - b·e^(-t/b)) / (a - b)."""
    services = pool(unhealthy_count=1, zone_healthy_count=10, dns_ttl_s=ttl_s, connection_life_s=life_s,
                    fail_open=False, **UNLIMITED)  # fmt: skip
    # Every check is late enough for the zone, and for nothing else.
    late = fault(300, nlb__check_s=29.0, nlb__headroom_ratio=1.0, nlb__stale_s=0.1)
    off = fault(9000, nlb__failover=False)
    run = twin.run(scenario(services, 12_000, late, off), debug=True)
    left = [x / 100_000 for x in column(run, "nlb", "capacity_per_s")]
    assert left[899] < 0.02
    a, b = ttl_s / 2.0, life_s
    for t in (60.0, 180.0, 600.0, 1800.0):
        away = (a * math.exp(-t / a) - b * math.exp(-t / b)) / (a - b)
        assert 1.0 - left[900 + round(t / 10.0) - 1] == pytest.approx(away, abs=0.02)


# --- propagation ---------------------------------------------------------------------------------


def queue(rate_per_s: float, *dependencies: dict[str, Any], **parameters: float) -> dict[str, Any]:
    return {"queue": service("propagation_queue", *dependencies, **parameters),
            "clients": service("workload", edge("queue"), rate_per_s=rate_per_s)}  # fmt: skip


def test_v25_drain_after_a_block() -> None:
    """lam·D/(mu - lam)."""
    block = fault(0, 9420, queue__capacity_ratio=0.0)
    run = twin.run(scenario(queue(60.0, capacity_per_s=80.0), 40_000, block), debug=True)
    assert ticks(run, "queue", "queue_emptied") == [pytest.approx(9420 + 28_260, rel=1e-3)]


def test_v26_drain_under_a_ramp() -> None:
    """r(t) = 5 + 0.01 t against 10 a second and a backlog of 36 000."""
    block = fault(0, 3600, queue__capacity_ratio=0.0)
    ramp = fault(3600, over_s=4000, queue__capacity_per_s=45.0)
    services = queue(10.0, capacity_per_s=5.0)
    run = twin.run(scenario(services, 7600, block, ramp, period_s=1.0), debug=True)
    waiting = column(run, "queue", "backlog_count")
    assert ticks(run, "queue", "queue_emptied")[-1] - 3600 == pytest.approx(3229.469, rel=1e-3)
    assert max(waiting) == pytest.approx(37_250, rel=1e-3)
    assert waiting.index(max(waiting)) - 3600 == pytest.approx(500, abs=10)


def test_admission_by_queue_size_holds_the_delay() -> None:
    """The backlog settles at its reference; what is refused is 1 - mu/lam."""
    services = queue(100.0, capacity_per_s=80.0, queue_reference_count=800, control_s=60.0, base_delay_s=1.0)
    run = twin.run(scenario(services, 3600), debug=True)
    assert column(run, "queue", "backlog_count")[-1] == pytest.approx(800, abs=100)
    assert column(run, "queue", "latency_s")[-1] == pytest.approx(11.0, abs=1.5)
    assert column(run, "clients", "error_ratio")[-1] == pytest.approx(0.2, abs=0.01)


@pytest.mark.parametrize(("block_s", "recovers"), [(60, True), (120, False)])
def test_a_queue_that_slows_its_server_has_a_point_of_no_return(block_s: float, recovers: bool) -> None:
    """lam = mu0/(1 + Q/Q_half) at Q = Q_half·(mu0/lam - 1) = 5000, reached by a block of 83 s."""
    services = queue(60.0, capacity_per_s=90.0, half_capacity_backlog_count=10_000)
    run = twin.run(scenario(services, 4000, fault(60, block_s, queue__capacity_ratio=0.0)), debug=True)
    assert (column(run, "queue", "backlog_count")[-1] < 100) is recovers


def test_changes_wait_for_what_they_depend_on() -> None:
    """Replication that cannot write stays in the queue, all of it, and arrives late."""
    services = queue(50.0, edge("table"), capacity_per_s=100.0) | {"table": service("relay")}
    run = twin.run(scenario(services, 3600, fault(600, 600, table__fault_ratio=1.0)), debug=True)
    waiting, delay = column(run, "queue", "backlog_count"), column(run, "queue", "latency_s")
    assert max(waiting) == pytest.approx(30_000, rel=0.01)
    assert max(delay) > 600 and delay[-1] == pytest.approx(delay[0], rel=0.01)
    assert waiting[-1] == 0 and max(column(run, "queue", "error_ratio")) == 0.0
