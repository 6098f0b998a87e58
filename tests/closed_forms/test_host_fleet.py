"""Hosts that break, are repaired, retired and added, against the laws of competing and of linear hazards."""

import math
from typing import Any

import numpy as np
import pytest
from scipy.stats import chi2

import twin
from twin.analysis import dependencies
from twin.model.scenario import Scenario

from .one_station import q


def scenario(fleets: int, duration_s: float, tick_s: float, noise: str = "exact",
             sample_s: float | None = None, **fleet: float) -> Scenario:  # fmt: skip
    """So many fleets, alike and independent."""
    numbers = {name: q(value) for name, value in ({"host_capacity_per_s": 1.0} | fleet).items()}
    services = {f"fleet-{n:03}": {"name": f"fleet-{n:03}", "kind": "host_fleet", "parameters": numbers}
                for n in range(fleets)}  # fmt: skip
    sample_s = duration_s if sample_s is None else sample_s
    return Scenario.model_validate({
        "scenario": "fleets", "start": "2025-10-19T22:00:00-07:00", "duration": duration_s, "tick": tick_s,
        "sample": sample_s, "noise": noise,
        "topology": {"topology": "fleets", "signal_period": sample_s, "services": services},
    })  # fmt: skip


def hosts(*args: Any, **kwargs: Any) -> tuple[np.ndarray, np.ndarray]:
    """(up, down) of each sample and fleet."""
    case = scenario(*args, **kwargs)
    samples = twin.run(case, debug=True).samples
    shape = (-1, len(case.topology.services))
    up, down = (samples[name].to_numpy() for name in ("capacity_per_s", "backlog_count"))
    return up.reshape(shape), down.reshape(shape)


# --- competing hazards -----------------------------------------------------

HAZARDS = {"mtbf_s": 50.0, "retired_per_s": 0.05}  # 0.02 a second to break, 0.05 to be retired
LAW = np.array([0.01931605, 0.04829013, 0.93239382])


def test_v38_competing_hazards_without_noise() -> None:
    """Ten billion hosts move within one of their expectation: the law to eight digits."""
    n = 1e10
    up, down = hosts(1, 1, 1.0, "mean", hosts_count=n, **HAZARDS)
    found = np.array([down[0, 0], n - up[0, 0] - down[0, 0], up[0, 0]]) / n
    assert found == pytest.approx(LAW, abs=1e-8)


def off_the_multinomial(law: np.ndarray, fleets: int = 250, n: int = 100_000) -> bool:
    """Whether the three counts of many fleets deviate from the multinomial law (chi-square, 1 in 1000)."""
    up, down = hosts(fleets, 1, 1.0, hosts_count=n, **HAZARDS)
    counts = np.stack([down[0], n - up[0] - down[0], up[0]], axis=1)
    statistic = ((counts - n * law) ** 2 / (n * law)).sum()
    low, high = chi2.ppf([0.0005, 0.9995], 2 * fleets)
    return not low < statistic < high


def test_v38_competing_hazards_are_multinomial() -> None:
    assert not off_the_multinomial(LAW)


def test_v38_notices_hazards_that_do_not_compete() -> None:
    """Red: each as if it were alone, 1 - exp(-h), which counts some hosts twice."""
    alone = -np.expm1(-np.array([0.02, 0.05]))
    assert off_the_multinomial(np.array([*alone, 1.0 - alone.sum()]))


# --- birth and death -------------------------------------------------------


def test_v39b_birth_and_death() -> None:
    """500 fleets of 100 hosts, each retired at 0.11 and adding another at 0.1 a second, after 50 s."""
    up, _ = hosts(500, 50, 0.01, hosts_count=100, retired_per_s=0.11, added_per_s=0.1)
    left, sd = up[-1], 22.386772
    assert abs(left.mean() - 60.653066) < 4 * sd / math.sqrt(len(left))
    assert abs(left.std(ddof=1) - sd) < 4 * sd / math.sqrt(2 * len(left))
    deaths_only = 100 * math.exp(-5.5)
    assert abs(left.mean() - deaths_only) > 4 * sd / math.sqrt(len(left))  # red: nobody is added


# --- repair ----------------------------------------------------------------

REPAIR = {"hosts_count": 1000, "mtbf_s": 1000.0, "mttr_s": 10.0}


def test_v55_repair() -> None:
    """200 fleets of 1000 hosts that start up: up after 10 s, and in the long run."""
    up, down = hosts(200, 110, 0.02, sample_s=10.0, **REPAIR)
    available = up / (up + down)
    for at, expected in ((0, 0.9937051), (10, 0.990099)):
        spread = math.sqrt(expected * (1 - expected) / (200 * 1000))
        assert abs(available[at].mean() - expected) < 4 * spread
    assert dependencies.repaired_ratio(1000.0, 10.0) == pytest.approx(0.990099, abs=1e-6)
    assert dependencies.repaired_ratio(1000.0, 10.0, 10.0) == pytest.approx(0.9937051, abs=1e-6)


def test_v55_notices_a_repair_that_takes_longer() -> None:
    """Red: half an hour in place of ten seconds, and an availability that has not settled after 10 s."""
    up, down = hosts(200, 110, 0.02, sample_s=10.0, **(REPAIR | {"mttr_s": 12.0}))
    expected = 0.990099
    assert abs((up / (up + down))[10].mean() - expected) > 4 * math.sqrt(expected * (1 - expected) / 200_000)


def test_callers_meet_the_share_that_is_down() -> None:
    """After a mean life without repair, exp(-1) of the hosts are left, and so many calls succeed."""
    case = scenario(1, 100, 1.0, sample_s=1.0, hosts_count=1e6, mtbf_s=100.0)
    services = {name: service.model_dump(by_alias=True, exclude_none=True, mode="python")
                for name, service in case.topology.services.items()}  # fmt: skip
    services["customers"] = {"name": "customers", "kind": "workload", "parameters": {"rate_per_s": q(1e5)},
                             "dependencies": [{"on": "fleet-000", "mode": "hard"}]}  # fmt: skip
    topology = {"topology": "fleets", "signal_period": 1.0, "services": services}
    whole = case.model_dump(by_alias=True, exclude={"topology", "published"}, exclude_none=True)
    samples = twin.run(Scenario.model_validate(whole | {"topology": topology})).samples.to_pylist()
    last = [row["error_ratio"] for row in samples if row["service"] == "customers"][-1]
    assert last == pytest.approx(1.0 - math.exp(-1.0), rel=0.02)
