"""The arrays of calls that are stepped one by one, built from a scenario."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

import numpy as np

from twin.base.rng import subkey
from twin.kinds import about
from twin.mechanisms.arrays import CACHED, NEW_CONNECTIONS
from twin.mechanisms.client_policies import COST, QUOTA_TOKENS
from twin.mechanisms.requests.engine import SPARE
from twin.mechanisms.requests.records import (
    ALTERNATIVES,
    BOOK,
    CALL,
    CLOSED,
    CONNECTION,
    CUSTOMERS,
    FOREVER,
    FREE_CALL,
    HOLDERS,
    IDLE,
    IS_ON,
    LINK,
    MEMBER,
    N_COUNTERS,
    NOBODY,
    PARALLEL,
    PROGRAM,
    REQUEST,
    SERIAL,
    STATION,
)
from twin.mechanisms.retrying_clients import BUDGET_S
from twin.model.scenario import Dependency, Scenario, Service
from twin.simulation.levels import calls_per_request

ROLES = {"customers": CUSTOMERS, "program": PROGRAM, "holders": HOLDERS}
LISTS = (
    "fallback", "first", "last", "store_first", "store_last", "blocked_first", "blocked_last", "idle",
    "closed", "wait_first", "wait_last", "popular",
)  # fmt: skip
BUFFER_ROWS = 1 << 17
USES = 100.0  # of a connection of a fleet in its life: then hardly any request finds it closed
HEAD_ROOM = 1 << 14  # rows of calls beyond SPARE at the start


def request_arrays(
    scenario: Scenario, weights: Mapping[str, int], svc: np.ndarray, edge: np.ndarray,
    parameters: Mapping[str, np.ndarray], rates: Mapping[str, float],
) -> dict[str, np.ndarray]:  # fmt: skip
    """The fields of State for calls that are stepped one by one; tiny where there are none.

    ``weights``: service → calls that a simulated one stands for. ``rates``: calls a second that reach it.
    """
    services = dict(sorted(scenario.topology.services.items()))
    built = _Builder(services, weights, svc, edge, rates)
    for i, (name, service) in enumerate(services.items()):
        if name in weights:
            built.add(i, name, service, parameters[service.kind][svc[i]["slot"]])
    is_on = bool(weights)
    counters = np.zeros(N_COUNTERS, "i8")
    counters[IS_ON], counters[FREE_CALL] = is_on, NOBODY
    calls = SPARE + HEAD_ROOM if is_on else 1
    due = 2 * (len(built.members) + len(built.conns)) + 2 * calls if is_on else 1
    return {
        "counters": counters, "agenda": np.zeros((due, 3), "i8"), "todo": np.zeros(4 * calls, "i8"),
        "plan": np.array([*built.plan, NOBODY], "i8"), "stations": built.stations, "links": built.links,
        "calls": np.zeros(calls, CALL), "conns": rows_of(built.conns, CONNECTION),
        "members": rows_of(built.members, MEMBER), "marks": np.concatenate([*built.marks, _no_marks(1)]),
        "shares": np.concatenate([*built.shares, np.zeros(1)]),
        "requests": np.zeros(BUFFER_ROWS if is_on else 1, REQUEST),
        "books": np.zeros(max(BUFFER_ROWS, 2 * len(edge)) if is_on else len(edge) + 1, BOOK),
    }  # fmt: skip


def rows_of(rows: list[dict[str, Any]], dtype: np.dtype) -> np.ndarray:
    """Records from dictionaries of their fields; at least one, as compiled code wants an array."""
    table = np.zeros(max(1, len(rows)), dtype)
    for row, values in zip(table, rows, strict=False):
        for name, value in values.items():
            row[name] = value
    return table


def _no_marks(count: int) -> np.ndarray:
    return np.tile(np.array([0, NOBODY], "i8"), (count, 1))


def steps_of(service: Service) -> list[tuple[int, list[Dependency]]]:
    """The steps of a request at a service, in the order of the file: (kind of step, its dependencies).

    Connections come first. Fallbacks, leases and calls of instances are no steps. Hard calls whose shares
    add up to one are alternatives: each request makes one of them.
    """
    fallbacks = {d.fallback for d in service.dependencies if d.fallback}
    own = [d for d in service.dependencies if d.on not in fallbacks and d.mode not in ("lease", "bootstrap")]
    parts = parted(own)
    own.sort(key=lambda d: d.mode != "new_connections")
    steps: list[tuple[int, list[Dependency]]] = []
    groups: dict[tuple[int, str], list[Dependency]] = {}
    for d in own:
        key = (PARALLEL, d.parallel) if d.parallel else (ALTERNATIVES, d.one_of) if d.one_of else None
        key = (ALTERNATIVES, "") if d in parts else key
        if key is None:
            steps.append((SERIAL, [d]))
        elif key in groups:
            groups[key].append(d)
        else:
            groups[key] = [d]
            steps.append((key[0], groups[key]))
    return steps


def parted(dependencies: list[Dependency]) -> list[Dependency]:
    """Hard dependencies without a group whose shares, each below one, add up to one: a partition of calls."""
    parts = [d for d in dependencies if d.mode == "hard" and not (d.parallel or d.one_of)]
    parts = [d for d in parts if 0.0 < float(d.value("share")) < 1.0]
    total = sum(float(d.value("share")) for d in parts)
    return parts if len(parts) > 1 and abs(total - 1.0) < 1e-9 else []


class _Builder:
    """Fills the rows of stations and links, service by service."""

    def __init__(
        self, services: Mapping[str, Service], weights: Mapping[str, int], svc: np.ndarray, edge: np.ndarray,
        rates: Mapping[str, float],
    ) -> None:  # fmt: skip
        self.weights, self.edge, self.svc, self.rates = weights, edge, svc, rates
        self.names = list(services)
        self.stations = np.zeros(len(svc), STATION)
        self.links = np.zeros(max(1, len(edge)) if weights else 1, LINK)  # only such services have them
        ends = zip(edge["caller"].tolist(), edge["callee"].tolist(), strict=True) if weights else ()
        self.number = {(self.names[a], self.names[b]): e for e, (a, b) in enumerate(ends)}
        self.plan: list[int] = []
        self.conns: list[dict[str, Any]] = []
        self.members: list[dict[str, Any]] = []
        self.marks: list[np.ndarray] = []
        self.shares: list[np.ndarray] = []
        self.keys = self.popular = 0
        for field in ("first", "last", "boot"):
            self.stations[field] = NOBODY
        for field in LISTS:
            self.links[field] = NOBODY
        self.stations["acted"] = -FOREVER
        self.links["timer"] = FOREVER

    def add(self, i: int, name: str, service: Service, p: np.void) -> None:
        """One service that is stepped one by one, and the links to what it calls."""
        st = self.stations[i]
        st["role"], st["weight"] = ROLES[about(service.kind).one_by_one], self.weights[name]
        for d in service.dependencies:
            self._link(name, service, d, st["weight"])
            if d.mode == "bootstrap" or st["role"] == HOLDERS:
                st["boot"] = self.number[name, d.on]
        self._plan(st, name, steps_of(service))
        if st["role"] == HOLDERS:
            self._add_members(i, st, int(p["holders_count"] / st["weight"] + 0.5))
        elif "instances_count" in (p.dtype.names or ()) and p["instances_count"] > 0:
            self._add_members(i, st, int(p["instances_count"]))

    def _plan(self, st: np.void, name: str, steps: list[tuple[int, list[Dependency]]]) -> None:
        """The steps as (kind, place of their edges, number of edges), then the edges."""
        st["plan"], st["steps"] = len(self.plan), len(steps)
        st["before_work"] = sum(d[0].mode == "new_connections" for _, d in steps)
        at = len(self.plan) + 3 * len(steps)
        edges: list[int] = []
        for kind, group in steps:
            self.plan += [kind, at + len(edges), len(group)]
            for place, d in enumerate(group):
                e = self.number[name, d.on]
                if kind == ALTERNATIVES:
                    link, row = self.links[e], self.edge[e]
                    link["group"], link["group_count"], link["place"] = (
                        at + len(edges) - place,
                        len(group),
                        place,
                    )
                    if not d.one_of:
                        row["weight"], row["share"] = row["share"], 1.0
                edges.append(e)
        self.plan += edges

    def _link(self, name: str, service: Service, d: Dependency, weight: int) -> None:
        e = self.number[name, d.on]
        link, row = self.links[e], self.edge[e]
        if d.fallback:
            link["fallback"] = self.number[name, d.fallback]
        first_tries_per_s = self.rates[name] * calls_per_request(service, d) / weight
        if row["retry_budget_count"] == 0.0:
            row["retry_budget_count"] = BUDGET_S * row["retry_budget_ratio"] * first_tries_per_s
        else:
            row["retry_budget_count"] = max(1.0, row["retry_budget_count"] / weight)
        link["tokens"] = row["retry_budget_count"]
        for field in ("store_count", "drain_per_s", "keys_count", "connections_count"):
            row[field] = max(row[field] / weight, min(1.0, row[field]))
        row["clients_count"] = max(row["clients_count"] / weight, COST / QUOTA_TOKENS)  # one retry at least
        if row["mode"] == NEW_CONNECTIONS:
            self._add_connections(e, d, weight)
        elif row["mode"] == CACHED:
            self._add_keys(link, row, first_tries_per_s)

    def _add_connections(self, e: int, d: Dependency, weight: int) -> None:
        """Those of a pool; or, where the file gives no number, as many of a fleet as requests keep in use."""
        link, row = self.links[e], self.edge[e]
        count = max(1, int(row["connections_count"]))
        link["is_fleet"] = "connections_count" not in d.numbers
        if link["is_fleet"]:
            caller = self.names[row["caller"]]
            in_use = self.rates[caller] / weight * row["lifetime_s"] / USES
            count = min(count, max(1, round(in_use)))
        is_open = min(count, int(row["initial_connections_count"] / weight))
        link["conns"], link["conns_count"], link["open"] = len(self.conns), count, is_open
        for n in range(count):
            state, field = (IDLE, "idle") if n < is_open else (CLOSED, "closed")
            self.conns.append({"state": state, "edge": e, "next": int(link[field])})
            link[field] = link["conns"] + n

    def _add_keys(self, link: np.void, row: np.void, rate_per_s: float) -> None:
        """Keys and their popularity; ``rate_per_s`` requests ask for one of them when all is well."""
        count = int(row["keys_count"])
        link["keys"], link["keys_count"] = self.keys, count
        if row["popularity"] != 0.0:
            weights = np.arange(1, count + 1, dtype=float) ** -row["zipf_exponent"]
            link["popular"] = self.popular
            self.shares.append(np.cumsum(weights) / weights.sum())
            self.popular += count
        self.marks.append(_no_marks(count))
        link["asked_per_s"] = rate_per_s
        self.keys += count

    def _add_members(self, i: int, st: np.void, count: int) -> None:
        st["members"], st["members_count"] = len(self.members), max(1, count)
        key = int(self.svc[i]["key"])
        for k in range(max(1, count)):
            self.members.append({"service": i, "key": int(subkey(key, k))})
