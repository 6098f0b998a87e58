"""The arrays of services and dependencies: rows, the kinds' parameters and state, cells, lines."""

from __future__ import annotations

import dis
from collections import namedtuple
from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import dataclass
from datetime import UTC
from operator import attrgetter
from typing import Any

import numpy as np

from twin.base.jit import interpreted
from twin.base.progress import report_progress
from twin.base.rng import stable_key
from twin.kinds import kinds_that, registry
from twin.mechanisms.arrays import (
    BREAKER_SLOTS,
    CACHE_SLOTS,
    CACHED,
    EDGE,
    FRONT,
    LEASE,
    LINE_VALUES,
    MODES,
    NEW_CONNECTIONS,
    SERVICE,
    SPELL,
    SPELLS,
    WHOLE,
)
from twin.mechanisms.detection import day
from twin.model.circles import in_circles
from twin.model.dependency_parameters import EDGE_PARAMETERS
from twin.model.parameter import Param, parameter_dtype, state_dtype
from twin.model.scenario import Dependency, Scenario, Service
from twin.model.target import AT

ServiceNames = tuple[str, ...]
Arrays = dict[str, np.ndarray]


REPORT_SERVICES = 10_000  # how often a build says how far it has come; smaller ones take no time

Owned = list[tuple[str, Dependency]]


def owned_dependencies(services: Mapping[str, Service]) -> Owned:
    """(caller, dependency) of all, in the order of the names of caller and callee."""
    return [(name, d) for name in sorted(services) for d in sorted(services[name].dependencies, key=_callee)]


_callee = attrgetter("on")


def edge_rows(
    services: Mapping[str, Service], names: ServiceNames, owned: Owned, tick_s: float, period: int
) -> np.ndarray:
    """A row for each dependency, in the order of ``owned``. Each column is filled at once."""
    edge, number = np.zeros(len(owned), EDGE), {name: i for i, name in enumerate(names)}
    inner = [d for _, d in owned]
    edge["key"] = [stable_key(f"{caller}->{d.on}") for caller, d in owned]
    edge["caller"], edge["callee"] = [number[a] for a, _ in owned], [number[d.on] for d in inner]
    edge["mode"] = [_MODE[d.mode] for d in inner]
    edge["in_loop"] = in_circles(edge["caller"], edge["callee"], len(names))
    home = numbered([services[name].domain or name for name in names])
    edge["cross_domain"] = home[edge["caller"]] != home[edge["callee"]]
    set_parameters(edge, EDGE_PARAMETERS, (vars(d) for d in inner))
    edge["live"] = np.where(edge["mode"] == LEASE, 0, edge["connections_count"].astype("i8"))
    keepers = set(kinds_that("grants_leases"))
    grants = np.array([services[name].kind in keepers for name in names], bool)
    edge["is_condition"] = (edge["mode"] == LEASE) & grants[edge["callee"]]
    for field in ("ok", "attempt_ok", "visible_ok", "headroom", "visible_headroom"):
        edge[field] = 1.0
    short = (edge["mode"] == NEW_CONNECTIONS) & (edge["lifetime_s"] < tick_s)
    edge["lifetime_s"][short] = tick_s
    return edge


_MODE = {mode: n for n, mode in enumerate(MODES)}


def numbered(words: Sequence[str]) -> np.ndarray:
    """A number for each word: equal words have equal numbers."""
    place: dict[str, int] = {}
    return np.array([place.setdefault(word, len(place)) for word in words], "i8")


def set_parameters(rows: np.ndarray, params: Iterable[Param], given: Iterable[Mapping[str, object]]) -> None:
    """Set the columns of parameters: what is given for each row, as the step reads it, else the default.

    ``given``: for each row the Quantity of each parameter; other keys and values do not count.
    """
    all_given = list(given)
    names = set[str]().union(*all_given)
    for param in params:
        rows[param.name] = param.encode(param.default)
        if param.name in names:
            column: list[Any] = [of_row.get(param.name) for of_row in all_given]
            values = [quantity.value for quantity in column if quantity is not None]
            encoded = [param.encode(value) for value in values] if param.choices else values
            rows[param.name][[quantity is not None for quantity in column]] = encoded


def service_rows(
    services: Mapping[str, Service], names: ServiceNames, edge: np.ndarray, exact: bool
) -> tuple[np.ndarray, Arrays, Arrays]:
    """A row for each service; parameters and state of each kind, a row for each service of that kind."""
    kinds = {kind: n for n, kind in enumerate(registry())}
    svc = np.zeros(len(names), SERVICE)
    svc["key"], svc["exact"] = [stable_key(name) for name in names], exact
    svc["kind"] = [kinds[services[name].kind] for name in names]
    svc["fronts"] = [_fronts(services, services[name]) for name in names]
    numbers = np.arange(len(names))
    incoming = np.sort(edge["callee"])
    for side, ends in (("out", edge["caller"]), ("in", incoming)):
        svc[f"{side}_start"] = np.searchsorted(ends, numbers)
        svc[f"{side}_end"] = np.searchsorted(ends, numbers, side="right")
    svc["quiet_latency_s"] = svc["quiet_capacity_per_s"] = -1.0
    parameters, states = {}, {}
    for kind, module in registry().items():
        mine = np.flatnonzero(svc["kind"] == kinds[kind])
        svc["slot"][mine] = np.arange(len(mine))
        parameters[kind] = np.zeros(len(mine), parameter_dtype(module))
        given = (services[names[i]].parameters for i in mine)
        set_parameters(parameters[kind], module.PARAMETERS, given)
        states[kind] = np.zeros(len(mine), state_dtype(module))
    return svc, parameters, states


def _fronts(services: Mapping[str, Service], service: Service) -> int:
    """Whether it is the front of several services, and whether these are the zones of a whole."""
    if service.kind not in kinds_that("fronts_zones"):
        return 0
    calls = service.dependencies
    return WHOLE if calls and all(d.on.startswith(service.name + AT) for d in calls) else FRONT


def no_spells(services_count: int) -> np.ndarray:
    """Nothing has begun."""
    spells = np.zeros(SPELLS * services_count, SPELL)
    spells["since"] = -1
    return spells


def give_days(svc: np.ndarray, edge: np.ndarray, parameters: Arrays, scenario: Scenario) -> None:
    """Give every service the day of those customers, the largest first, whose calls reach it."""
    midnight = scenario.start.astimezone(UTC).replace(hour=0, minute=0, second=0, microsecond=0)
    start_s = (scenario.start - midnight).total_seconds()
    names, callees = list(registry()), edge["callee"].tolist()
    first, last = svc["out_start"].tolist(), svc["out_end"].tolist()
    customers = {names.index(kind): parameters[kind] for kind in kinds_that("is_customers")}
    at = np.flatnonzero(np.isin(svc["kind"], list(customers))).tolist()
    values = {i: customers[svc["kind"][i]][svc["slot"][i]] for i in at}
    dated = [False] * len(svc)
    for source in sorted(values, key=lambda i: -values[i]["rate_per_s"]):
        mine, front = list[int](), [source]
        while front:
            i = front.pop()
            if not dated[i]:
                dated[i] = True
                mine.append(i)
                front += callees[first[i] : last[i]]
        p = values[source]
        svc["swing_ratio"][mine], svc["peak_s"][mine] = p["swing_ratio"], p["peak_s"] - start_s
    svc["load_ratio"] = 1.0
    for i in np.flatnonzero(svc["swing_ratio"] != 0.0).tolist():
        svc[i]["load_ratio"] = day(svc[i], 0.0)


_ROW = np.dtype((np.void, EDGE.itemsize))


@dataclass(frozen=True)
class _Maker:
    """What makes the state of the services of one kind. To gather the callers of each service would take most
    of the time, so a kind that does not read them gets none."""

    cells: Callable[..., int]
    init: Callable[..., None]
    parameters: list[Any]
    states: np.ndarray
    reads_callers: bool
    has_state: bool

    def callers(self, edge: np.ndarray, incoming: np.ndarray, first: int, last: int) -> np.ndarray:
        """The rows of the callers of a service."""
        if not self.reads_callers:
            return edge[:0]
        whole_rows = edge.view(_ROW)  # to pick rows field by field takes a hundred times as long
        return whole_rows[incoming[first:last]].view(edge.dtype)

    @classmethod
    def of(cls, kind: str, parameters: np.ndarray, states: np.ndarray) -> _Maker:
        module = registry()[kind]
        make: Any = namedtuple("Parameters", parameters.dtype.names or ())  # type: ignore[misc]
        rows = [make(*row) for row in parameters.tolist()]
        functions = interpreted(module.cells), interpreted(module.init)
        reads = any(_reads(function, "callers") for function in functions)
        return cls(*functions, rows, states, reads, bool(module.STATE))


def _reads(function: Callable, argument: str) -> bool:
    """Whether a function reads one of its arguments."""
    return any(x.opname.startswith("LOAD") and x.argval == argument for x in dis.get_instructions(function))


def make_cells(svc: np.ndarray, edge: np.ndarray, incoming: np.ndarray, parameters: Arrays, states: Arrays,
               tick_s: float) -> np.ndarray:  # fmt: skip
    """Allocate the kinds' larger state and let each kind fill its own; then caches and phases of edges."""
    kinds = [_Maker.of(kind, parameters[kind], states[kind]) for kind in registry()]
    wanted, at = [], 0
    where = zip(*(svc[name].tolist() for name in ("kind", "slot", "in_start", "in_end")), strict=True)
    for i, (k, slot, first, last) in enumerate(where):
        if i % REPORT_SERVICES == 0 and i > 0:
            report_progress("services built", i, len(svc))
        size = int(
            kinds[k].cells(kinds[k].parameters[slot], kinds[k].callers(edge, incoming, first, last), tick_s)
        )
        wanted.append((at, size, kinds[k], slot, first, last))
        at += size
    if len(svc) > REPORT_SERVICES:
        report_progress("services built", len(svc), len(svc))
    svc["cell"], svc["cells"] = [of[0] for of in wanted], [of[1] for of in wanted]
    is_cached = edge["mode"] == CACHED
    edge["cell"][is_cached] = at + CACHE_SLOTS * np.arange(np.count_nonzero(is_cached))
    at += CACHE_SLOTS * int(np.count_nonzero(is_cached))
    # Phases come last, as most are never touched. All have them: an intervention may bring a breaker.
    edge["phases"] = at + BREAKER_SLOTS * np.arange(len(edge))
    cells = np.zeros(max(1, at + BREAKER_SLOTS * len(edge)), "i8")
    for a, size, kind, slot, first, last in wanted:
        if size or kind.has_state:
            callers = kind.callers(edge, incoming, first, last)
            kind.init(kind.parameters[slot], kind.states[slot], cells[a : a + size], callers, tick_s)
    pools = edge["connections_count"][is_cached].astype("i8")
    steps = np.arange(CACHE_SLOTS)
    for pool in np.unique(pools):
        at_cells = edge["cell"][is_cached][pools == pool, None] + steps
        cells[at_cells] = (steps + 1) * pool // CACHE_SLOTS - steps * pool // CACHE_SLOTS
    return cells


def make_lines(edge: np.ndarray, period: int, tick_s: float) -> np.ndarray:
    """Room for the outcomes that are under way on edges with a delay."""
    step_s = tick_s * np.where(edge["cross_domain"] != 0, period, 1)
    edge["line_slots"] = np.round(edge["delay_s"] / step_s)
    ends = np.cumsum(LINE_VALUES * edge["line_slots"])
    edge["line"] = ends - LINE_VALUES * edge["line_slots"]
    line = np.zeros(max(1, int(ends[-1]) if len(ends) else 0))
    for e in np.flatnonzero(edge["line_slots"]):
        view = line[edge["line"][e] : ends[e]].reshape(-1, LINE_VALUES)
        view[:, 0] = view[:, 2] = 1.0
    return line
