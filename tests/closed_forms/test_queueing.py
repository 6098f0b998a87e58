"""The station against closed forms (ids of the house's list of cases) and against the laws of metastability.

Long runs have fixed seeds; tolerances are those of the cases. Ticks are short against what a server or a
client does, since the closed forms know no ticks.
"""

import math

import numpy as np
import pytest

from .one_station import FLUID, NEVER_S, RANDOM, run, scenario, setting


def near(value: float, relative: float) -> object:
    return pytest.approx(value, rel=relative)


# --- stationary laws -------------------------------------------------------


def test_v01_mm1():
    late_s = 23.0259  # 99 % are faster
    one_server = RANDOM | {"capacity_per_s": 1.0}
    station, _ = run(one_server, 0.8, 4e6, 0.25, client={"timeout_s": late_s}, sample_s=10.0)
    assert station.backlog.mean() == near(4.0, 0.03)
    assert station.backlog.mean() / station.offered.mean() == near(5.0, 0.03)
    assert (station.backlog >= 10).mean() == near(0.107374, 0.03)
    assert -math.log(station.failed_ratio) / 0.2 == near(late_s, 0.03)


def test_v02b_erlang_c():
    station, _ = run(RANDOM | {"capacity_per_s": 100.0, "servers_count": 100}, 95, 6e4, 0.02, sample_s=0.1)
    assert (station.backlog >= 100).mean() == near(0.506457, 0.05)
    assert (station.backlog - 100).clip(0).mean() / 95 == near(0.101291, 0.05)


def later_than(t: float, servers: int, load: float) -> float:
    """M/M/c: share of calls that take longer than ``t`` mean services, at ``load`` of all servers."""
    erlangs = load * servers
    terms = [erlangs**k / math.factorial(k) for k in range(servers)]
    last = erlangs**servers / math.factorial(servers) / (1.0 - load)
    waits, rate = last / (sum(terms) + last), servers * (1.0 - load)
    service = math.exp(-t)
    return (1.0 - waits) * service + waits * (rate * service - math.exp(-rate * t)) / (rate - 1.0)


@pytest.mark.parametrize(("servers", "load", "t"), [
    (10, 0.5, 2.0), (100, 0.5, 2.0), (100, 0.5, 1.0), (10, 0.85, 2.0), (100, 0.95, 2.0),
])  # fmt: skip
def test_share_that_is_late_by_service_alone(servers: int, load: float, t: float):
    """With many servers a call is late because it is a long one: 0.135 of a hundred's at half load."""
    many = RANDOM | {"capacity_per_s": float(servers), "servers_count": servers}
    duration_s = 4e5 / servers
    station, _ = run(many, load * servers, duration_s, 0.05, client={"timeout_s": t}, sample_s=10.0,
                     requests="counted")  # fmt: skip
    assert station.failed_ratio == near(later_than(t, servers, load), 0.03)


def test_v03_loss_of_a_bounded_queue():
    station, _ = run(RANDOM | {"capacity_per_s": 1.0, "buffer_count": 9}, 0.9, 5e5, 0.2, sample_s=5.0)
    assert station.failed_ratio == near(0.0508137, 0.03)
    assert station.backlog.mean() == near(3.969441, 0.03)
    assert station.goodput.mean() == near(0.854268, 0.03)


@pytest.mark.parametrize(("servers", "erlang", "loss", "duration_s", "tick_s"), [
    (10, 5, 0.0183846, 1.2e5, 0.04), (20, 15, 0.0455932, 5e4, 0.02), (100, 100, 0.0757005, 1.2e4, 0.005),
])  # fmt: skip
def test_v04_erlang_b(servers: int, erlang: float, loss: float, duration_s: float, tick_s: float):
    station, _ = run(
        RANDOM | {"capacity_per_s": float(servers), "servers_count": servers, "buffer_count": 0}, erlang,
        duration_s, tick_s, sample_s=100.0,
    )  # fmt: skip
    assert station.failed_ratio == near(loss, 0.03)


def test_v05b_erlang_a_overloaded():
    impatient = {"capacity_per_s": 100.0, "servers_count": 100, "patience_s": 4.0}
    station, _ = run(RANDOM | impatient, 120, 2e4, 0.02, sample_s=0.5)
    assert station.failed_ratio == near(0.1666692, 0.01)
    assert station.backlog.mean() - 100 == near(80.0012, 0.01)


def test_v07_zombie_work_without_retries():
    one_server = RANDOM | {"capacity_per_s": 10.0}
    station, _ = run(one_server, 9.5, 8e5, 0.2, client={"timeout_s": 3.0}, sample_s=100.0)
    assert station.failed_ratio == near(0.22313, 0.03)
    assert station.goodput.mean() == near(7.380263, 0.03)


def test_v08b_work_of_clients_that_have_gone_is_dropped():
    dropping = {"capacity_per_s": 10.0, "discipline": "deadline_drop"}
    station, _ = run(RANDOM | dropping, 9.5, 8e4, 0.02, client={"timeout_s": 0.5}, sample_s=100.0)
    assert station.failed_ratio == near(0.1245, 0.01)
    assert station.goodput.mean() == near(8.317248, 0.01)


def test_v14_newest_first():
    newest_first = {"capacity_per_s": 1.0, "discipline": "lifo"}
    station, _ = run(RANDOM | newest_first, 2, 1.5e5, 0.1, client={"timeout_s": 3.0}, sample_s=100.0)
    assert station.goodput.sum() / station.offered.sum() == near(0.461805, 0.01)
    served_ever = 1.0 - station.backlog[-1] / (station.offered.sum() * 100.0)
    assert served_ever == near(0.5, 0.01)


# --- retries ---------------------------------------------------------------

REGIMES = pytest.mark.parametrize("service", [FLUID, RANDOM], ids=["at once", "with an orbit"])


@REGIMES
def test_v09_retries_of_independent_failures(service: dict):
    station, customers = run(
        service | {"fault_ratio": 0.5}, 1e5, 300, 0.1, client={"retries": 3, "backoff_s": 0.1}, debug=True
    )
    assert station.offered[50:].mean() / 1e5 == near(1.875, 0.01)
    assert customers.goodput[50:].mean() / 1e5 == near(0.9375, 0.01)


@REGIMES
def test_v11_retry_budget(service: dict):
    client = {"retries": 3, "backoff_s": 0.1, "retry_budget_ratio": 0.1}
    station, customers = run(service | {"fault_ratio": 0.5}, 1e5, 300, 0.1, client=client, debug=True)
    assert station.offered[50:].mean() / 1e5 == near(1.1, 0.01)
    assert customers.goodput[50:].mean() / 1e5 == near(0.55, 0.01)


@REGIMES
@pytest.mark.parametrize(("fault_ratio", "binds"), [(0.08, False), (0.10, True)])
def test_v11_where_the_budget_binds(service: dict, fault_ratio: float, binds: bool):
    client = {"retries": 20, "backoff_s": 0.1, "retry_budget_ratio": 0.1}
    _, customers = run(service | {"fault_ratio": fault_ratio}, 1e5, 300, 0.1, client=client)
    assert (customers.error_ratio[100:].mean() > 1e-3) == binds


@pytest.mark.parametrize(("jitter", "backoff_s", "orbit"), [("exponential", 2.0, 1.5), ("full", 4.0, 1.418)])
def test_v13_retrial_queue(jitter: str, backoff_s: float, orbit: float):
    """Falin and Templeton's orbit has no memory; a uniform back-off of the same mean fills it a little less
    (1.418 by an event simulation of single customers)."""
    client = {"retries": 20, "backoff_s": backoff_s, "backoff_cap_s": backoff_s, "jitter": jitter}
    station, _ = run(RANDOM | {"capacity_per_s": 1.0, "buffer_count": 0}, 0.5, 1e5, 0.05, client=client)
    retries_per_s = station.offered.mean() - 0.5
    assert retries_per_s / 0.5 == near(orbit, 0.03)
    assert station.backlog.mean() == near(0.5, 0.03)


@pytest.mark.parametrize(("jitter", "rate_per_s", "delay_s"), [
    ("full", 0.1, 20 / 3), ("none", 0.05, 10.0), ("equal", 1 / 15, 140 / 18),
])  # fmt: skip
def test_v44_clients_at_the_cap_of_their_back_off(jitter: str, rate_per_s: float, delay_s: float):
    """100 000 clients come within 20 s and fail until the fault ends, when all back-offs are 20 s."""
    client = {"retries": 20, "backoff_s": 20.0, "backoff_cap_s": 20.0, "jitter": jitter}
    station, _ = run(
        RANDOM | {"fault_ratio": 1.0}, 5000, 160, 0.05, client=client,
        changes=(setting(120.0, fault_ratio=0.0), no_more_customers(20.0)), debug=True,
    )  # fmt: skip
    before, after = station.offered[80:120], station.goodput[120:]
    assert before.mean() / 1e5 == near(rate_per_s, 0.01)
    assert after.sum() == near(1e5, 0.01)
    assert (after * (np.arange(len(after)) + 0.5)).sum() / after.sum() == near(delay_s, 0.01)


def no_more_customers(at_s: float) -> dict:
    return {"id": "gone", "at": at_s, "assumed": "a test", "set": {"customers.rate_ratio": 0.0}}


# --- backlogs and throttles ------------------------------------------------


def test_v24b_token_bucket():
    client = {"retries": 20, "backoff_s": 1.0, "backoff_cap_s": 1.0, "jitter": "none"}
    station, _ = run(
        {"throttle_per_s": 20.0, "burst_count": 100.0}, 0, 30, 0.1, client=client,
        load={"batch_count": 500.0}, sample_s=0.1, debug=True,
    )  # fmt: skip
    served = station.goodput * 0.1
    assert served.sum() == near(500, 1e-9)
    assert served[1] == near(100, 1e-9)
    assert np.flatnonzero(served)[-1] * 0.1 == pytest.approx(20.0, abs=0.15)


def test_v25_backlog_of_an_outage():
    station, _ = run(
        FLUID | {"capacity_per_s": 80.0}, 60, 40_000, 1.0, noise="mean", sample_s=10.0, debug=True,
        changes=(setting(100, for_s=9420, capacity_ratio=0.0),),
    )  # fmt: skip
    empty = station.tick[(station.backlog == 0) & (station.tick > 9520)][0] - 9520
    assert station.backlog.max() == near(60 * 9420, 1e-3)
    assert empty == near(28_260, 1e-3)


def test_v26_throttle_ramp():
    """In hundreds of calls, so that whole counts do not matter."""
    station, _ = run(
        FLUID | {"capacity_per_s": 500.0, "initial_backlog_count": 3.6e6}, 1000, 4000, 1.0,
        changes=(setting(0, over_s=4000, capacity_per_s=4500.0),), noise="mean", debug=True,
    )  # fmt: skip
    assert station.backlog.max() == near(3.725e6, 1e-3)
    assert station.tick[station.backlog.argmax()] == pytest.approx(500, abs=1)
    assert station.tick[station.backlog == 0][0] == near(3229.469, 1e-3)


# --- metastability ---------------------------------------------------------


@pytest.mark.parametrize(("load_per_s", "t_s"), [(1.9, 226.0), (1.0, 28.0), (2.1, None)])
def test_v12c_zombies_and_immediate_retries(load_per_s: float, t_s: float | None):
    """Counts times 10 000: the fluid law does not know the scale."""
    station, _ = run(
        FLUID | {"capacity_per_s": 1e5, "initial_backlog_count": 2e6}, load_per_s * 1e4, 300, 0.005,
        client={"timeout_s": 3.0, "retries": 4, "backoff_s": 0.0}, noise="mean", sample_s=0.05,
    )  # fmt: skip
    below = np.flatnonzero(station.backlog < 3e5)
    if t_s is None:
        assert len(below) == 0
    else:
        assert (below[0] + 1) * 0.05 == pytest.approx(t_s, abs=0.1)


CAPACITY_PER_S = 1000.0
AGENTS = {"timeout_s": 3.0, "retries": 3, "backoff_s": 0.05}  # so the band is 250 to 1000 a second
TRIGGER = setting(100.0, for_s=60.0, capacity_ratio=0.2)


def end_of(
    load_per_s: float,
    *changes: dict,
    tick_s: float = 1.0,
    scale: float = 1.0,
    noise: str = "exact",
    client: dict | None = None,
    **station: float | str,
) -> tuple[float, float]:
    """(goodput over load, error ratio of the customers) twenty minutes later."""
    at_the_station, customers = run(
        {"capacity_per_s": CAPACITY_PER_S * scale} | station, load_per_s * scale, 1200, tick_s,
        client=AGENTS | (client or {}), changes=changes, noise=noise, sample_s=10.0, debug=True,
    )  # fmt: skip
    return at_the_station.goodput[-20:].mean() / (load_per_s * scale), customers.error_ratio[-20:].mean()


WELL = (near(1.0, 0.02), pytest.approx(0.0, abs=0.005))
COLLAPSED = (pytest.approx(0.0, abs=0.02), near(1.0, 0.01))


@pytest.mark.parametrize("noise", ["exact", "mean"])
@pytest.mark.parametrize("load_per_s", [200, 300, 600, 950])
def test_well_below_capacity_without_trigger(load_per_s: float, noise: str):
    assert end_of(load_per_s, noise=noise) == WELL


@pytest.mark.parametrize(("load_per_s", "outcome"), [(200, WELL), (300, COLLAPSED), (950, COLLAPSED)])
def test_after_a_trigger_the_band_decides(load_per_s: float, outcome: tuple):
    """Above mu/(1+r) the station stays down though the trigger has gone, at a load that it bore before."""
    assert end_of(load_per_s, TRIGGER) == outcome


@pytest.mark.parametrize(("station", "client"), [
    ({"discipline": "deadline_drop"}, {}), ({}, {"retries": 0}), ({"buffer_count": 1000.0}, {}),
    ({}, {"retry_budget_ratio": 0.1}), ({"discipline": "lifo"}, {}),
], ids=["expired work is dropped", "no retries", "small buffer", "retry budget", "newest first"])  # fmt: skip
def test_what_removes_the_collapsed_state(station: dict, client: dict):
    assert end_of(600, TRIGGER, client=client, **station) == WELL


def test_a_collapsed_station_needs_its_load_below_the_band_or_an_empty_queue():
    """Dropping what has expired, or capacity for all attempts, ends what a little more capacity does not."""
    assert end_of(600, TRIGGER, setting(400.0, capacity_ratio=1.5)) == COLLAPSED
    assert end_of(600, TRIGGER, setting(400.0, capacity_ratio=5.0)) == WELL
    assert end_of(600, TRIGGER, setting(400.0, for_s=60.0, discipline="deadline_drop")) == WELL


@pytest.mark.parametrize("load_per_s", [200, 400])
@pytest.mark.parametrize(("tick_s", "scale"), [(0.5, 1.0), (0.25, 1.0), (1.0, 100.0)])
def test_neither_the_substep_nor_the_scale_decides(load_per_s: float, tick_s: float, scale: float):
    outcome = WELL if load_per_s == 200 else COLLAPSED
    assert end_of(load_per_s, TRIGGER, tick_s=tick_s, scale=scale) == outcome


def test_contention_adds_a_collapse_of_its_own():
    """Capacity falls with the backlog: without a single retry, work stays late for good."""
    assert end_of(600, TRIGGER, client={"retries": 0}, half_capacity_backlog_count=10_000.0) == COLLAPSED


# --- books -----------------------------------------------------------------

EVERYTHING = {
    "throttle": {"throttle_per_s": 700.0, "burst_count": 50.0},
    "emergency": {"admitted_ratio": 0.7, "retry_on_reject": False},
    "impatient": {"patience_s": 2.0},
    "small": {"buffer_count": 300.0},
    "faulty": {"fault_ratio": 0.2},
    "contended": {"half_capacity_backlog_count": 1000.0},
    "slow": {"service_time_s": 2.5},
    "hopeless": {"service_time_s": 4.0},
}


@pytest.mark.parametrize("noise", ["exact", "mean"])
@pytest.mark.parametrize("service", ["deterministic", "exponential"])
@pytest.mark.parametrize("discipline", ["fifo", "lifo", "deadline_drop"])
def test_no_call_is_lost_whatever_is_switched_on(noise: str, service: str, discipline: str):
    """Each knob in turn for a minute, under overload, while the station's own check looks at the books."""
    changes = tuple(setting(60.0 * k + 5, for_s=57.0, **knobs) for k, knobs in enumerate(EVERYTHING.values()))
    station, customers = run(
        {"capacity_per_s": 800.0, "servers_count": 10, "discipline": discipline, "service": service},
        900, 600, 1.0, client={"timeout_s": 3.0, "retries": 2, "jitter": "equal"}, noise=noise, debug=True,
        changes=changes,
    )  # fmt: skip
    assert station.goodput.sum() > 0
    assert customers.offered.mean() == near(900, 0.02)


def test_work_that_can_only_be_late_is_never_good():
    station, customers = run(
        {"capacity_per_s": 800.0, "service_time_s": 4.0}, 100, 60, 1.0, client={"timeout_s": 3.0}, debug=True
    )
    assert station.goodput.sum() == 0
    assert customers.error_ratio[5:].min() == 1.0


def test_customers_come_by_rate_and_in_a_batch():
    client, load = {"retries": 0}, {"batch_count": 7.0, "rate_ratio": 2.0}
    _, exact = run(FLUID, 50, 4000, 1.0, client=client, load=load)
    _, mean = run(FLUID, 50, 4000, 1.0, client=client, load=load, noise="mean")
    assert exact.offered[1:].var() == near(100, 0.1)  # Poisson
    assert mean.offered[0] == 107
    assert (mean.offered[1:] == 100).all()
    assert exact.error_ratio.max() == 0.0


def test_a_scenario_of_one_station_is_valid():
    assert scenario(FLUID, 1.0, 10.0, 1.0).topology.services["customers"].dependencies[0].on == "station"
    assert NEVER_S > 1e4
