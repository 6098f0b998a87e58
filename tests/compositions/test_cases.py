"""Small systems whose right answer follows from a formula, or by hand. Times in seconds from the start."""

import math
from functools import cache
from pathlib import Path

import numpy as np
import pytest
from click.testing import CliRunner

import twin
from twin.cli import cli

from .agreement import recorded
from .tables import Recorded, Requests

CASES = Path(__file__).parent / "cases"
MINUTE = 60.0
FAULT = (10 * MINUTE, 20 * MINUTE)


@cache
def ran(name: str) -> twin.Run:
    return twin.run(CASES / f"{name}.yaml")


def tables(name: str) -> Recorded:
    return recorded(ran(name))


def in_fault(name: str, users: str = "users", window: tuple[float, float] = FAULT) -> Requests:
    return tables(name).users(users).started(window)


def lost(requests: Requests) -> float:
    return float(np.mean(~requests.is_served))


def test_a_burst_is_served_as_often_as_its_station_serves() -> None:
    """One a second for a minute; each hop counts the same. The others end a minute after they were sent."""
    people, calls = tables("burst").users("people"), tables("burst")
    served = int(people.is_served.sum())
    assert served == pytest.approx(60, abs=1)
    assert calls.edge("people", "front", "served").sum() == served
    assert calls.edge("front", "slow", "served").sum() == pytest.approx(served, abs=1)
    assert len(people.start_s) == 1000
    assert people.latency_s[~people.is_served] == pytest.approx(MINUTE, abs=0.1)


def test_no_more_instances_start_than_the_bootstrap_has_served() -> None:
    """0.2/s for 100 s."""
    run = tables("bootstrap")
    assert run.edge("pool", "bootstrap", "served")[:100].sum() == pytest.approx(20, abs=1)
    assert run.level("pool", "capacity_per_s")[99] == pytest.approx(20, abs=1)  # a server of 1/s each


def test_a_partition_of_which_both_sides_are_down_fails_in_all() -> None:
    assert lost(in_fault("partition", "people")) == 1.0


def test_time_outs_and_retries_add_up() -> None:
    """0.02 s at page and at its other part, then twice 3 s."""
    pages = in_fault("slow-leaf-hard", window=(FAULT[0], FAULT[1] - 10.0))
    assert lost(pages) == 1.0
    assert pages.latency_s == pytest.approx(6.04, abs=0.01)


def test_a_soft_leaf_is_waited_for_and_then_left_out() -> None:
    """0.02 s at page, at its other part and at part, then 2.5 s."""
    pages = in_fault("slow-leaf-soft", window=(FAULT[0], FAULT[1] - 10.0))
    assert (pages.outcome == "degraded").all()
    assert pages.latency_s == pytest.approx(2.56, abs=0.01)


def test_a_share_of_slow_calls_is_a_share_of_failures() -> None:
    """40 % of the pages need the slow leaf, and need it again when they are tried again."""
    assert lost(in_fault("slow-share")) == pytest.approx(0.4, abs=0.02)


def test_users_leave_a_page_that_waits_for_what_it_can_do_without() -> None:
    pages = in_fault("held-caller", window=(FAULT[0], FAULT[1] - 10.0))
    assert (pages.outcome == "timed_out").all()
    assert pages.latency_s == pytest.approx(5.0)
    run = ran("held-caller").sql(
        "select max(latency_s) as longest from samples where service = 'page' and goodput_per_s > 0"
    )
    assert run.column("longest")[0].as_py() == pytest.approx(6.04, abs=0.03)


def test_pauses_before_retries_are_waited_for() -> None:
    """Of 2 s a user can spend one pause of 1 s, not the next of 2 s: a quarter is lost."""
    users = in_fault("retry-wait", window=(FAULT[0], FAULT[1] - 4.0))
    assert lost(users) == pytest.approx(0.25, abs=0.01)
    assert users.latency_s.mean() == pytest.approx(0.79, abs=0.02)


def test_retries_are_part_of_the_latency() -> None:
    """0.8 s for each of at most three attempts, of which half fail: 0.8 (1 + 1/2 + 1/4)."""
    customers = in_fault("retries-in-latency", "customers", (10.0, 100.0))
    assert lost(customers) == pytest.approx(0.5, abs=0.01)
    latency_s = ran("retries-in-latency").sql(
        "select avg(latency_s) as mean from samples where service = 'front' and offered_per_s > 0"
    )
    assert latency_s.column("mean")[0].as_py() == pytest.approx(1.4, abs=0.03)


def test_a_cold_cache_asks_as_often_as_it_is_asked() -> None:
    """Without the database for twice the life of an entry, all are gone. Then all is well at once."""
    run = tables("cold-cache")
    asked_per_s = run.edge("api", "db", "sent") / run.interval_s
    assert asked_per_s.max() <= 50 + 5 * math.sqrt(50 / run.interval_s)
    assert lost(in_fault("cold-cache", window=(15 * MINUTE, 20 * MINUTE))) > 0.95
    assert lost(in_fault("cold-cache", window=(20 * MINUTE, 40 * MINUTE))) == 0.0


def test_who_hands_over_sees_no_error() -> None:
    """50/s for ten minutes are stored; then 60/s are worked off, 10/s more than come."""
    assert lost(tables("enqueue").users()) == 0.0
    stored = tables("enqueue").edge("orders", "worker", "in_flight")
    assert stored.max() == pytest.approx(50 * 10 * MINUTE, rel=0.02)


def test_a_station_without_a_queue_has_latency() -> None:
    """One call a second takes 0.1 s; users wait 0.05 s."""
    assert lost(tables("idle-station").users()) > 0.999
    latency_s = ran("idle-station").sql(
        "select median(latency_s) as middle from samples where service = 'app'"
    )
    assert latency_s.column("middle")[0].as_py() == pytest.approx(0.1, abs=0.01)


def test_a_time_out_as_short_as_a_mean_service() -> None:
    """M/M/1: the time at the station is exponential of rate 10 - 8, so exp(-0.2) are later than 0.1 s."""
    assert lost(tables("short-timeout").users()) == pytest.approx(math.exp(-0.2), abs=0.01)


def test_a_station_far_below_the_tick_is_a_queue_all_the_same() -> None:
    """M/M/1: 1 / (1000 - 700) s at the station, 0.02 s before it."""
    customers = tables("fast-station").users("customers")
    assert lost(customers) == 0.0
    assert customers.latency_s.mean() == pytest.approx(0.02 + 1 / 300, rel=0.03)


@pytest.mark.parametrize("lease_s", [540.0, 719.0])
def test_leases_lapse_when_they_end(lease_s: float) -> None:
    """Checks fall each 180 s. The last good ones are spread evenly over the 180 s before 720 s."""
    lapsed = tables(f"lease-{lease_s:.0f}").level("dwfm", "backlog_count") / 1_800_000
    first, last = round(720 + lease_s - 180), round(720 + lease_s)
    assert lapsed[first - 2] == 0.0
    assert lapsed[(first + last) // 2] == pytest.approx(0.5, abs=0.02)
    assert lapsed[last + 1] == pytest.approx(1.0, abs=0.01)


def test_check_names_what_nothing_reads(tmp_path: Path) -> None:
    """A lease that nobody keeps is an error; the others are warnings of a file without it."""
    text = (CASES / "ignored-numbers.yaml").read_text()
    assert "mode lease on kind queueing" in check(CASES / "ignored-numbers.yaml")
    (tmp_path / "hard.yaml").write_text(text.replace("mode: lease", "mode: hard"))
    said = check(tmp_path / "hard.yaml")
    for word in ("drain_per_s", "lifetime_s", "connections_count", "never"):
        assert word in said


def check(path: Path) -> str:
    done = CliRunner().invoke(cli, ["check", str(path)])
    return done.output
