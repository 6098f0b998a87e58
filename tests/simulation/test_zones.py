"""Services that stand in zones: laws that hold whatever a topology is about."""

from typing import Any

import numpy as np
import pytest

from twin.model.scenario import Condition, Quantity, Scenario, Topology
from twin.simulation.by_zone import by_zone, part_of
from twin.simulation.run import FinishedRun, simulate
from twin.spec.overrides import fold

from .scenario import change, number, service, to

ZONES = ("az1", "az2", "az3", "az4", "az5", "az6")
START = "2025-10-20T00:00:00Z"


def region(per: str | None = "zone", **fleet: float) -> Topology:
    """Leases, launches that need one, work bound to a lease, and a queue of changes that both feed."""
    fleet = {"holders_count": 60_000, "hosts_count": 12, "capacity_per_s": 40.0, "timeout_s": 7200.0, **fleet}
    services = [
        service("store", "relay", "store"),
        service("fleet", "lease_fleet", "fleet", to("store", "hard"), **fleet),
        service("launch", "queueing", "ec2", to("fleet", "hard", timeout_s=7200.0), to("news", "async")),
        service("ends", "queueing", "ec2", to("fleet", "hard", timeout_s=7200.0), to("news", "async")),
        service("asked", "relay", "asked", to("ends", "async", bound=True)),
        service("news", "propagation_queue", "ec2", capacity_per_s=120.0),
        service("callers", "workload", "callers", to("launch", "hard", share=0.4), to("asked", "async"),
                rate_per_s=60.0, swing_ratio=0.0),
    ]  # fmt: skip
    zonal = {"fleet", "launch", "ends", "news"}
    named = {s.name: s.model_copy(update={"per": per if s.name in zonal else None}) for s in services}
    return Topology(name="region", zones=ZONES if per else (), services=named)


def case(topology: Topology, hours: float = 2.0, **more: Any) -> Scenario:
    return Scenario(name="zones", topology=topology, start=START, duration_s=3600.0 * hours, seed=5,
                    requests="counted", **more)  # fmt: skip


OUTAGE = change("away", at_s=600.0, for_s=1800.0, set={"store.fault_ratio": 1.0})


def column(run: FinishedRun, name: str, column: str) -> np.ndarray:
    table = run.samples.to_pandas()
    return table[table.service == name].sort_values("tick")[column].to_numpy()


@pytest.fixture(scope="module")
def zoned() -> FinishedRun:
    return simulate(case(region(), 6.0, faults=(OUTAGE,)), debug=True)


@pytest.fixture(scope="module")
def whole() -> FinishedRun:
    return simulate(case(region(per=None), 6.0, faults=(OUTAGE,)))


ALIKE = [
    ("fleet", "error_ratio", 1.0), ("launch", "goodput_per_s", 24.0), ("news", "backlog_count", 9000.0),
    ("news", "latency_s", 75.0), ("ends", "goodput_per_s", 130.0),
]  # fmt: skip


@pytest.mark.parametrize(("name", "what", "size"), ALIKE)
def test_equal_zones_behave_as_one_as_large_as_all(zoned, whole, name: str, what: str, size: float) -> None:
    """Ten-minute means; ``size``: the most, or as much as usual."""
    one, six = (column(run, name, what).reshape(-1, 60).mean(axis=1) for run in (whole, zoned))
    assert np.abs(one - six).mean() < 0.03 * size
    assert np.abs(one - six).max() < 0.15 * size


@pytest.mark.parametrize("name", ["fleet", "launch", "ends", "news"])
def test_the_whole_is_the_sum_of_its_zones_in_every_sample(zoned, name: str) -> None:
    for what in ("offered_per_s", "goodput_per_s", "backlog_count", "capacity_per_s"):
        parts = sum(column(zoned, f"{name}@{zone}", what) for zone in ZONES)
        assert column(zoned, name, what) == pytest.approx(parts)


def test_parts_add_up_to_the_numbers_of_the_whole() -> None:
    services = by_zone(case(region(hosts_count=64))).topology.services
    for number_, total in (("holders_count", 60_000), ("hosts_count", 64), ("capacity_per_s", 40.0)):
        parts = [services[f"fleet@{zone}"].parameters[number_].value for zone in ZONES]
        assert sum(parts) == pytest.approx(total) and max(parts) - min(parts) <= 1
    assert sum(part_of(10**10 + 1, k, 6) for k in range(6)) == 10**10 + 1


@pytest.mark.parametrize("elsewhere", [0.0, 0.5, 1.0])
def test_a_zone_lost_costs_the_calls_that_name_it(elsewhere: float) -> None:
    topology = fold(region(), {"launch.elsewhere_ratio": number(elsewhere)})
    dark = change("dark", at_s=600.0, set={"launch@az3.fault_ratio": 1.0})
    errors = column(simulate(case(topology, 1.0, faults=(dark,))), "launch", "error_ratio")
    assert errors[70:].mean() == pytest.approx((1.0 - elsewhere) / 6.0, abs=0.01)
    assert (errors[:59] == 0.0).all()


def test_while_one_zone_works_it_gets_the_calls_that_name_none() -> None:
    topology = fold(region(), {"launch.elsewhere_ratio": number(0.5)})
    closed = {f"launch@{zone}.fault_ratio": 1.0 for zone in ZONES[1:]}
    run = simulate(case(topology, 1.0, faults=(change("closed", at_s=600.0, set=closed),)))
    share = column(run, "launch@az1", "offered_per_s")[70:] / column(run, "launch", "offered_per_s")[70:]
    assert share.mean() == pytest.approx(0.5 / 6.0 + 0.5, abs=0.02)


def test_the_loss_of_a_zone_does_not_reach_the_others(zoned) -> None:
    dark = change("dark", at_s=600.0, set={"fleet@az2.fault_ratio": 1.0, "news@az2.capacity_ratio": 0.0})
    run = simulate(case(region(), 2.0, faults=(dark,)))
    for zone in ("az1", "az3", "az6"):
        assert column(run, f"fleet@{zone}", "error_ratio").max() < 0.01
        assert column(run, f"news@{zone}", "latency_s").max() < 5.0
    assert column(run, "fleet", "error_ratio")[-1] == pytest.approx(1.0 / 6.0, abs=0.01)


def test_work_that_is_bound_waits_until_its_part_is_well_and_none_is_lost(zoned) -> None:
    back = column(zoned, "asked", "backlog_count")
    asked, done = column(zoned, "asked", "offered_per_s"), column(zoned, "ends", "goodput_per_s")
    assert back.max() > 40_000 and back[-1] == 0
    assert done.sum() == pytest.approx(asked.sum(), rel=1e-3)
    outage = slice(190, 238)  # all leases are gone
    assert done[outage].sum() < 0.01 * asked[outage].sum()


def test_what_waits_is_handed_over_as_fast_as_leases_come_back(zoned) -> None:
    """Not before, and not behind a drain: half of the leases back, half of the work."""
    held, back = 1.0 - column(zoned, "fleet", "error_ratio"), column(zoned, "asked", "backlog_count")
    rising = np.flatnonzero((held > 0.3) & (held < 0.75) & (np.arange(len(held)) > 240))
    lost = 1.0 - np.minimum(1.0, held / 0.8)  # a fifth of the droplets is spare
    assert len(rising) > 5
    assert back[rising] / back.max() == pytest.approx(lost[rising], abs=0.15)


REOPENED = {
    "each": "zone", "set": {"launch.admitted_ratio": 0.5},
    "when": Condition(service="fleet", signal="error_ratio", below=0.01, for_s=60.0, from_s=2400.0),
}  # fmt: skip


def reopened(run: FinishedRun) -> dict[str, float]:
    """Zone → second at which its gate opened."""
    began = [x for x in run.manifest["inputs"] if x["begin"] and x["id"].startswith("reopened")]
    return {x["id"].partition("@")[2]: float(x["tick"]) for x in began}


@pytest.mark.parametrize("apart_s", [0.0, 600.0])
def test_a_gate_opens_only_when_the_leases_of_its_own_zone_are_back(apart_s: float) -> None:
    slower = fold(region(), {"fleet@az4.capacity_per_s": number(3.0)})
    step = change("reopened", apart_s=apart_s, **REOPENED)
    run = simulate(case(slower, 8.0, faults=(OUTAGE,), actions=(step,)))
    opened = reopened(run)
    assert set(opened) == set(ZONES) and max(opened, key=opened.__getitem__) == "az4"
    for zone, at in opened.items():
        before = column(run, f"fleet@{zone}", "error_ratio")[int(at / 10) - 7 : int(at / 10)]
        assert len(before) and (before < 0.01).all()
    in_order = sorted(opened.values())
    assert min(np.diff(in_order)) >= apart_s


def test_what_follows_a_step_of_zones_waits_for_the_last_of_them() -> None:
    step = change("reopened", apart_s=600.0, follows="begun", **REOPENED)
    begun = change("begun", at_s=2400.0, set={"launch.admitted_ratio": 0.1})
    later = change("later", follows="reopened", takes={"look_s": number(60.0)}, at_s=0.0,
                   set={"launch.admitted_ratio": 1.0})  # fmt: skip
    run = simulate(case(region(), 6.0, responders="modelled", faults=(OUTAGE,), actions=(begun, step, later)))
    (at,) = (x["tick"] for x in run.manifest["inputs"] if x["id"] == "later")
    assert at == pytest.approx(max(reopened(run).values()) + 60.0, abs=10.0)


def test_a_setting_of_the_whole_is_that_of_all_zones_and_one_of_a_zone_its_own() -> None:
    both = change("both", at_s=60.0, set={"news.capacity_per_s": 60.0, "news@az1.capacity_per_s": 30.0})
    capacity = [column(simulate(case(region(), 0.1, faults=(both,))), f"news@{zone}", "capacity_per_s")[-1]
                for zone in ("az1", "az2")]  # fmt: skip
    assert capacity == [30.0, 10.0]


def length_s(capacity_per_s: float) -> float:
    """How long a queue of changes is late, after a backlog has come at once."""
    services = [
        service("news", "propagation_queue", "a", capacity_per_s=capacity_per_s),
        service("callers", "workload", "b", to("news", "async"), rate_per_s=10.0, swing_ratio=0.0),
    ]
    burst = change("burst", at_s=600.0, for_s=60.0, set={"callers.rate_per_s": 6000.0})
    topology = Topology(name="queue", services={s.name: s for s in services})
    run = simulate(case(topology, 6.0, faults=(burst,)))
    return 10.0 * float((column(run, "news", "latency_s") > 3.0).sum())


def test_twice_the_capacity_halves_the_time_in_which_news_are_late() -> None:
    """With little load beside it, backlog over capacity: 360,000 changes at 60 and at 120 a second."""
    assert length_s(60.0) == pytest.approx(360_000 / 50.0, rel=0.02)
    assert length_s(120.0) / length_s(60.0) == pytest.approx(50.0 / 110.0, rel=0.03)


def test_numbers_of_one_zone_are_kept_with_the_service() -> None:
    own = fold(region(), {"fleet@az2->store.share": Quantity(value=0.5, assumed="a test")})
    services = by_zone(case(own)).topology.services
    assert services["fleet@az2"].dependencies[0].value("share") == 0.5
    assert services["fleet@az1"].dependencies[0].value("share") == 1.0
