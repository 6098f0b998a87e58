"""One run over several actors of Ray: the same rows as inline, for any number of actors, also after a loss.

An actor is a shard: whole domains, stepped together. Signals between domains are published every signal
period, on any placement. So the actors step one *window* at a time: to the end of the period, or to the next
change. At the end of a period each actor learns what the others have published on the dependencies between
shards.

The driver passes this on, applies the schedule, and keeps a *moment* at intervals. If an actor is lost,
another takes its place, and all go back to the last moment. The repeated rows are the same.

It makes larger topologies possible, but it is not faster. To exchange a window costs about a millisecond; to
step a period of some hundred services costs less.
"""

from __future__ import annotations

import copy
import logging
import os
import socket
import time
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass, field
from typing import Any, NamedTuple

import numpy as np

from twin.mechanisms.arrays import EDGE, PERIOD
from twin.model.graph import partition
from twin.model.scenario import Scenario
from twin.simulation.inline import InvariantBroken, Progress, Rows, advance, apply
from twin.simulation.levels import placed_services
from twin.simulation.schedule import Change, News, Schedule
from twin.simulation.world import Drained, Model, build

# Ray reads these when it is imported.
os.environ.setdefault("RAY_AUTH_MODE", "token")  # the default, but said: no warning
os.environ.setdefault("RAY_USAGE_STATS_ENABLED", "0")
os.environ.setdefault("RAY_ENABLE_UV_RUN_RUNTIME_ENV", "0")  # would build a second environment under `uv run`

import ray
from ray.exceptions import RayActorError

OBJECT_STORE_BYTES = 80 * 2**20  # little more than the least that Ray accepts; moments are far smaller
MOMENT_WINDOWS = 600  # so a lost actor costs a few seconds
MOST_LOSSES = 3  # from one moment; then the fault is in the run, not in the machine

CALLER_SAYS = tuple(name for name in EDGE.names or () if name.startswith("sent_"))
CALLEE_SAYS = tuple(name for name in EDGE.names or () if name.startswith("visible_"))
SAYS = CALLER_SAYS + CALLEE_SAYS
SIGNAL = np.dtype([(name, EDGE[name]) for name in SAYS])


class TooManyLost(Exception):
    """Actors were lost again and again on the same stretch of the run."""


class Reply(NamedTuple):
    """What an actor reports at the end of a window.

    It has the conditions that have fired, with the events open then, and the board as the actor sees it. It
    also has what responders could see of its services, and why it stopped, if a step broke its contract.
    """

    fired: Sequence[tuple[int, int]] = ()
    board: bytes = b""
    alarms: int = 0
    holds: Sequence[int] = ()
    broken: InvariantBroken | None = None


class Stepper:
    """What runs in an actor: one shard, and the rows it has produced since the last moment."""

    def __init__(
        self, scenario: Scenario, options: dict[str, Any], services: Sequence[str], crossing: np.ndarray
    ) -> None:
        """``options``: seed, replicate, debug of the run. ``crossing``: numbers of the crossing edges."""
        self.model = build(scenario, **options).of(services)
        self.crossing = crossing
        self.rows: list[Drained] = []

    def step(self, t0: int, t1: int, board: bytes, changes: list[Change]) -> Reply:
        """Step from t0 to t1, at most to a boundary. ``board``: SIGNAL rows of crossing edges, or empty."""
        edge = self.model.state.edge
        if board:
            signals = np.frombuffer(board, SIGNAL)
            for name in SAYS:
                edge[name][self.crossing] = signals[name]
        apply(self.model, changes)
        try:
            advance(self.model, t0, t1)
        except InvariantBroken as broken:
            return Reply(broken=broken)
        model = self.model
        self.rows.append(model.drain())
        board = look(edge, self.crossing).tobytes()
        return Reply(model.newly_fired(), board, model.alarms(), model.holding())

    def save(self) -> tuple[list[np.ndarray], Drained]:
        """(state of the shard, rows since the last call)."""
        empty = Drained(*(part[:0] for part in self.model.drain()))
        rows = Drained(*(np.concatenate(parts) for parts in zip(empty, *self.rows, strict=True)))
        self.rows.clear()
        return self.model.checkpoint(), rows

    def go_back(self, state: list[np.ndarray]) -> None:
        """Be as ``save`` left this shard."""
        self.model.restore(state)
        self.rows.clear()


def look(edge: np.ndarray, crossing: np.ndarray) -> np.ndarray:
    """What is published on the crossing edges, as SIGNAL rows."""
    signals = np.zeros(len(crossing), SIGNAL)
    for name in SAYS:
        signals[name] = edge[name][crossing]
    return signals


@dataclass
class Board:
    """What is published on the edges that cross shards, as SIGNAL rows.

    ``says[name][k]``: the rows in which field ``name`` is actor ``k``'s to set.
    """

    signals: np.ndarray
    says: dict[str, list[np.ndarray]]

    def note(self, reports: Sequence[bytes]) -> None:
        """Take from each actor's report what is its to say."""
        for k, report in enumerate(reports):
            theirs = np.frombuffer(report, SIGNAL)
            for name in SAYS:
                rows = self.says[name][k]
                self.signals[name][rows] = theirs[name][rows]


@dataclass
class Checkpoint:
    """All that a run is at ``tick``, between two windows."""

    tick: int
    schedule: Schedule
    signals: np.ndarray
    board: bytes
    news: News
    inputs: int
    states: list[list[np.ndarray]]


@dataclass
class Crew:
    """The driver's side of one run: its actors, and what it has got from them."""

    recipe: tuple[Any, ...]  # arguments of Stepper but for the services
    parts: list[tuple[str, ...]]
    crossing: np.ndarray
    board: Board
    schedule: Schedule
    period: int
    news: News = field(default_factory=News)
    rows: Rows = field(default_factory=Rows)
    actors: list[Any] = field(default_factory=list)
    lost: bool = False

    def start(self, k: int) -> Any:
        """A new actor for part ``k``."""
        scenario, options = self.recipe
        return ray.remote(Stepper).remote(scenario, options, self.parts[k], self.crossing)

    def save(self, tick: int, board: bytes) -> Checkpoint:
        """Keep this moment, and the rows before it. Raises RayActorError."""
        saved = ray.get([actor.save.remote() for actor in self.actors])
        for _, rows in saved:
            self.rows.add(Drained(*(part.copy() for part in rows)))
        states = [[part.copy() for part in state] for state, _ in saved]
        schedule, signals = copy.deepcopy(self.schedule), self.board.signals.copy()
        return Checkpoint(tick, schedule, signals, board, self.news, len(self.rows.inputs), states)

    def window(self, t: int, ticks: int, board: bytes) -> tuple[int, bytes]:
        """Step every actor once. Returns (the tick reached, the board if it is new). Raises RayActorError."""
        changes = self.schedule.due(t, lambda: self.news)
        self.rows.inputs += [c for c in changes if not c.silent]
        coming = self.schedule.next_tick()
        boundary = t - t % self.period + self.period
        end = min(ticks, boundary, ticks if coming is None else coming)
        replies = ray.get([actor.step.remote(t, end, board, changes) for actor in self.actors])
        for reply in replies:
            if reply.broken:
                raise reply.broken
        for condition, cause in sorted(pair for reply in replies for pair in reply.fired):
            self.schedule.fired(condition, end, cause)
        self.news = News(sum(r.alarms for r in replies), frozenset(n for r in replies for n in r.holds))
        if end != boundary:
            return end, b""
        self.board.note([reply.board for reply in replies])
        return end, self.board.signals.tobytes()

    def go_back(self, moment: Checkpoint, lost_at: int) -> None:
        """Replace the actors that are gone and take everybody back to ``moment``. Raises RayActorError."""
        for k in [k for k, actor in enumerate(self.actors) if not is_alive(actor)]:
            ray.kill(self.actors[k])  # one that was only out of reach must not come back
            self.actors[k] = self.start(k)
            note = f"actor {k} was lost at tick {lost_at}; stepped again from tick {moment.tick}"
            self.rows.notes.append(note)
        ray.get([a.go_back.remote(state) for a, state in zip(self.actors, moment.states, strict=True)])
        self.schedule = copy.deepcopy(moment.schedule)
        self.board.signals[:] = moment.signals
        self.news = moment.news
        del self.rows.inputs[moment.inputs :]
        self.lost = False

    def step(self, ticks: int, progress: Progress | None) -> None:
        """Step the whole run. Raises InvariantBroken, TooManyLost."""
        t, board, losses = 0, b"", 0
        moment = self.save(t, board)
        began = time.perf_counter()
        while t < ticks:
            try:
                if self.lost:
                    self.go_back(moment, t)
                    t, board = moment.tick, moment.board
                t, board = self.window(t, ticks, board)
                if t == ticks or t - moment.tick >= MOMENT_WINDOWS * self.period:
                    moment, losses = self.save(t, board), 0
            except RayActorError as error:
                losses += 1
                if losses > MOST_LOSSES:
                    raise TooManyLost(f"{losses} times since tick {moment.tick}") from error
                self.lost = True
            if progress:
                progress(t, ticks)
        self.rows.engine_seconds = time.perf_counter() - began


def is_alive(actor: Any) -> bool:
    """Whether the actor is still there."""
    try:
        ray.get(actor.__ray_ready__.remote())
    except RayActorError:
        return False
    return True


@contextmanager
def cluster(address: str | None, actors: int) -> Iterator[None]:
    """A Ray to run on: the one that this process uses already, the one at ``address``, or our own, local."""
    if ray.is_initialized():
        yield
        return
    options: dict[str, Any] = {"logging_level": logging.ERROR, "log_to_driver": False}
    if address is not None:
        must_answer(address)
    if address is None:
        address = "local"  # said, or RAY_ADDRESS would decide
        options |= {"num_cpus": actors, "include_dashboard": False, "object_store_memory": OBJECT_STORE_BYTES}
    ray.init(address=address, **options)
    try:
        yield
    finally:
        ray.shutdown()


def must_answer(address: str) -> None:
    """Raise OSError at once if nothing listens at HOST:PORT; Ray itself would go on trying for minutes."""
    host, _, port = address.removeprefix("ray://").rpartition(":")
    if host and port.isdigit():
        socket.create_connection((host, int(port)), timeout=5.0).close()


def crossing_edges(model: Model, parts: Sequence[Sequence[str]]) -> tuple[np.ndarray, Board]:
    """(numbers of the edges whose ends are in different parts, the board for them)."""
    home = {name: k for k, part in enumerate(parts) for name in part}
    ends = np.array([[home[name] for name in pair] for pair in model.edges], "i8").reshape(-1, 2)
    crossing = np.flatnonzero(ends[:, 0] != ends[:, 1])
    edge = model.state.edge
    assert edge["cross_domain"][crossing].all(), "a domain was split over two shards"
    caller, callee = ends[crossing].T
    says = {name: [np.flatnonzero(caller == k) for k in range(len(parts))] for name in CALLER_SAYS}
    says |= {name: [np.flatnonzero(callee == k) for k in range(len(parts))] for name in CALLEE_SAYS}
    return crossing, Board(look(edge, crossing), says)


def run_on_ray(
    scenario: Scenario, model: Model, schedule: Schedule, ticks: int, *, seed: int, replicate: int,
    actors: int, address: str | None, debug: bool, progress: Progress | None,
) -> Rows:  # fmt: skip
    """Step ``scenario`` over ``actors`` shards, or as many as it has domains.

    Raises InvariantBroken, TooManyLost, and ray's own errors if it does not start.
    ``model`` is the whole run before its first tick; it is not stepped. ``address``: of a Ray cluster whose
    machines have this package; None starts a local one.
    """
    advance(model, 0, 0)  # compiles the loop if need be, so that the actors find it on disk
    parts = partition(placed_services(scenario), actors)
    crossing, board = crossing_edges(model, parts)
    options = {"seed": seed, "replicate": replicate, "debug": debug}
    with cluster(address, len(parts)):
        recipe = (ray.put(scenario), options)
        crew = Crew(recipe, parts, crossing, board, schedule, int(model.state.clock[PERIOD]))
        crew.actors = [crew.start(k) for k in range(len(parts))]
        try:
            crew.step(ticks, progress)
        finally:
            for actor in crew.actors:
                ray.kill(actor)
    return crew.rows
