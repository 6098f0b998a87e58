"""Calls that are stepped one by one: what must not show, and what must add up."""

from __future__ import annotations

from typing import Any

import pytest

import twin
from twin.mechanisms.contract import CONSERVATION
from twin.model.scenario import Scenario
from twin.simulation import inline
from twin.simulation.levels import MOST_CALLS, call_rates, weights
from twin.simulation.run import schedule_for, simulate
from twin.simulation.world import Model, build


def q(value: float | str | bool) -> dict[str, Any]:
    return {"value": value, "assumed": "a test"}


def service(kind: str, *calls: dict[str, Any], domain: str = "", **numbers: float | str) -> dict[str, Any]:
    own = {"domain": domain} if domain else {}
    return {
        "kind": kind,
        "parameters": {k: q(v) for k, v in numbers.items()},
        "dependencies": list(calls),
        **own,
    }


def call(on: str, mode: str = "hard", **numbers: float | str) -> dict[str, Any]:
    return {"on": on, "mode": mode, **{k: q(v) for k, v in numbers.items()}}


def system(*, tick_s: float = 1.0, rate_per_s: float = 30.0, **more: dict[str, Any]) -> Scenario:
    """Customers, a page with workers, a part with retries, a store with four servers; slow for a while."""
    services = {
        "users": service("workload", call("page", timeout_s=2.0), rate_per_s=rate_per_s, domain="a"),
        "page": service("queueing", call("part", timeout_s=0.5, retries=2, backoff_s=0.1),
                        workers_count=40, service_time_s=0.0, domain="b"),
        "part": service("relay", call("store", timeout_s=0.4, retries=1), domain="c"),
        "store": service("queueing", servers_count=4, work_s=0.1, service="exponential", domain="d"),
    } | more  # fmt: skip
    named = {name: {"name": name} | s for name, s in services.items()}
    slow = {"id": "slow", "at": 60.0, "for": 60.0, "set": {"store.work_s": 0.2}, "assumed": "a test"}
    return Scenario.model_validate({
        "scenario": "system", "start": "2025-10-20T00:00:00Z", "duration": 240.0, "tick": tick_s,
        "sample": 10.0, "seed": 3, "faults": [slow],
        "topology": {"topology": "system", "signal_period": 10.0, "services": named},
    })  # fmt: skip


def test_the_tick_does_not_show() -> None:
    runs = [simulate(system(tick_s=tick_s)) for tick_s in (1.0, 0.1)]
    assert runs[0].requests.num_rows > 6000
    assert runs[0].requests.equals(runs[1].requests)


def test_another_service_changes_no_draw_of_the_others() -> None:
    others = {"guests": service("workload", call("door"), rate_per_s=20.0), "door": service("queueing")}
    alone, beside = (
        simulate(system(**more)).sql("select * from requests where caller = 'users'") for more in ({}, others)
    )
    assert alone.num_rows == beside.num_rows
    assert alone["latency_s"].equals(beside["latency_s"])


def test_every_call_ends_exactly_once() -> None:
    done = simulate(system(), debug=True)
    (row,) = done.sql(
        "select sum(sent - served - failed - timed_out) as left, sum(timed_out) as late from calls"
    ).to_pylist()
    (open_,) = done.sql(
        "select sum(in_flight) as n from calls where tick = (select max(tick) from calls)"
    ).to_pylist()
    assert row["left"] == open_["n"] and row["late"] > 100


def test_a_call_that_is_lost_is_noticed(monkeypatch: pytest.MonkeyPatch) -> None:
    model: Model = build(system(), seed=3, debug=True)
    schedule = schedule_for(model, system())
    model.state.links["all_sent"][0] += 1
    with pytest.raises(inline.InvariantBroken) as broken:
        inline.run_inline(model, schedule, 60)
    assert broken.value.clause == CONSERVATION and "exactly once" in str(broken.value)


def test_one_call_stands_for_several_where_there_are_many() -> None:
    few, many = system(), system(rate_per_s=30_000.0)
    assert set(weights(few).values()) == {1}
    (weight,) = set(weights(many).values())
    assert weight == pytest.approx((1 + 1 + 3 + 6) * 30_000 * 240 / MOST_CALLS, abs=1)  # with all retries


def test_calls_are_expected_by_weight_and_a_fallback_for_failures_only() -> None:
    cells = {
        "router": service("relay", call("cell-a", weight=3.0) | {"one_of": "cells"},
                          call("cell-b") | {"one_of": "cells"}, call("first") | {"fallback": "second"},
                          call("second")),
        "visitors": service("workload", call("router"), rate_per_s=8.0),
        **{name: service("relay") for name in ("cell-a", "cell-b", "first", "second")},
    }  # fmt: skip
    rates = call_rates(system(**cells).topology.services)
    assert [rates[name] for name in ("cell-a", "cell-b", "first", "second")] == [6.0, 2.0, 8.0, 0.0]


def test_at_a_thousand_times_the_load_and_the_size_the_users_see_the_same() -> None:
    shares = []
    for scale in (1, 1000):
        case = system(rate_per_s=30.0 * scale)
        sizes = {"page.workers_count": 40 * scale, "store.servers_count": 4 * scale}
        done = twin.run(twin.load(case, set=sizes) if scale > 1 else case)
        (row,) = done.sql(
            "select avg((outcome <> 'served')::int) as lost from requests where start_s between 60 and 120"
        ).to_pylist()
        shares.append(row["lost"])
    assert shares[1] == pytest.approx(shares[0], abs=0.08)


@pytest.mark.ray
def test_the_same_bytes_on_two_actors() -> None:
    others = {"guests": service("workload", call("door"), rate_per_s=20.0, domain="e"),
              "door": service("queueing", domain="f")}  # fmt: skip
    case = system(**others)
    assert simulate(case, runner="ray", actors=2).digest == simulate(case).digest
