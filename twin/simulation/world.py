"""The arrays of one run, built from a scenario. The loop steps them; nothing here steps."""

from __future__ import annotations

import dataclasses
from collections.abc import Iterable
from dataclasses import dataclass, replace
from functools import cached_property
from typing import NamedTuple

import numpy as np

from twin.base.event_ids import MOST_SERVICES, MOST_TICKS
from twin.base.garbage import no_garbage
from twin.base.jit import interpreted
from twin.kinds import registry
from twin.mechanisms.arrays import (
    ASYNC,
    BLOCK_TICKS,
    CALLED_NEAR,
    CALLS_NEAR,
    CLOCK,
    DEBUG,
    EVENT,
    EVENTS_A_BLOCK,
    FIRED,
    N_EVENTS,
    N_SAMPLES,
    PERIOD,
    REPLICATE,
    REPORTED,
    SAMPLE,
    SAMPLE_TICKS,
    SEED,
    SIGNALS,
    SPARE_EVENTS,
    STEPWISE,
    WAITING,
    WHOLE,
    State,
)
from twin.mechanisms.draws import EDGE_CARRIES, SERVICE_CARRIES
from twin.mechanisms.requests.records import BOOK, N_BOOKS, N_REQUESTS, REQUEST, TODO_FIRST, TODO_LAST
from twin.model.scenario import Scenario
from twin.model.target import Target
from twin.simulation.by_zone import by_zone
from twin.simulation.bytewise import copied
from twin.simulation.conditions import condition_rows, event_behind
from twin.simulation.kernels import Program
from twin.simulation.levels import call_rates, placed_services, weights
from twin.simulation.request_arrays import request_arrays
from twin.simulation.service_arrays import (
    edge_rows,
    give_days,
    make_cells,
    make_lines,
    no_spells,
    owned_dependencies,
    service_rows,
)

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
    program: Program | None = dataclasses.field(default=None, init=False, repr=False, compare=False)

    @cached_property
    def numbers(self) -> dict[str, int]:
        """Service → its number."""
        return {name: i for i, name in enumerate(self.names)}

    def of(self, services: Iterable[str]) -> Model:
        """The same arrays, of which only ``services`` are stepped here."""
        mine = np.array(sorted(self.numbers[name] for name in services), "i8")
        edge, is_mine = self.state.edge, np.zeros(len(self.names), bool)
        is_mine[mine] = True
        close = mine[self.state.svc["is_near"][mine] != 0]
        wholes = mine[self.state.svc["fronts"][mine] == WHOLE]
        heard = np.flatnonzero(is_mine[edge["callee"]] & ~is_mine[edge["caller"]])
        parts = {"mine": mine, "close": close, "wholes": wholes, "heard": heard}
        return replace(self, state=self.state._replace(**parts))

    def arrays(self) -> list[np.ndarray]:
        """Parameters and state of each kind."""
        return [a for kind in registry() for a in (self.parameters[kind], self.states[kind])]

    def every_array(self) -> list[np.ndarray]:
        """All that changes while a run is stepped: what a checkpoint copies."""
        return [*self.state, *self.arrays()]

    def checkpoint(self) -> list[np.ndarray]:
        """A copy of the whole state; buffers must have been drained."""
        return [copied(a[:0] if a.dtype in BUFFERS else a) for a in self.every_array()]

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
        """The rows since the last drain; empties the buffers.

        Raises Overrun where services have emitted more at once than the loop makes room for.
        """
        w = self.state
        if w.clock[N_EVENTS] > len(w.events):
            raise Overrun(
                f"found {w.clock[N_EVENTS]} events, expected at most {len(w.events)} at once; "
                "a kind emits too many (EVENTS_A_BLOCK in twin/mechanisms/arrays.py)"
            )
        clock, counters = w.clock, w.counters
        written = ((w.events, clock[N_EVENTS]), (w.samples, clock[N_SAMPLES]),
                   (w.books, counters[N_BOOKS]), (w.requests, counters[N_REQUESTS]))  # fmt: skip
        rows = Drained(*(copied(rows[:n]) for rows, n in written))
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

    def grow_events(self) -> None:
        """Room for twice as many events, and for one tick in any case."""
        more = np.zeros(max(len(self.state.events), event_rows(len(self.state.mine))), EVENT)
        self.state = self.state._replace(events=np.concatenate([self.state.events, more]))

    def arm(self, condition: int, tick: int) -> None:
        """Look at a condition from ``tick`` on, as if it had never held."""
        row = self.state.conditions[condition]
        row["from_tick"], row["since"], row["fired"] = tick, -1, WAITING

    def newly_fired(self) -> list[tuple[int, int]]:
        """(condition, event behind it) of those that fired since the last call; 0 where there is none."""
        table = self.state.conditions
        new = np.flatnonzero(table["fired"] == FIRED).tolist()
        if not new:
            return []
        table["fired"][new] = REPORTED
        return [(n, event_behind(self.state, table[n])) for n in new]

    def alarms(self) -> int:
        """How many of the visible services that are stepped here have been impaired so far."""
        svc, seen = self.state.svc, self.visible
        return int(np.count_nonzero(svc["open_event"][seen] | svc["closed_event"][seen]))

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
        number = self.numbers[parsed.service]
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
        self._wake(number, target)
        self.state.svc[number]["input_event"] = event_id
        self.state.svc[number]["input_over"] = is_over

    def _wake(self, number: int, target: str) -> None:
        """What a service, or the two at a dependency, said and heard before a change no longer counts."""
        parsed, svc = Target.parse(target), self.state.svc
        both = [number, self.numbers[parsed.edge[1]]] if parsed.is_dependency else [number]
        svc["is_told"][both], svc["has_news"][both], svc["most_at_rest"][both] = 0, 1, -1

    def _needed(self, number: int, row: np.ndarray) -> int:
        """How much a service remembers, with these parameters."""
        w, panel = self.state, self.state.svc[number]
        module = list(registry().values())[panel["kind"]]
        callers, tick_s = w.edge[w.incoming[panel["in_start"] : panel["in_end"]]], float(w.tick_s[0])
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
            return self.state.edge[self._edge(*parsed.edge)], parsed.name
        service = self.state.svc[self.numbers[parsed.service]]
        kind = list(registry())[service["kind"]]
        return self.parameters[kind][service["slot"]], parsed.name

    def _edge(self, caller: str, callee: str) -> int:
        """The number of a dependency; those of a caller follow each other."""
        panel = self.state.svc[self.numbers[caller]]
        first, last = int(panel["out_start"]), int(panel["out_end"])
        return self.edges.index((caller, callee), first, last)


_shaping: dict[tuple[str, str], bool] = {}  # (kind, parameter) → whether it says how much is remembered


def event_rows(services_count: int) -> int:
    """Rows of a buffer that is not full after one tick of this many services, nor after the next."""
    return max(EVENT_ROWS, 2 * (EVENTS_A_BLOCK * services_count + SPARE_EVENTS))


class Overrun(Exception):
    """Services have emitted more events in one tick than the buffer had room for. The run is lost."""


class Outgrown(ValueError):
    """A change in the middle of a run asks a service to remember more than it has room for, or a run has more
    services or ticks than the numbers of events have room for."""


def refuse_too_large(scenario: Scenario) -> None:
    """Raise Outgrown where there are more services or ticks than event_ids.py can number."""
    services_count = len(scenario.topology.services)
    if services_count > MOST_SERVICES:
        raise Outgrown(f"found {services_count} services, expected at most {MOST_SERVICES}")
    if scenario.duration_s / scenario.tick_s >= MOST_TICKS:
        ticks = round(scenario.duration_s / scenario.tick_s)
        raise Outgrown(f"found {ticks} ticks, expected fewer than {MOST_TICKS}; use a longer tick")


@no_garbage()
def build(
    scenario: Scenario, *, seed: int, replicate: int = 0, debug: bool = False, stepwise: bool = False
) -> Model:
    """The arrays of ``scenario`` before its first tick; every service is stepped here. Raises Outgrown.

    ``stepwise``: one service after the other in every tick, as with ``debug`` or single calls. The rows are
    the same without it; it is slower.
    """
    scenario = by_zone(scenario)
    refuse_too_large(scenario)
    services = placed_services(scenario)
    names = tuple(services)
    owned = owned_dependencies(services)
    tick_s = scenario.tick_s
    period = max(1, round(scenario.topology.signal_period_s / tick_s))
    edge = edge_rows(services, names, owned, tick_s, period)
    svc, parameters, states = service_rows(services, names, edge, scenario.noise == "exact")
    give_days(svc, edge, parameters, scenario)
    incoming = np.argsort(edge["callee"], kind="stable")
    cells = make_cells(svc, edge, incoming, parameters, states, tick_s)
    clock = np.zeros(len(CLOCK), "i8")
    clock[PERIOD] = period
    clock[SAMPLE_TICKS] = max(period, round(scenario.sample_s / tick_s / period) * period)
    clock[REPLICATE], clock[SEED], clock[DEBUG] = replicate, seed, debug
    stepped = weights(scenario)
    one_by_one = request_arrays(
        scenario, stepped, svc, edge, parameters, call_rates(services) if stepped else {}
    )
    near = np.flatnonzero(edge["cross_domain"] == 0)
    svc["is_near"][edge["caller"][near]] |= CALLS_NEAR
    svc["is_near"][edge["callee"][near]] |= CALLED_NEAR
    svc["async_in"][edge["callee"][edge["mode"] == ASYNC]] = 1
    clock[STEPWISE] = stepwise or debug or bool(stepped)
    ahead = np.zeros((len(names), 2 * BLOCK_TICKS), "i8")
    carry = np.zeros(EDGE_CARRIES * len(edge) + SERVICE_CARRIES * len(names), "i8")
    state = State(
        clock, np.array([tick_s]), np.arange(len(names)), svc, no_spells(len(names)), edge, incoming, near,
        np.flatnonzero(svc["is_near"]), np.flatnonzero(svc["fronts"] == WHOLE), np.zeros(0, "i8"), ahead,
        cells, carry, make_lines(edge, period, tick_s), condition_rows(scenario, names),
        np.zeros(event_rows(len(names)), EVENT), np.zeros(max(SAMPLE_ROWS, 2 * len(names)), SAMPLE),
        **one_by_one,
    )  # fmt: skip
    visible = np.flatnonzero([services[name].visible for name in names])
    pairs = tuple((caller, d.on) for caller, d in owned)
    return Model(state, names, pairs, parameters, states, visible)
