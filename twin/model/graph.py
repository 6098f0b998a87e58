"""Services and their dependencies as a graph: reach, dominators, division into shards, and a layout.

Edges point in the direction of calls, from caller to callee; trouble travels the other way. Ties are broken
by name, so the same topology always gives the same answer.
"""

from __future__ import annotations

import heapq
from collections.abc import Collection, Mapping, Sequence
from typing import Any

import networkx as nx
import numpy as np

from twin.model.scenario import Service
from twin.model.target import AT

_Node = Any  # a name, or a tuple of names
SWEEPS = 8  # rounds of ordering by barycentre; drawings of some hundred services settle in fewer


def dependencies(services: Mapping[str, Service]) -> nx.DiGraph:
    """Caller → callee, with the ``mode`` of each dependency; services and edges in the order of names."""
    graph = nx.DiGraph()
    graph.add_nodes_from(sorted(services))
    for name in graph:
        callees = sorted(services[name].dependencies, key=lambda d: d.on)
        graph.add_edges_from((name, d.on, {"mode": d.mode}) for d in callees)
    return graph


def reach(
    services: Mapping[str, Service], name: str, edges: Collection[tuple[str, str]] | None = None
) -> dict[str, tuple[str, ...]]:
    """The services that depend on ``name``, directly or not: service → a shortest path of calls to ``name``.

    ``edges``: only these dependencies, (caller, callee), count. Nearest first, then by name. Raises KeyError
    for an unknown service.
    """
    if name not in services:
        raise KeyError(name)
    callers = nx.DiGraph()
    callers.add_nodes_from(sorted(services))
    calls = dependencies(services).edges()
    callers.add_edges_from(sorted((b, a) for a, b in calls if edges is None or (a, b) in edges))
    paths = nx.single_source_shortest_path(callers, name)
    calls_to_name = {end: tuple(reversed(path)) for end, path in paths.items() if end != name}
    return dict(sorted(calls_to_name.items(), key=lambda item: (len(item[1]), item[0])))


def dominators(services: Mapping[str, Service], root: str) -> dict[str, str]:
    """Immediate dominators below ``root``: service → the nearest service that all calls to it pass.

    ``root`` itself and services that it does not reach are left out. Raises KeyError if it is unknown.
    """
    if root not in services:
        raise KeyError(root)
    nearest = nx.immediate_dominators(dependencies(services), root)
    return {name: nearest[name] for name in sorted(nearest) if name != root and nearest[name] is not None}


def callees_first(services: Mapping[str, Service]) -> list[tuple[str, ...]]:
    """All services in groups, each of which calls only itself and groups before it. A group of several is one
    of services that call each other in circles."""
    groups = nx.strongly_connected_components(dependencies(services))
    return [tuple(sorted(group)) for group in groups]


def strongly_connected(edges: Collection[tuple[_Node, _Node]]) -> list[tuple[_Node, ...]]:
    """Groups of nodes that lead back to themselves, sorted; without nodes that are on no cycle."""
    graph = nx.DiGraph(sorted(edges))
    loops = [group for group in nx.strongly_connected_components(graph) if len(group) > 1]
    alone = [(n,) for n in graph if graph.has_edge(n, n)]
    return sorted([tuple(sorted(group)) for group in loops] + alone)


def partition(services: Mapping[str, Service], shards: int) -> list[tuple[str, ...]]:
    """Divide whole domains among at most ``shards`` shards: the dearest first, to the least loaded shard.

    A domain has its zones with it. Then domains move to where most of their dependencies are, as what crosses
    shards has to be exchanged. What a service costs is counted in ends of dependencies. Ties are broken by
    the domain's name, then by the first shard. Returns the sorted names of each shard's services, without
    empty shards. Raises ValueError for fewer than one shard.
    """
    if shards < 1:
        raise ValueError(f"{shards} shards: at least one is needed")
    domains: dict[str, list[str]] = {}
    for name in sorted(services):
        domain = services[name].domain or name
        domains.setdefault(domain.partition(AT)[0], []).append(name)  # zones with the whole of them
    each = _costs(services)
    cost = {domain: sum(each[name] for name in names) for domain, names in domains.items()}
    dearest = sorted(domains, key=lambda d: (-cost[d], d))
    at = _dealt([cost[domain] for domain in dearest], shards)
    if shards > 1:
        number = {name: n for n, domain in enumerate(dearest) for name in domains[domain]}
        _move_together(np.array([cost[d] for d in dearest]), _ends_between(number, services), at, shards)
    found: list[list[str]] = [[] for _ in range(shards)]
    for domain, k in zip(dearest, at.tolist(), strict=True):
        found[k].extend(domains[domain])
    return [tuple(sorted(names)) for names in found if names]


MOST_OVER = 1.01  # what a shard may cost, of the mean, so that domains can move
MOST_PASSES = 12  # later ones move few


def _dealt(costs: Sequence[int], shards: int) -> np.ndarray:
    """The shard of each domain: one after the other, to the shard that costs least so far."""
    least, at = [(0, k) for k in range(shards)], list[int]()
    for cost in costs:
        load, k = heapq.heappop(least)
        at.append(k)
        heapq.heappush(least, (load + cost, k))
    return np.array(at, int)


def _ends_between(number: Mapping[str, int], services: Mapping[str, Service]) -> np.ndarray:
    """int[2, n]: the domains at both ends of each dependency, in both directions, by their numbers."""
    pairs = [(number[s.name], number[d.on]) for s in services.values() for d in s.dependencies]
    ends = np.array(pairs, int).reshape(-1, 2).T
    ends = ends[:, ends[0] != ends[1]]
    return np.concatenate([ends, ends[::-1]], axis=1)


def _move_together(cost: np.ndarray, ends: np.ndarray, at: np.ndarray, shards: int) -> None:
    """Move domains, in place, as long as fewer dependencies cross shards and no shard becomes too dear.

    ``at``: the shard of each domain. Each pass looks at every second domain, as two neighbours that change
    places gain nothing.
    """
    load = np.bincount(at, cost, shards).tolist()
    most = max(*load, MOST_OVER * sum(load) / shards)
    every = np.arange(len(at))
    for turn in range(MOST_PASSES):
        near = np.bincount(ends[0] * shards + at[ends[1]], minlength=len(at) * shards).reshape(-1, shards)
        wanted = near.argmax(axis=1)
        gain = near[every, wanted] - near[every, at]
        some = np.flatnonzero((gain > 0) & (every % 2 == turn % 2))
        for d in some[np.argsort(-gain[some], kind="stable")].tolist():
            if load[wanted[d]] + cost[d] <= most:
                load[wanted[d]] += cost[d]
                load[at[d]] -= cost[d]
                at[d] = wanted[d]


def _costs(services: Mapping[str, Service]) -> dict[str, int]:
    """What each service costs to step, in ends of dependencies."""
    cost = {name: 1 + len(service.dependencies) for name, service in services.items()}
    for service in services.values():
        for d in service.dependencies:
            cost[d.on] += 1
    return cost


def layout(services: Mapping[str, Service]) -> dict[str, tuple[float, float]]:
    """Place of each service on a drawing, (x, y) from 0 to 1: customers on top, foundations at y = 0.

    A service is above everything that it depends on, by the longest path. Services on a cycle are side by
    side. Within its tier a service is near the mean of its neighbours, which keeps the edges short.
    """
    graph = dependencies(services)
    tiers = _tiers(graph)
    for sweep in range(SWEEPS):
        _sweep(graph, tiers if sweep % 2 == 0 else tiers[::-1])
    top = max(1, len(tiers) - 1)
    places = {n: ((k + 0.5) / len(tier), y / top) for y, tier in enumerate(tiers) for k, n in enumerate(tier)}
    return {name: places[name] for name in graph}


def _tiers(graph: nx.DiGraph) -> list[list[str]]:
    """Services by the longest way down to one without dependencies; cycles count as one step."""
    whole = nx.condensation(graph)
    height: dict[int, int] = {}
    for group in reversed(list(nx.topological_sort(whole))):
        height[group] = 1 + max((height[below] for below in whole[group]), default=-1)
    tiers: list[list[str]] = [[] for _ in range(1 + max(height.values(), default=-1))]
    for name in graph:
        tiers[height[whole.graph["mapping"][name]]].append(name)
    return tiers


def _sweep(graph: nx.DiGraph, tiers: Sequence[list[str]]) -> None:
    """Order each tier by the mean place of its neighbours in the tiers that the sweep has passed."""
    place: dict[str, float] = {}
    for tier in tiers:
        now = {name: (k + 0.5) / len(tier) for k, name in enumerate(tier)}
        mean = {name: _mean(_passed(graph, name, place), now[name]) for name in tier}
        tier[:] = [name for _, _, name in sorted((mean[name], now[name], name) for name in tier)]
        place.update((name, (k + 0.5) / len(tier)) for k, name in enumerate(tier))


def _passed(graph: nx.DiGraph, name: str, place: Mapping[str, float]) -> list[float]:
    return [place[n] for n in (*graph.successors(name), *graph.predecessors(name)) if n in place]


def _mean(values: Sequence[float], otherwise: float) -> float:
    return sum(values) / len(values) if values else otherwise
