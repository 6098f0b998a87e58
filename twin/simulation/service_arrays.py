"""The arrays of services and dependencies: rows, the kinds' parameters and state, cells, lines."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from datetime import UTC

import numpy as np

from twin.base.jit import interpreted
from twin.base.rng import stable_key
from twin.kinds import kinds_that, registry
from twin.mechanisms.arrays import (
    BREAKER_SLOTS,
    CACHE_SLOTS,
    CACHED,
    EDGE,
    LEASE,
    LINE_VALUES,
    MODES,
    SERVICE,
    SPELL,
    SPELLS,
)
from twin.mechanisms.detection import day
from twin.model.circles import circles
from twin.model.dependency_parameters import EDGE_PARAMETERS
from twin.model.parameter import Param, parameter_dtype, state_dtype
from twin.model.scenario import Scenario, Service

ServiceNames = tuple[str, ...]
Arrays = dict[str, np.ndarray]


def encode(params: Iterable[Param], given: Mapping[str, object]) -> list[tuple[str, float]]:
    """(name, value as the step reads it) of every parameter."""
    rows = []
    for p in params:
        value = given[p.name].value if p.name in given else p.default  # type: ignore[attr-defined]
        rows.append((p.name, p.encode(value)))
    return rows


def edge_list(services: Mapping[str, Service]) -> list[tuple[str, str]]:
    """(caller, callee) of every dependency, in the order of names."""
    return sorted((name, d.on) for name, s in services.items() for d in s.dependencies)


def edge_rows(
    services: Mapping[str, Service],
    names: ServiceNames,
    pairs: list[tuple[str, str]],
    tick_s: float,
    period: int,
) -> np.ndarray:
    edge, keepers = np.zeros(len(pairs), EDGE), kinds_that("grants_leases")
    number = {name: i for i, name in enumerate(names)}
    in_loop = circles(pairs)
    for row, (caller, callee) in zip(edge, pairs, strict=True):
        d = next(d for d in services[caller].dependencies if d.on == callee)
        row["key"] = stable_key(f"{caller}->{callee}")
        row["caller"], row["callee"] = number[caller], number[callee]
        row["mode"] = MODES.index(d.mode)
        row["in_loop"] = (caller, callee) in in_loop
        row["cross_domain"] = (services[caller].domain or caller) != (services[callee].domain or callee)
        for name, value in encode(EDGE_PARAMETERS, d.numbers):
            row[name] = value
        row["live"] = int(row["connections_count"]) if d.mode != "lease" else 0
        row["is_condition"] = row["mode"] == LEASE and services[callee].kind in keepers
        for field in ("ok", "attempt_ok", "visible_ok", "headroom", "visible_headroom"):
            row[field] = 1.0
        if d.mode == "new_connections":
            row["lifetime_s"] = max(row["lifetime_s"], tick_s)
    return edge


def service_rows(
    services: Mapping[str, Service], names: ServiceNames, edge: np.ndarray, exact: bool
) -> tuple[np.ndarray, Arrays, Arrays]:
    kinds = list(registry())
    rows: dict[str, list] = {k: [] for k in kinds}
    svc = np.zeros(len(names), SERVICE)
    incoming = np.argsort(edge["callee"], kind="stable")
    for i, (row, name) in enumerate(zip(svc, names, strict=True)):
        service = services[name]
        row["key"], row["kind"], row["exact"] = stable_key(name), kinds.index(service.kind), exact
        row["slot"] = len(rows[service.kind])
        row["out_start"], row["out_end"] = np.searchsorted(edge["caller"], [i, i + 1])
        row["in_start"], row["in_end"] = np.searchsorted(edge["callee"][incoming], [i, i + 1])
        row["quiet_latency_s"] = row["quiet_capacity_per_s"] = -1.0
        values = encode(registry()[service.kind].PARAMETERS, service.parameters)
        rows[service.kind].append(tuple(v for _, v in values))
    parameters, states = {}, {}
    for kind, module in registry().items():
        parameters[kind] = np.array(rows[kind] or [], parameter_dtype(module))
        states[kind] = np.zeros(len(rows[kind]), state_dtype(module))
    return svc, parameters, states


def no_spells(services_count: int) -> np.ndarray:
    """Nothing has begun."""
    spells = np.zeros(SPELLS * services_count, SPELL)
    spells["since"] = -1
    return spells


def give_days(svc: np.ndarray, edge: np.ndarray, parameters: Arrays, scenario: Scenario) -> None:
    """Give every service the day of those customers, the largest first, whose calls reach it."""
    midnight = scenario.start.astimezone(UTC).replace(hour=0, minute=0, second=0, microsecond=0)
    start_s = (scenario.start - midnight).total_seconds()
    names = list(registry())
    customers = {names.index(kind): parameters[kind] for kind in kinds_that("is_customers")}
    values = {i: customers[row["kind"]][row["slot"]] for i, row in enumerate(svc) if row["kind"] in customers}
    dated: set[int] = set()
    for source in sorted(values, key=lambda i: -values[i]["rate_per_s"]):
        p, front = values[source], {source}
        while front := front - dated:
            dated |= front
            for i in front:
                svc[i]["swing_ratio"], svc[i]["peak_s"] = p["swing_ratio"], p["peak_s"] - start_s
            front = {int(e["callee"]) for e in edge if e["caller"] in front}
    for row in svc:
        row["load_ratio"] = day(row, 0.0)


def make_cells(
    names: ServiceNames, services: Mapping[str, Service], svc: np.ndarray, edge: np.ndarray,
    parameters: Arrays, states: Arrays, tick_s: float,
) -> np.ndarray:  # fmt: skip
    """Allocate the kinds' larger state and let each kind fill its own."""
    wanted = []
    at = 0
    for i, name in enumerate(names):
        module = registry()[services[name].kind]
        p, callers = parameters[services[name].kind][svc[i]["slot"]], edge[edge["callee"] == i]
        svc[i]["cell"], svc[i]["cells"] = at, int(interpreted(module.cells)(p, callers, tick_s))
        wanted.append((module, p, states[services[name].kind][svc[i]["slot"]], callers))
        at += svc[i]["cells"]
    for row in edge:
        if row["mode"] == CACHED:
            row["cell"] = at
            at += CACHE_SLOTS
        row["phases"] = at  # also where no file has a breaker: an intervention may
        at += BREAKER_SLOTS
    cells = np.zeros(max(1, at), "i8")
    for i, (module, p, s, callers) in enumerate(wanted):
        a = svc[i]["cell"]
        interpreted(module.init)(p, s, cells[a : a + svc[i]["cells"]], callers, tick_s)
    for row in edge:
        if row["mode"] == CACHED:
            pool = int(row["connections_count"])
            steps = np.arange(CACHE_SLOTS + 1) * pool // CACHE_SLOTS
            cells[row["cell"] : row["cell"] + CACHE_SLOTS] = np.diff(steps)
    return cells


def make_lines(edge: np.ndarray, period: int, tick_s: float) -> np.ndarray:
    """Room for the outcomes that are under way on edges with a delay."""
    at = 0
    for row in edge:
        step_s = tick_s * (period if row["cross_domain"] else 1)
        row["line_slots"] = round(row["delay_s"] / step_s)
        row["line"] = at
        at += LINE_VALUES * row["line_slots"]
    line = np.zeros(max(1, at))
    for row in edge:
        view = line[row["line"] : row["line"] + LINE_VALUES * row["line_slots"]].reshape(-1, LINE_VALUES)
        view[:, 0] = view[:, 2] = 1.0
    return line
