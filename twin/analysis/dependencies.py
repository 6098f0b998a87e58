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

from twin.model.graph import dominators, reach
from twin.model.scenario import Dependency, Service

__all__ = [
    "NEEDED", "Dependent", "availability_ratio", "cascade_size", "common_cause_ratio", "dependents",
    "dominators", "extinction_ratio", "negative_ttl_s", "repaired_ratio", "shuffle_shards", "single_points",
]  # fmt: skip

# Modes of dependencies that a caller needs: it fails at once, or when its connections, cached answers or
# leases run out. It does not need soft dependencies, and async work waits until it is taken.
NEEDED = ("hard", "cached", "new_connections", "lease")


@dataclass(frozen=True)
class Dependent:
    """A service that depends on another, over ``path``: the dependencies from it to the other.

    ``hard``: it needs every one of them. The path is a shortest hard one if there is one, else a shortest of
    all. ``calls``: the callers on the path, the service itself first.
    """

    service: str
    calls: tuple[str, ...]
    path: tuple[Dependency, ...]

    def __repr__(self) -> str:
        return f"Dependent({' -> '.join([*self.calls, *(d.on for d in self.path[-1:])])})"

    @property
    def hard(self) -> bool:
        return all(d.mode in NEEDED for d in self.path)

    @property
    def ends_at(self) -> tuple[str, str] | None:
        """Caller and callee of the dependency that stops the failure; None for a hard chain.

        It is the first one, seen from the lost service, that its caller does not need.
        """
        steps = reversed([*zip(self.calls, self.path, strict=True)])
        return next(((caller, d.on) for caller, d in steps if d.mode not in NEEDED), None)

    @property
    def share_ratio(self) -> float:
        """Calls to the lost service for each call of this one, along the path; at most 1 for each step."""
        return math.prod(min(1.0, float(d.value("share"))) for d in self.path)


def dependents(services: Mapping[str, Service], name: str) -> list[Dependent]:
    """The services that depend on ``name``: over hard chains first, then the nearest, then by name.

    The graph has no alternatives (it is an AND graph): a service with a hard chain to ``name`` does not work
    without it. Raises KeyError for an unknown service.
    """
    hard = reach(services, name, NEEDED)
    paths = hard | {end: path for end, path in reach(services, name).items() if end not in hard}
    edges = {(s.name, d.on): d for s in services.values() for d in s.dependencies}
    every = [Dependent(end, way[:-1], tuple(edges[e] for e in pairwise(way))) for end, way in paths.items()]
    return sorted(every, key=lambda d: (not d.hard, len(d.path), d.service))


def single_points(services: Mapping[str, Service]) -> dict[str, tuple[str, ...]]:
    """Service → the services that do not work without it, by name: it is a single point of their failure.

    The service with most dependents comes first. Services without dependents are left out.
    """
    needed_by = {name: tuple(sorted(reach(services, name, NEEDED))) for name in services}
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
