"""The arrays of one run, built from a scenario. The loop steps them; nothing here steps."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from dataclasses import dataclass, replace
from datetime import UTC
from typing import NamedTuple

import numpy as np

from twin.base.jit import interpreted
from twin.base.rng import stable_key
from twin.kinds import kinds_that, registry
from twin.mechanisms.arrays import (
    BREAKER_SLOTS,
    CACHE_SLOTS,
    CACHED,
    CLOCK,
    DEBUG,
    EDGE,
    EVENT,
    FIRED,
    LEASE,
    LINE_VALUES,
    MODES,
    N_EVENTS,
    N_SAMPLES,
    PERIOD,
    REPLICATE,
    REPORTED,
    SAMPLE,
    SAMPLE_TICKS,
    SEED,
    SERVICE,
    SIGNALS,
    SPELL,
    SPELLS,
    WAITING,
    State,
)
from twin.mechanisms.detection import day
from twin.mechanisms.draws import EDGE_CARRIES, SERVICE_CARRIES
from twin.mechanisms.requests.records import BOOK, N_BOOKS, N_REQUESTS, REQUEST, TODO_FIRST, TODO_LAST
from twin.model.circles import circles
from twin.model.dependency_parameters import EDGE_PARAMETERS
from twin.model.parameter import Param, parameter_dtype, state_dtype
from twin.model.scenario import Scenario, Service
from twin.model.target import Target
from twin.simulation.conditions import condition_rows, event_behind
from twin.simulation.levels import call_rates, placed_services, weights
from twin.simulation.request_arrays import request_arrays

ServiceNames = tuple[str, ...]
Arrays = dict[str, np.ndarray]

BUFFERS = (EVENT, SAMPLE, BOOK, REQUEST)
EVENT_ROWS = 1 << 16
SAMPLE_ROWS = 1 << 19


GROWING = ("calls", "agenda", "todo", "requests")


class Drained(NamedTuple):
    """What a run has written since the last time: EVENT, SAMPLE, BOOK and REQUEST rows."""

    events: np.ndarray
    samples: np.ndarray
    books: np.ndarray
    requests: np.ndarray


@dataclass
class Model:
    """The arrays of one run, and which of its services are stepped here.

    ``names`` are the services in the order of their numbers; ``edges`` the (caller, callee) of each edge
    number. ``parameters`` and ``states`` hold one record array a kind, in the order of the registry.
    """

    state: State
    names: tuple[str, ...]
    edges: tuple[tuple[str, str], ...]
    parameters: dict[str, np.ndarray]
    states: dict[str, np.ndarray]
    visible: np.ndarray  # numbers of the services that customers see

    def of(self, services: Iterable[str]) -> Model:
        """The same arrays, of which only ``services`` are stepped here."""
        mine = np.array(sorted(self.names.index(name) for name in services), "i8")
        return replace(self, state=self.state._replace(mine=mine))

    def arrays(self) -> list[np.ndarray]:
        """Arguments of the compiled loop behind the state: parameters and state of each kind."""
        return [a for kind in registry() for a in (self.parameters[kind], self.states[kind])]

    def every_array(self) -> list[np.ndarray]:
        """All that changes while a run is stepped: what a checkpoint copies."""
        return [*self.state, *self.arrays()]

    def checkpoint(self) -> list[np.ndarray]:
        """A copy of the whole state; buffers must have been drained."""
        return [a[:0].copy() if a.dtype in BUFFERS else a.copy() for a in self.every_array()]

    def restore(self, saved: Iterable[np.ndarray]) -> None:
        """Go back to a checkpoint of the same scenario."""
        pairs = list(zip(self.every_array(), saved, strict=True))
        names = self.state._fields
        grown = {n: then.copy() for n, (mine, then) in zip(names, pairs, strict=False)
                 if mine.dtype not in BUFFERS and mine.shape != then.shape}  # fmt: skip
        self.state = self.state._replace(**grown)
        for mine, then in zip(self.every_array(), saved, strict=True):
            if mine.dtype not in BUFFERS:
                mine[:] = then

    def drain(self) -> Drained:
        """The rows since the last drain; empties the buffers."""
        w = self.state
        rows = Drained(
            w.events[: w.clock[N_EVENTS]].copy(), w.samples[: w.clock[N_SAMPLES]].copy(),
            w.books[: w.counters[N_BOOKS]].copy(), w.requests[: w.counters[N_REQUESTS]].copy(),
        )  # fmt: skip
        w.clock[N_EVENTS] = w.clock[N_SAMPLES] = w.counters[N_BOOKS] = w.counters[N_REQUESTS] = 0
        return rows

    def grow(self) -> None:
        """Twice the room for calls in flight, for what is due, and for the log of requests."""
        w = self.state
        longer = {n: np.concatenate([x, np.zeros_like(x)]) for n in GROWING for x in [getattr(w, n)]}
        first, last = w.counters[TODO_FIRST], w.counters[TODO_LAST]
        places = np.arange(first, last)
        longer["todo"][:] = 0
        longer["todo"][places % len(longer["todo"])] = w.todo[places % len(w.todo)]
        self.state = w._replace(**longer)

    def arm(self, condition: int, tick: int) -> None:
        """Look at a condition from ``tick`` on, as if it had never held."""
        row = self.state.conditions[condition]
        row["from_tick"], row["since"], row["fired"] = tick, -1, WAITING

    def newly_fired(self) -> list[tuple[int, int]]:
        """(condition, event behind it) of those that fired since the last call; 0 where there is none."""
        table = self.state.conditions
        new = np.flatnonzero(table["fired"] == FIRED).tolist()
        table["fired"][new] = REPORTED
        return [(n, event_behind(self.state, table[n])) for n in new]

    def alarms(self) -> int:
        """How many of the visible services that are stepped here have been impaired so far."""
        svc = self.state.svc[self.visible]
        return int(np.count_nonzero(svc["open_event"] | svc["closed_event"]))

    def holding(self) -> list[int]:
        """The conditions on services that are stepped here, if they hold at this moment."""
        w = self.state
        rows = w.conditions
        value = np.array([w.svc[name][rows["service"]] for name in SIGNALS])[rows["signal"], range(len(rows))]
        holds = np.where(rows["above"] != 0, value > rows["level"], value < rows["level"])
        return np.flatnonzero(holds & np.isin(rows["service"], w.mine)).tolist()

    def value(self, target: str) -> float:
        """The present value of ``service.parameter`` or ``caller->callee.number``, as the step reads it."""
        row, field = self._row(target)
        return float(row[field])

    def change(self, target: str, value: float, event_id: int, is_over: bool = False) -> None:
        """Set a parameter; ``event_id`` is the input event that later trouble of this service may name, for a
        while if the input ``is_over``.

        Raises Outgrown where the service would have to remember more than it was given room for.
        """
        row, field = self._row(target)
        parsed = Target.parse(target)
        number = self.names.index(parsed.service)
        if not parsed.is_dependency and self._shapes(number, row, field):
            row = row.copy()
            row[field] = value
            if self._needed(number, row) > self.state.svc[number]["cells"]:
                raise Outgrown(
                    f"{target}: found a value that needs more room than the service was given at the start, "
                    "expected one that fits; give it from the start, not in the middle of a run"
                )
            row, field = self._row(target)
        row[field] = value
        self.state.svc[number]["input_event"] = event_id
        self.state.svc[number]["input_over"] = is_over

    def _needed(self, number: int, row: np.ndarray) -> int:
        """How much a service remembers, with these parameters."""
        edge, module = self.state.edge, list(registry().values())[self.state.svc[number]["kind"]]
        callers, tick_s = edge[edge["callee"] == number], float(self.state.tick_s[0])
        return int(interpreted(module.cells)(row, callers, tick_s))

    def _shapes(self, number: int, row: np.ndarray, field: str) -> bool:
        """Whether a parameter says how much is remembered: it does if its bounds do. Looked at once."""
        kind = list(registry())[self.state.svc[number]["kind"]]
        if (kind, field) not in _shaping:
            (param,) = (p for p in registry()[kind].PARAMETERS if p.name == field)
            needed, other = {self._needed(number, row)}, row.copy()
            for bound in (param.low, param.high):
                other[field] = bound
                needed.add(self._needed(number, other))
            _shaping[kind, field] = len(needed) > 1
        return _shaping[kind, field]

    def _row(self, target: str) -> tuple[np.ndarray, str]:
        parsed = Target.parse(target)
        if parsed.is_dependency:
            return self.state.edge[self.edges.index(parsed.edge)], parsed.name
        service = self.state.svc[self.names.index(parsed.service)]
        kind = list(registry())[service["kind"]]
        return self.parameters[kind][service["slot"]], parsed.name


_shaping: dict[tuple[str, str], bool] = {}  # (kind, parameter) → whether it says how much is remembered


class Outgrown(ValueError):
    """A change in the middle of a run asks a service to remember more than it has room for."""


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


def build(scenario: Scenario, *, seed: int, replicate: int = 0, debug: bool = False) -> Model:
    """The arrays of ``scenario`` before its first tick; every service is stepped here."""
    services = placed_services(scenario)
    names = tuple(services)
    pairs = edge_list(services)
    tick_s = scenario.tick_s
    period = max(1, round(scenario.topology.signal_period_s / tick_s))
    edge = _edges(services, names, pairs, tick_s, period)
    svc, parameters, states = _services(services, names, edge, scenario.noise == "exact")
    _days(svc, edge, parameters, scenario)
    cells = _cells(names, services, svc, edge, parameters, states, tick_s)
    clock = np.zeros(len(CLOCK), "i8")
    clock[PERIOD] = period
    clock[SAMPLE_TICKS] = max(period, round(scenario.sample_s / tick_s / period) * period)
    clock[REPLICATE], clock[SEED], clock[DEBUG] = replicate, seed, debug
    stepped = weights(scenario)
    one_by_one = request_arrays(
        scenario, stepped, svc, edge, parameters, call_rates(services) if stepped else {}
    )
    incoming = np.argsort(edge["callee"], kind="stable")
    carry = np.zeros(EDGE_CARRIES * len(edge) + SERVICE_CARRIES * len(names), "i8")
    state = State(
        clock, np.array([tick_s]), np.arange(len(names)), svc, _spells(len(names)), edge, incoming, cells,
        carry, _lines(edge, period, tick_s), condition_rows(scenario, names), np.zeros(EVENT_ROWS, EVENT),
        np.zeros(SAMPLE_ROWS, SAMPLE), **one_by_one,
    )  # fmt: skip
    visible = np.flatnonzero([services[name].visible for name in names])
    return Model(state, names, tuple(pairs), parameters, states, visible)


def _edges(
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


def _services(
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


def _spells(services_count: int) -> np.ndarray:
    """Nothing has begun."""
    spells = np.zeros(SPELLS * services_count, SPELL)
    spells["since"] = -1
    return spells


def _days(svc: np.ndarray, edge: np.ndarray, parameters: Arrays, scenario: Scenario) -> None:
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


def _cells(
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


def _lines(edge: np.ndarray, period: int, tick_s: float) -> np.ndarray:
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
