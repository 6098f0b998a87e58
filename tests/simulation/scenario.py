"""A small region with all that passes between shards: far edges of most modes, a cycle, a delay, ramps."""

from datetime import UTC, datetime
from typing import Any

from twin.model.scenario import Condition, Dependency, Intervention, Quantity, Scenario, Service, Topology


def number(value: float | bool | str) -> Quantity:
    return Quantity(value=value, assumed="a test")


def to(callee: str, mode: str, **numbers: float | str) -> Dependency:
    return Dependency(on=callee, mode=mode, **{name: number(value) for name, value in numbers.items()})


def service(name: str, kind: str, domain: str, *dependencies: Dependency, **parameters: float) -> Service:
    given = {key: number(value) for key, value in parameters.items()}
    return Service(name=name, kind=kind, domain=domain, dependencies=dependencies, parameters=given)


def region() -> dict[str, Service]:
    """Five domains; only the resolver and the DNS, and the two tables, are near each other."""
    services = [
        service("dns", "dns", "names"),
        service("resolver", "resolver", "names", to("dns", "hard")),
        service("table", "relay", "storage",
                to("resolver", "new_connections", lifetime_s=120.0, retries=3),
                to("tokens", "soft", share=0.1),
                service_time_s=0.002),
        service("table-copy", "relay", "storage", to("table", "async", drain_per_s=40.0)),
        service("tokens", "relay", "identity",
                to("table", "hard"), to("resolver", "cached", lifetime_s=300.0), service_time_s=0.01),
        service("queue", "queueing", "messages",
                to("tokens", "cached", lifetime_s=200.0), to("table", "soft"), capacity_per_s=400.0),
        service("functions", "relay", "messages",
                to("queue", "async", drain_per_s=90.0, priority="low"),
                to("tokens", "hard", breaker_error_ratio=0.25, clients_count=40, breaker_window_count=20)),
        service("customers", "workload", "customers",
                to("queue", "hard", retries=2, timeout_s=2.0, retry_mode="adaptive", clients_count=9,
                   jitter="decorrelated"),
                to("functions", "hard", share=0.5, delay_s=35.0, client_throttle_ratio=1.5, deadline_s=9.0),
                rate_per_s=100.0),
    ]  # fmt: skip
    return {s.name: s for s in services}


def change(name: str, **how: Any) -> Intervention:
    return Intervention(id=name, assumed="a test", **how)


def interventions() -> tuple[Intervention, ...]:
    """At ticks inside a signal period and on its end; ramped, ended, and waiting for a condition."""
    worse = Condition(service="customers", signal="error_ratio", above=0.05, for_s=60.0)
    bad = Condition(service="table", signal="error_ratio", above=0.5, for_s=120.0)
    return (
        change("cut", at_s=613.0, for_s=900.0, set={"table.fault_ratio": 0.6}),
        change("surge", at_s=1200.0, over_s=600.0, set={"customers.rate_ratio": 2.0}),
        change("shed", when=worse, after_s=7.0, set={"customers.rate_ratio": 0.4}),
        change("again", when=bad, after_s=1305.0, until_s=3333.0,
               set={"tokens.fault_ratio": 0.3, "queue->tokens.lifetime_s": 60.0}),
    )  # fmt: skip


def scenario(noise: str = "exact") -> Scenario:
    return Scenario(
        name="shards", topology=Topology(name="shards", services=region()), duration_s=4445.0, sample_s=20.0,
        start=datetime(2026, 1, 1, tzinfo=UTC), seed=7, noise=noise, actions=interventions(),
    )  # fmt: skip
