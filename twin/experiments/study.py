"""A study: which runs, on which workers, what came of them."""

from __future__ import annotations

import hashlib
import json
import math
from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import dataclass, field
from functools import cached_property
from pathlib import Path
from types import TracebackType
from typing import Any

import numpy as np

from twin.experiments.arms import BASELINE, Arm
from twin.experiments.pool import Pool, open_pool
from twin.experiments.store import Key, Row, Store
from twin.experiments.worlds import World, placed
from twin.model.changes import Variant
from twin.model.scenario import Scenario
from twin.simulation import loop
from twin.simulation.run import simulate

BEGINNING = ", its beginning"
AT_ONCE = 8  # runs in a file, as they come
CURVE_S = 300.0  # of a run's time, for each number of its curve

Progress = Callable[[int, int], None]
Values = dict[World, float | None]


def beginning_of(scenario: str) -> str:
    """The name of a scenario up to its first input: whether a world begins well shows in a short run."""
    return scenario + BEGINNING


def first_input_s(scenario: Scenario) -> float:
    """When the first thing happens that the scenario says, in s from the start; 0 if it says no time."""
    return min((x.at_s for x in scenario.interventions if x.at_s is not None), default=0.0)


@dataclass(frozen=True)
class Job:
    """One run: ``scenario`` is a name that the study knows."""

    scenario: str
    arm: Arm
    world: World


@dataclass(frozen=True)
class Setting:
    """What all workers of a study know: its scenarios, and other ways in which the model could be true."""

    bases: Mapping[str, Scenario]
    variants: Mapping[str, Variant] = field(default_factory=dict)

    def scenario(self, name: str) -> Scenario:
        """One of the scenarios, or the beginning of one (``beginning_of``)."""
        if not name.endswith(BEGINNING):
            return self.bases[name]
        base = self.bases[name.removesuffix(BEGINNING)]
        return base.model_copy(update={"duration_s": first_input_s(base)})

    def identity(self) -> dict[str, Any]:
        """What all runs of a folder share: the code. The rest is in the key of each run."""
        return {"code": loop.source_hash()}

    def name(self) -> str:
        """Of the folder of a study that was not given one: the first scenario and the code."""
        return f"{next(iter(self.bases))}-{self.identity()['code'][:8]}"

    def key(self, job: Job) -> Key:
        """What a run is: the same key, the same values."""
        w = job.world
        variant = _content_of(self.variants[w.variant]) if w.variant else ""
        base = _content_of(self.bases[job.scenario.removesuffix(BEGINNING)])
        content = _hash([base, variant, job.arm.content])
        return job.scenario, content, w.variant, w.draw, w.replicate


def _content_of(record: Scenario | Variant) -> str:
    """Hash of a record; kept, as it is asked for each run."""
    kept = _contents.get(id(record))
    if kept is None or kept[0] is not record:
        kept = _contents[id(record)] = record, _hash(record.model_dump(mode="json"))
    return kept[1]


_contents: dict[int, tuple[Scenario | Variant, str]] = {}


def _hash(content: Any) -> str:
    return hashlib.sha256(json.dumps(content, sort_keys=True).encode()).hexdigest()[:16]


class Study:
    """Runs of some scenarios, in a folder that remembers them. A context manager.

    What a run comes to follows from its job alone, so it is never done twice.
    """

    def __init__(
        self, setting: Setting, folder: Path, *, runner: str = "inline", workers: int = 2,
        address: str | None = None,
    ) -> None:  # fmt: skip
        """``folder`` holds this study or nothing. Raises OtherStudy, OSError."""
        self.setting = setting
        self.store = Store(folder, setting.identity())
        try:
            self.done = self.store.keys()
        except BaseException:
            self.store.close()
            raise
        self.pool: Pool = open_pool(runner, setting, workers, address)

    def __enter__(self) -> Study:
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self.pool.__exit__(kind, error, trace)
        if kind is None:
            self.store.merge()
        self.store.close()

    def missing(self, jobs: Iterable[Job]) -> list[Job]:
        """Those that are not done, each once; jobs of one world beside each other."""
        todo = {self.setting.key(job): job for job in jobs}
        todo = {key: job for key, job in todo.items() if key not in self.done}
        return sorted(todo.values(), key=lambda job: (job.scenario, job.world))

    def do(self, jobs: Sequence[Job], progress: Progress | None = None) -> Results:
        """What comes of the jobs; those are run that are not done yet.

        Raises WorkerLost, and whatever a run raises.
        """
        todo = self.missing(jobs)
        waiting: list[Row] = []
        try:
            for k, (at, row) in enumerate(self.pool.map(one_run, todo)):
                waiting.append(row)
                self.done.add(self.setting.key(todo[at]))
                if len(waiting) == AT_ONCE:
                    self.store.add(waiting)
                    waiting = []
                if progress:
                    progress(k + 1, len(todo))
        finally:  # also when it is interrupted: what is finished is kept
            if waiting:
                self.store.add(waiting)
        return Results(self, tuple(dict.fromkeys(jobs)))


def one_run(setting: Setting, job: Job) -> Row:
    """Run one job; the row that a study keeps of it."""
    there = _there(setting, job.scenario, job.world)
    done = simulate(job.arm.applied(there), replicate=job.world.replicate, digest=False)
    scenario, key, variant, draw, replicate = setting.key(job)
    with done.tables() as tables:
        values = tables.rows("from worth")
        curve = tables.rows("select impaired from curve order by bin")
    onset_s = min((v["value"] for v in values if v["measure"] == "first_onset_s"), default=math.inf)
    return {
        "scenario": scenario, "arm": job.arm.name, "key": key, "variant": variant, "draw": draw,
        "replicate": replicate, "began_well": onset_s >= first_input_s(there), "values": values,
        "curve": [row["impaired"] for row in curve],
    }  # fmt: skip


def _there(setting: Setting, scenario: str, world: World) -> Scenario:
    """The scenario in a world; the latest is kept, as jobs of one world come together."""
    asked = scenario, world
    if _latest.get("setting") is not setting or _latest["asked"] != asked:
        there = placed(setting.scenario(scenario), world, setting.variants)
        _latest.update(setting=setting, asked=asked, there=there)
    found: Scenario = _latest["there"]
    return found


_latest: dict[str, Any] = {}


@dataclass(frozen=True)
class Results:
    """What came of some jobs of a study."""

    study: Study
    jobs: tuple[Job, ...]

    @cached_property
    def _names(self) -> dict[tuple[str, str, World], list[str]]:
        """(scenario, content, world) → names of the arms with that content."""
        found: dict[tuple[str, str, World], list[str]] = {}
        for job in self.jobs:
            content = self.study.setting.key(job)[1]
            found.setdefault((job.scenario, content, job.world), []).append(job.arm.name)
        return found

    def values(self, measure: str, service: str = "", scenario: str = "") -> dict[str, Values]:
        """Arm → world → the value of a measure; None where what it speaks of never comes."""
        query = """
            select scenario, key, draw, replicate, variant, any_value(value) as value from outcomes
            where measure = $measure and service = $service group by all"""
        rows = self.study.store.ask(query, measure=measure, service=service).to_pylist()
        there = {(r["scenario"], r["key"], _world(r)): r["value"] for r in rows}
        return self._by_arm(there, scenario)

    def of_services(self, measure: str, scenario: str = "") -> dict[str, dict[str, Values]]:
        """Service → arm → world → value, for every service that has this measure in any of these runs."""
        query = """
            select service, scenario, key, draw, replicate, variant, any_value(value) as value from outcomes
            where measure = $measure and service <> '' group by all order by service"""
        there: dict[str, dict[tuple[str, str, World], float | None]] = {}
        for r in self.study.store.ask(query, measure=measure).to_pylist():
            there.setdefault(r["service"], {})[r["scenario"], r["key"], _world(r)] = r["value"]
        mine = {run for run in self._names if scenario in ("", run[0])}  # a folder may hold other runs too
        return {
            service: self._by_arm(known, scenario)
            for service, known in there.items() if not mine.isdisjoint(known)
        }  # fmt: skip

    def _by_arm(
        self, known: Mapping[tuple[str, str, World], float | None], scenario: str
    ) -> dict[str, Values]:
        found: dict[str, Values] = {}
        for (name, key, world), arms in self._names.items():
            if scenario in ("", name):
                for arm in arms:
                    found.setdefault(arm, {})[world] = known.get((name, key, world))
        return found

    def curves(self, scenario: str = "") -> dict[str, dict[World, np.ndarray]]:
        """Arm → world → services impaired at the most in each CURVE_S of the run."""
        found: dict[str, dict[World, np.ndarray]] = {}
        query = """
            select distinct on (scenario, key, draw, replicate, variant)
                scenario, key, draw, replicate, variant, curve
            from runs where $scenario in ('', scenario)"""
        for row in self.study.store.ask(query, scenario=scenario).to_pylist():
            for arm in self._names.get((row["scenario"], row["key"], _world(row)), ()):
                found.setdefault(arm, {})[_world(row)] = np.array(row["curve"])
        return found

    def ill(self, scenario: str = "") -> set[World]:
        """Worlds in which a service of an unchanged scenario was impaired before anything had happened."""
        query = "select scenario, key, draw, replicate, variant from runs where not began_well"
        rows = self.study.store.ask(query).to_pylist()
        known = ((row, self._names.get((row["scenario"], row["key"], _world(row)), ())) for row in rows)
        return {
            _world(row) for row, arms in known
            if BASELINE in arms and scenario in ("", row["scenario"])
        }  # fmt: skip


def _world(row: Row) -> World:
    return World(row["draw"], row["replicate"], row["variant"])
