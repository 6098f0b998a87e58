"""Graphs that the bench makes up: keyed, so the same each time."""

from __future__ import annotations

from collections.abc import Iterator

import twin
from tests.bench.large_graph import number
from tests.bench.scenarios import INCIDENT
from twin.base.rng import DELAY, stable_key, uniform
from twin.model.fields import assembled
from twin.model.scenario import Dependency, Scenario, Service

CUSTOMERS_PER_S, SHARE = 20.0, 0.2  # of a tenant: so few that AWS's services carry all tenants
MODES = ("hard", "hard", "hard", "soft", "cached", "async")


def layered(services: int, edges: int, seed: int = 1) -> dict[str, Service]:
    """Relays; each calls others that come before it, mostly the first ones: few are called by many."""
    calls: dict[int, dict[int, str]] = {n: {} for n in range(services)}
    for caller, callee, chance in _pairs(services, seed):
        if sum(map(len, calls.values())) == edges:
            break
        calls[caller].setdefault(callee, MODES[int(chance * len(MODES))])
    return {f"s{n}": _relay(n, those) for n, those in calls.items()}


def _pairs(services: int, seed: int) -> Iterator[tuple[int, int, float]]:
    n = 0
    while True:
        a, b, c = (uniform(seed, stable_key(f"edge {n}"), 0, DELAY, k) for k in range(3))
        caller = 1 + int(a * (services - 1))
        yield caller, int(caller * b * b), c
        n += 1


def _relay(n: int, calls: dict[int, str]) -> Service:
    edges = tuple(Dependency(on=f"s{callee}", mode=mode) for callee, mode in calls.items())
    return Service(name=f"s{n}", kind="relay", domain=f"s{n}", dependencies=edges)


def region(services: int = 300, edges: int = 1500) -> Scenario:
    """The incident of October, with relays and stations around it: each calls services of AWS and others."""
    core = twin.load(INCIDENT)
    known = dict(core.topology.services)
    has = sum(len(s.dependencies) for s in known.values())
    hubs = sorted(known, key=lambda name: -sum(d.on == name for s in known.values() for d in s.dependencies))
    more = layered(services - len(known), edges - has, seed=2)
    added = {f"tenant-{n}": _tenant(n, s, hubs) for n, s in enumerate(more.values())}
    wider = core.topology.model_copy(update={"services": known | added})
    return core.model_copy(update={"topology": wider, "requests": "counted", "published": None})


def _tenant(n: int, service: Service, hubs: list[str]) -> Service:
    """Every third edge goes to one of the dozen services that AWS's own services call most."""
    calls = {}
    for k, d in enumerate(service.dependencies):
        name = hubs[(n + k) % 12] if k % 3 == 0 else f"tenant-{d.on[1:]}"
        mode = "hard" if d.mode == "cached" else d.mode
        calls[name] = assembled(Dependency, on=name, mode=mode, share=number(SHARE))
    kind = "workload" if not n % 10 else "queueing" if n % 3 == 1 else "relay"
    few = {"rate_per_s": number(CUSTOMERS_PER_S)} if kind == "workload" else {}
    calls = {name: d for name, d in calls.items() if not name.startswith("tenant-") or int(name[7:]) % 10}
    name = f"tenant-{n}"
    return Service(
        name=name, kind=kind, domain=name, visible=kind != "workload", dependencies=tuple(calls.values()),
        parameters=few,
    )  # fmt: skip
