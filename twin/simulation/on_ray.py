"""One run over several actors of Ray: the same rows as inline, for any number of actors, also after a loss.

An actor is a shard: whole domains, stepped together. Signals between domains are published every signal
period, on any placement. So the actors step one *window* at a time: to the end of the period, or to the next
change. At the end of a period each actor packs what it has published on the dependencies between shards, a
*parcel* for each other actor. A parcel goes from actor to actor; a large one stays in shared memory.

The driver applies the schedule, and keeps a *moment* at intervals. If an actor is lost, another takes its
place, and all go back to the last moment. The repeated rows are the same.

It makes larger topologies possible. To exchange a window costs about a millisecond; to step a period of some
hundred services costs less, so for these it is not faster.
"""

from __future__ import annotations

import copy
import logging
import os
import socket
import time
from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager
from dataclasses import dataclass, field, replace
from typing import Any, NamedTuple

import numpy as np

from twin.mechanisms.arrays import EDGE, PERIOD, State
from twin.model.graph import partition
from twin.model.scenario import Scenario
from twin.simulation.by_zone import by_zone
from twin.simulation.bytewise import copied, put_together
from twin.simulation.inline import InvariantBroken, Progress, Rows, advance, apply
from twin.simulation.levels import placed_services
from twin.simulation.schedule import Change, News, Schedule
from twin.simulation.world import BUFFERS, Drained, Model

# Ray reads these when it is imported.
os.environ.setdefault("RAY_AUTH_MODE", "token")  # the default, but said: no warning
os.environ.setdefault("RAY_USAGE_STATS_ENABLED", "0")
os.environ.setdefault("RAY_ENABLE_UV_RUN_RUNTIME_ENV", "0")  # would build a second environment under `uv run`

import ray
from ray.exceptions import RayActorError

OBJECT_STORE_BYTES = 80 * 2**20  # little more than the least that Ray accepts; a large run needs more
MOMENT_WINDOWS = 600  # so a lost actor costs a few seconds
MOST_LOSSES = 3  # from one moment; then the fault is in the run, not in the machine

log = logging.getLogger(__name__)


def _published(prefix: str) -> np.ndarray:
    """The places of the fields of a dependency that one of its ends publishes, among its words."""
    fields: Mapping[str, Any] = EDGE.fields or {}
    return np.array([fields[name][1] // WORD.itemsize for name in fields if name.startswith(prefix)], "i8")


WORD = np.dtype("i8")  # a dependency is a row of words; to pick words takes a third of the time of fields
WIDTH = EDGE.itemsize // WORD.itemsize
CALLER_SAYS, CALLEE_SAYS = _published("sent_"), _published("visible_")
IS_NEWS = np.zeros(WIDTH, bool)
for _outcome in ("visible_ok", "visible_latency_s", "visible_headroom", "visible_held"):
    IS_NEWS[_published(_outcome)] = True
assert all(field[0].itemsize == WORD.itemsize for field in (EDGE.fields or {}).values())


class TooManyLost(Exception):
    """Actors were lost again and again on the same stretch of the run."""


class Link(NamedTuple):
    """The dependencies over which one shard speaks to another: their numbers, as caller and as callee."""

    as_caller: np.ndarray
    as_callee: np.ndarray

    def words(self) -> np.ndarray:
        """Where what is published on this link stands, among the words of all dependencies."""
        of_ends = zip(self, (CALLER_SAYS, CALLEE_SAYS), strict=True)
        return np.concatenate([(rows[:, None] * WIDTH + said).ravel() for rows, said in of_ends])


Parcel = np.ndarray
"""What is published on a link: its words."""


class Reply(NamedTuple):
    """What an actor reports at the end of a window.

    It has the conditions that have fired, with the events open then. It also has what responders could see of
    its services, and why it stopped, if a step broke its contract.
    """

    fired: Sequence[tuple[int, int]] = ()
    alarms: int = 0
    holds: Sequence[int] = ()
    broken: InvariantBroken | None = None


class Stepper:
    """What runs in an actor: one shard, and the rows it has produced since the last moment."""

    def __init__(
        self, start: Model, room: Sequence[int], services: Sequence[str], speaks: Sequence[Link],
        hears: Sequence[Link],
    ) -> None:  # fmt: skip
        """``start``: the run before its first tick, without buffers. ``room``: the number of rows of each
        array of its state, buffers included. ``speaks``, ``hears``: the links to and from each of the other
        shards."""
        self.start, self.room, self.services = start, room, services
        self.speaks, self.hears = [link.words() for link in speaks], [link.words() for link in hears]
        self.rows: list[Drained] = []
        self.model = self._at_start()

    def step(self, t0: int, t1: int, is_boundary: bool, changes: list[Change], *parcels: Parcel) -> Any:
        """Step from t0 to t1. ``parcels``: from each of the other shards, if t0 is a boundary.

        Returns (reply, a parcel for each of the other shards; None if t1 ``is_boundary`` not).
        """
        for words, parcel in zip(self.hears, parcels, strict=False):
            put_in_place(self.model.state, words, parcel)
        apply(self.model, changes)
        model, reply = self.model, Reply()
        try:
            advance(model, t0, t1)
            self.rows.append(model.drain())
            reply = Reply(model.newly_fired(), model.alarms(), model.holding())
        except InvariantBroken as broken:
            reply = Reply(broken=broken)
        sent = [model.state.edge.view(WORD)[words] if is_boundary else None for words in self.speaks]
        return (reply, *sent) if sent else reply

    def hand_over(self) -> Drained:
        """The rows since the last call."""
        empty = Drained(*(part[:0] for part in self.model.drain()))
        parts = zip(empty, *self.rows, strict=True)
        rows = Drained(*(put_together(some, some[0].dtype) for some in parts))
        self.rows.clear()
        return rows

    def save(self) -> list[np.ndarray]:
        """The state of the shard."""
        return self.model.checkpoint()

    def go_back(self, state: list[np.ndarray] | None) -> None:
        """Be as ``save`` left this shard; None: as at the start."""
        if state is not None:
            self.model.restore(state)
        else:
            self.model = self._at_start()
        self.rows.clear()

    def _at_start(self) -> Model:
        """The run before its first tick; what the actor was given is read only."""
        mine = zip(self.start.state, self.room, strict=True)
        arrays = (np.zeros(n, a.dtype) if a.dtype in BUFFERS else copied(a) for a, n in mine)
        parameters = {kind: copied(a) for kind, a in self.start.parameters.items()}
        states = {kind: copied(a) for kind, a in self.start.states.items()}
        whole = replace(self.start, state=State(*arrays), parameters=parameters, states=states)
        return whole.of(self.services)


def put_in_place(state: State, words: np.ndarray, parcel: Parcel) -> None:
    """Put what another shard has published in its place. Callers to whom it says something new look again."""
    here = state.edge.view(WORD)
    changed = words[here[words] != parcel]
    here[words] = parcel
    news = changed[IS_NEWS[changed % WIDTH]]
    state.svc["has_news"][state.edge["caller"][news // WIDTH]] = 1


@dataclass
class Checkpoint:
    """All that a run is at ``tick``, between two windows. ``states``: of each actor; None at the start."""

    tick: int
    schedule: Schedule
    parcels: list[list[Any]]
    news: News
    inputs: int
    states: list[list[np.ndarray] | None]


@dataclass
class Crew:
    """The driver's side of one run: its actors, and what it has got from them."""

    recipe: tuple[Any, ...]  # the first arguments of Stepper, of all actors
    shards: list[tuple[Any, ...]]  # its other arguments, of each actor
    schedule: Schedule
    period: int
    news: News = field(default_factory=News)
    rows: Rows = field(default_factory=Rows)
    actors: list[Any] = field(default_factory=list)
    parcels: list[list[Any]] = field(default_factory=list)  # for each actor, from the others, on the way
    lost: bool = False

    def start(self, k: int) -> Any:
        """A new actor for shard ``k``."""
        return ray.remote(Stepper).remote(*self.recipe, *self.shards[k])

    def hand_over(self) -> None:
        """Fetch the rows of all actors. Raises RayActorError."""
        for rows in ray.get([actor.hand_over.remote() for actor in self.actors]):
            self.rows.add(Drained(*map(copied, rows)))

    def save(self, tick: int) -> Checkpoint:
        """Keep this moment, and the rows before it. Raises RayActorError."""
        states: list[Any] = [None] * len(self.actors)
        if tick:
            saved = ray.get([actor.save.remote() for actor in self.actors])
            states = [[copied(part) for part in state] for state in saved]
        parcels = [ray.get(some) for some in self.parcels]
        self.hand_over()
        schedule = copy.deepcopy(self.schedule)
        return Checkpoint(tick, schedule, parcels, self.news, len(self.rows.inputs), states)

    def window(self, t: int, ticks: int) -> int:
        """Step every actor once; returns the tick reached. Raises RayActorError."""
        changes = self.schedule.due(t, lambda: self.news)
        self.rows.inputs += [c for c in changes if not c.silent]
        coming = self.schedule.next_tick()
        boundary = t - t % self.period + self.period
        end = min(ticks, boundary, ticks if coming is None else coming)
        n = len(self.actors)
        sent = [
            actor.step.options(num_returns=n).remote(t, end, end == boundary, changes, *parcels)
            for actor, parcels in zip(self.actors, self.parcels, strict=True)
        ]
        replies = ray.get([reply for reply, *_ in sent] if n > 1 else sent)
        for reply in replies:
            if reply.broken:
                raise reply.broken
        for condition, cause in sorted(pair for reply in replies for pair in reply.fired):
            self.schedule.fired(condition, end, cause)
        self.news = News(sum(r.alarms for r in replies), frozenset(n for r in replies for n in r.holds))
        self.parcels = [[] for _ in self.actors]
        if end == boundary and n > 1:
            self.parcels = [[sent[j][1 + k - (k > j)] for j in range(n) if j != k] for k in range(n)]
        return end

    def go_back(self, moment: Checkpoint, lost_at: int) -> None:
        """Replace the actors that are gone and take everybody back to ``moment``. Raises RayActorError."""
        for k in [k for k, actor in enumerate(self.actors) if not is_alive(actor)]:
            ray.kill(self.actors[k])  # one that was only out of reach must not come back
            self.actors[k] = self.start(k)
            note = f"actor {k} was lost at tick {lost_at}; stepped again from tick {moment.tick}"
            self.rows.notes.append(note)
        ray.get([a.go_back.remote(state) for a, state in zip(self.actors, moment.states, strict=True)])
        self.schedule = copy.deepcopy(moment.schedule)
        self.parcels, self.news = moment.parcels, moment.news
        del self.rows.inputs[moment.inputs :]
        self.lost = False

    def step(self, ticks: int, progress: Progress | None) -> None:
        """Step the whole run. Raises InvariantBroken, TooManyLost."""
        t, losses = 0, 0
        self.parcels = [[] for _ in self.actors]
        moment = Checkpoint(
            t, copy.deepcopy(self.schedule), self.parcels, self.news, 0, [None] * len(self.actors)
        )
        ray.get([actor.__ray_ready__.remote() for actor in self.actors])
        began = time.perf_counter()
        while t < ticks:
            try:
                if self.lost:
                    self.go_back(moment, t)
                    t = moment.tick
                t = self.window(t, ticks)
                if t == ticks:
                    self.hand_over()
                elif t - moment.tick >= MOMENT_WINDOWS * self.period:
                    moment, losses = self.save(t), 0
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
def cluster(address: str | None, actors: int, more_bytes: int = 0) -> Iterator[None]:
    """A Ray to run on: the one that this process uses already, the one at ``address``, or our own, local.

    ``more_bytes``: of shared memory that a large run needs. How long the start takes goes to the log.
    """
    if ray.is_initialized():
        yield
        return
    options: dict[str, Any] = {"logging_level": logging.ERROR, "log_to_driver": False}
    if address is not None:
        must_answer(address)
    if address is None:
        address = "local"  # said, or RAY_ADDRESS would decide
        options |= {"num_cpus": actors, "include_dashboard": False}
        options["object_store_memory"] = OBJECT_STORE_BYTES + more_bytes
    began = time.perf_counter()
    ray.init(address=address, **options)
    log.info("Ray started in %.1f s", time.perf_counter() - began)
    try:
        yield
    finally:
        ray.shutdown()


def must_answer(address: str) -> None:
    """Raise OSError at once if nothing listens at HOST:PORT; Ray itself would go on trying for minutes."""
    host, _, port = address.removeprefix("ray://").rpartition(":")
    if host and port.isdigit():
        socket.create_connection((host, int(port)), timeout=5.0).close()


def links_of(model: Model, parts: Sequence[Sequence[str]]) -> list[list[Link]]:
    """``found[k][j]``: the link from shard k to shard j; nothing where k is j."""
    home = {name: k for k, part in enumerate(parts) for name in part}
    of = np.array([home[name] for name in model.names], "i8")
    edge = model.state.edge
    caller, callee = of[edge["caller"]], of[edge["callee"]]
    crossing = np.flatnonzero(caller != callee)
    assert edge["cross_domain"][crossing].all(), "a domain was split over two shards"
    caller, callee = caller[crossing], callee[crossing]
    every = range(len(parts))
    return [
        [
            Link(crossing[(caller == k) & (callee == j)], crossing[(callee == k) & (caller == j)])
            for j in every
        ]
        for k in every
    ]


def run_on_ray(
    scenario: Scenario, model: Model, schedule: Schedule, ticks: int, *, actors: int, address: str | None,
    progress: Progress | None,
) -> Rows:  # fmt: skip
    """Step ``scenario`` over ``actors`` shards, or as many as it has domains.

    Raises InvariantBroken, TooManyLost, and ray's own errors if it does not start.
    ``model`` is the whole run before its first tick; it is not stepped. ``address``: of a Ray cluster whose
    machines have this package; None starts a local one.
    """
    advance(model, 0, 0)  # compiles the loop if need be, so that the actors find it on disk
    parts = partition(placed_services(by_zone(scenario)), actors)
    links, numbers = links_of(model, parts), range(len(parts))
    shards = [
        (part, [links[k][j] for j in numbers if j != k], [links[j][k] for j in numbers if j != k])
        for k, part in enumerate(parts)
    ]
    bare = [a[:0] if a.dtype in BUFFERS else a for a in model.state]
    size_bytes = sum(a.nbytes for a in (*bare, *model.arrays()))
    with cluster(address, len(parts), (2 + len(parts)) * size_bytes):
        start = ray.put(replace(model, state=State(*bare)))
        crew = Crew((start, [len(a) for a in model.state]), shards, schedule, int(model.state.clock[PERIOD]))
        crew.actors = [crew.start(k) for k in range(len(parts))]
        try:
            crew.step(ticks, progress)
        finally:
            for actor in crew.actors:
                ray.kill(actor)
    return crew.rows
