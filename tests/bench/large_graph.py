"""Large random topologies for measurements: as many services as wanted, five dependencies each on average.

    topology = large_topology(100_000)                # the same for the same seed
    quiet = large_scenario(topology)
    spreads = large_scenario(topology, fault=True)    # a tenth of the services gets into trouble
    write_tables(topology, folder)                    # see docs/large-topologies.md

The shape is that of published traces of microservices. Of the services of Alibaba, 13 % begin requests, 39 %
call nobody, and the number of callers of a service has a long tail (Winchester et al., Complexity at Scale,
arXiv 2504.13141, table 1 and section on dependencies; Luo et al., SoCC 2021, for the trace). The tail here
is a choice: the weight with which a service is called falls with its rank to the power TAIL. Five
dependencies a service is what the measurement asks for. Requests pass at most TIERS services in a row.

One call of each request goes the main way (MAIN_SHARE of the requests make it); the others are shared out, so
the load of a service grows with the number of its callers and not with the depth of the graph.
"""

from __future__ import annotations

from datetime import UTC, datetime

import numpy as np

from twin.model.fields import assembled
from twin.model.scenario import Dependency, Intervention, Quantity, Scenario, Service, Topology

ENTRIES, LEAVES = 0.13, 0.39  # shares of the services that begin requests, that call nobody
EDGES_A_SERVICE = 5
TIERS = 5  # of services that are called; the last one calls nobody
TAIL = 0.6
MAIN_SHARE = 0.75
RATE_PER_S = 40.0  # of a service that begins requests
OBJECTS_A_CALL = 2000  # of a reconciler, for each call a second: a change takes some signal periods
KINDS = {
    "relay": 0.55,
    "queueing": 0.37,
    "execution_pool": 0.04,
    "reconciler": 0.02,
    "propagation_queue": 0.02,
}
MODES = {"hard": 0.45, "soft": 0.25, "cached": 0.15, "new_connections": 0.1, "async": 0.05}
LIFE_S, RENEWALS = 300.0, 0.1  # of a connection or a cached answer; new ones for each call
TROUBLED = 0.1  # share of the services that the fault shall reach
ASSUMED = "a random graph"


def number(value: float | str) -> Quantity:
    return assembled(Quantity, value=value, assumed=ASSUMED)


def large_topology(services_count: int, seed: int = 1) -> Topology:
    """Services with dependencies, without a cycle."""
    draw = np.random.default_rng(seed)
    tier = tiers(services_count)
    kinds = kinds_of(tier, draw)
    caller, callee = edges(tier, draw)
    modes = draw.choice(list(MODES), len(caller), p=list(MODES.values()))
    is_main = np.append(True, caller[1:] != caller[:-1])
    modes[is_main] = "hard"
    out_degree = np.bincount(caller, minlength=services_count)
    share = np.where(is_main, MAIN_SHARE, np.round(0.25 / np.maximum(1, out_degree[caller] - 1), 3))
    load = loads(tier, caller, callee, share)
    known: dict[float | str, Quantity] = {}

    def q(value: float | str) -> Quantity:
        return known.setdefault(value, number(value))

    dependencies: list[list[Dependency]] = [[] for _ in range(services_count)]
    kept = np.maximum(1, np.round(load[caller] * share * LIFE_S * RENEWALS))
    columns = (caller, callee, modes, share, kept)
    for a, b, mode, part, count in zip(*(column.tolist() for column in columns), strict=True):
        given = {"on": name(b), "mode": mode, "share": q(part), "timeout_s": q(10.0)}
        if mode == "hard":
            given["retries"] = q(1)
        elif mode in ("cached", "new_connections"):
            given |= {"lifetime_s": q(LIFE_S), "connections_count": q(count)}
        dependencies[a].append(assembled(Dependency, **given))
    services = {
        name(n): assembled(
            Service, name=name(n), kind=kind, domain=name(n), visible=bool(tier[n] > 0),
            requests="counted", dependencies=tuple(dependencies[n]),
            parameters={k: q(v) for k, v in parameters(kind, float(load[n])).items()},
        )
        for n, kind in enumerate(kinds)
    }  # fmt: skip
    return Topology(name="large").model_copy(update={"services": services, "requests": "counted"})


def name(number: int) -> str:
    return f"s-{number:06d}"


def tiers(count: int) -> np.ndarray:
    """Tier of each service: 0 begins requests, TIERS calls nobody."""
    first, last = round(ENTRIES * count), round(LEAVES * count)
    middle = np.sort(np.arange(count - first - last) % (TIERS - 1)) + 1
    return np.concatenate([np.zeros(first, int), middle, np.full(last, TIERS)])


def kinds_of(tier: np.ndarray, draw: np.random.Generator) -> list[str]:
    kinds = draw.choice(list(KINDS), len(tier), p=list(KINDS.values()))
    kinds[tier == 0] = "workload"
    return kinds.tolist()


def edges(tier: np.ndarray, draw: np.random.Generator) -> tuple[np.ndarray, np.ndarray]:
    """(caller, callee) of each dependency, by caller; callees are in a later tier, and none comes twice."""
    callers = np.flatnonzero(tier < TIERS)
    extra = draw.geometric(len(callers) / (EDGES_A_SERVICE * len(tier)), len(callers))
    caller = np.repeat(callers, np.minimum(extra, 200))
    first = np.searchsorted(tier, tier[caller] + 1)
    weight = draw.permutation(np.arange(1, len(tier) + 1)) ** -TAIL
    below = np.concatenate([[0.0], np.cumsum(weight)])
    callee = (
        np.searchsorted(below, below[first] + draw.random(len(caller)) * (below[-1] - below[first]), "right")
        - 1
    )
    pairs = np.unique(caller * len(tier) + np.minimum(callee, len(tier) - 1))
    order = np.lexsort((draw.random(len(pairs)), pairs // len(tier)))
    return pairs[order] // len(tier), pairs[order] % len(tier)


def loads(tier: np.ndarray, caller: np.ndarray, callee: np.ndarray, share: np.ndarray) -> np.ndarray:
    """Calls a second that reach each service."""
    rate = np.where(tier == 0, RATE_PER_S, 0.0)
    for level in range(TIERS):
        here = tier[caller] == level
        np.add.at(rate, callee[here], rate[caller[here]] * share[here])
    return rate


def parameters(kind: str, load_per_s: float) -> dict[str, float]:
    """What a service of this kind needs for its load; one and a half times the load fits.

    A call that asks for a change of an object fails while that object is busy, so there are many objects.
    """
    enough = float(np.ceil(1.5 * load_per_s + 10.0))
    of_kind = {
        "workload": {"rate_per_s": RATE_PER_S}, "queueing": {"capacity_per_s": enough},
        "propagation_queue": {"capacity_per_s": enough},
        "reconciler": {"objects_count": OBJECTS_A_CALL * enough}, "execution_pool": {"load_per_s": enough},
    }  # fmt: skip
    return of_kind.get(kind, {})


def spreading(topology: Topology, share: float = TROUBLED) -> list[str]:
    """Services whose failure reaches this share of all: along the main ways, at most three calls up."""
    services = topology.services
    callers: dict[str, list[str]] = {name: [] for name in services}
    for s in services.values():
        if s.dependencies:
            callers[s.dependencies[0].on].append(s.name)
    hit, chosen, wanted = set[str](), list[str](), share * len(services)
    for root in sorted((n for n in services if _breaks(services[n])), key=lambda n: (-len(callers[n]), n)):
        reached = {root}
        for _ in range(3):
            reached |= {above for n in reached for above in callers[n]}
        if len(hit | reached) <= 1.05 * wanted:
            hit |= reached
            chosen.append(root)
        if len(hit) >= 0.95 * wanted:
            break
    return chosen


def _breaks(service: Service) -> bool:
    return service.kind in ("relay", "queueing")


def large_scenario(
    topology: Topology, fault: bool = False, *, duration_s: float = 900.0, sample_s: float = 60.0,
    fault_at_s: float = 330.0, fault_for_s: float = 3600.0,
) -> Scenario:  # fmt: skip
    """A quiet scenario, or one in which some services fail all their calls from ``fault_at_s`` on."""
    faults = ()
    if fault:
        settings = {f"{name}.fault_ratio": 1.0 for name in spreading(topology)}
        faults = (
            Intervention(
                id="cut", kind="fault", at_s=fault_at_s, for_s=fault_for_s, set=settings, assumed=ASSUMED
            ),
        )
    bare = Scenario(
        name="large", topology=Topology(name="large"), start=datetime(2025, 10, 20, 7, tzinfo=UTC),
        duration_s=duration_s, sample_s=sample_s, seed=7, requests="counted", faults=faults,
    )  # fmt: skip
    return bare.model_copy(update={"topology": topology})
