"""Answers without a run: availability, blast radius and single points of failure, in closed form.

Pure functions of ratios and of a topology. They answer questions about rare events, which a run would need
hours to show. Queues, retries and collapse need a run. Ratios are 0 to 1; times are seconds.
"""

from __future__ import annotations

import math
from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from itertools import pairwise

from scipy.optimize import brentq
from scipy.stats import binom

from twin.analysis.blast_sweep import NEEDED, BlastSweep, needs_of
from twin.model.graph import dominators, reach
from twin.model.scenario import Dependency, Service

__all__ = [
    "NEEDED", "Dependent", "availability_ratio", "cascade_size", "common_cause_ratio", "dependents",
    "dominators", "extinction_ratio", "negative_ttl_s", "repaired_ratio", "shuffle_shards", "single_points",
]  # fmt: skip


@dataclass(frozen=True)
class Dependent:
    """A service that depends on another, over ``path``: the dependencies from it to the other.

    ``hard``: it does not work without the other. The path is a shortest one of dependencies that their
    callers need if there is one, else a shortest of all. ``calls``: the callers on the path, the service
    itself first. ``ends_at``: caller and callee of the dependency that stops the failure; None for a hard
    one. It is the first one, seen from the lost service, that its caller can do without.
    """

    service: str
    calls: tuple[str, ...]
    path: tuple[Dependency, ...]
    hard: bool
    ends_at: tuple[str, str] | None = None

    def __repr__(self) -> str:
        return f"Dependent({' -> '.join([*self.calls, *(d.on for d in self.path[-1:])])})"

    @property
    def share_ratio(self) -> float:
        """Calls to the lost service for each call of this one, along the path; at most 1 for each step."""
        return math.prod(min(1.0, float(d.value("share"))) for d in self.path)


def dependents(services: Mapping[str, Service], name: str) -> list[Dependent]:
    """The services that depend on ``name``: those that do not work without it first, then the nearest, then
    by name. Raises KeyError for an unknown service.
    """
    down = BlastSweep(services).lose([(name,)]).down(0)
    needed = {(s.name, ways[0]) for s in services.values() for ways in needs_of(s) if len(ways) == 1}
    edges = {(s.name, d.on): d for s in services.values() for d in s.dependencies}
    paths = reach(services, name) | reach(services, name, needed)
    found = []
    for end, way in paths.items():
        steps = [*pairwise(way)]
        stop = next((step for step in reversed(steps) if step not in needed), None)
        path, hard = tuple(edges[step] for step in steps), end in down
        found.append(Dependent(end, way[:-1], path, hard, None if hard else stop))
    return sorted(found, key=lambda d: (not d.hard, len(d.path), d.service))


def single_points(services: Mapping[str, Service]) -> dict[str, tuple[str, ...]]:
    """Service → the services that do not work without it, by name: it is a single point of their failure.

    The service with most dependents comes first. Services without dependents are left out.
    """
    swept = BlastSweep(services).singles()
    needed_by = {name: tuple(sorted(swept.down(k) - {name})) for k, name in enumerate(swept.names)}
    return dict(
        sorted(((n, those) for n, those in needed_by.items() if those), key=lambda i: (-len(i[1]), i[0]))
    )


def availability_ratio(own: float, hard: Iterable[float] = ()) -> float:
    """Availability of a service that is up when it and all its hard dependencies are, each independently.

    Source: The Calculus of Service Availability, ACM Queue 2017.
    """
    return own * math.prod(hard)


def common_cause_ratio(needed: int, of: int, unavailable: float, beta: float) -> float:
    """Unavailability of a group that needs ``needed`` of its members, each ``unavailable`` of the time.

    A share ``beta`` of that has one common cause (the beta-factor model), the rest is independent. The two
    are added, which is right for rare events. Raises ValueError if ``needed`` is not 1 to ``of``.
    """
    if not 1 <= needed <= of:
        raise ValueError(f"{needed} of {of} members are needed: expected 1 to {of}")
    too_few_left = float(binom.sf(of - needed, of, (1.0 - beta) * unavailable))
    return too_few_left + beta * unavailable


def repaired_ratio(mtbf_s: float, mttr_s: float, after_s: float = math.inf) -> float:
    """Probability that a component is up ``after_s`` after it was last seen up; finally its availability.

    ``mtbf_s``, ``mttr_s``: mean times to failure and to repair, both exponential.
    """
    steady = mtbf_s / (mtbf_s + mttr_s)
    return steady + (1.0 - steady) * math.exp(-(1.0 / mtbf_s + 1.0 / mttr_s) * after_s)


def cascade_size(spread: float) -> float:
    """Mean number of services that one failure fails, itself included, if each fails ``spread`` others.

    The total progeny of a branching process; infinite from 1 on.
    """
    return 1.0 / (1.0 - spread) if spread < 1.0 else math.inf


def extinction_ratio(spread: float) -> float:
    """Probability that such a cascade ends by itself, if each failure's offspring are Poisson(``spread``)."""
    if spread <= 1.0:
        return 1.0
    return float(brentq(lambda q: math.exp(-spread * (1.0 - q)) - q, 0.0, 1.0 / spread, xtol=1e-15))


def negative_ttl_s(soa_ttl_s: float, minimum_s: float) -> float:
    """How long a resolver keeps an answer without records: the smaller of the TTL of the zone's SOA and that
    record's MINIMUM. Source: RFC2308."""
    return min(soa_ttl_s, minimum_s)


def shuffle_shards(workers: int, shard: int) -> tuple[float, float]:
    """(P(all shared), P(at least one shared)) of two customers who have ``shard`` random workers each.

    Raises ValueError if a shard is larger than the fleet.
    """
    if not 1 <= shard <= workers:
        raise ValueError(f"a shard of {shard} workers: expected 1 to {workers}")
    ways = math.comb(workers, shard)
    return 1.0 / ways, 1.0 - math.comb(workers - shard, shard) / ways
