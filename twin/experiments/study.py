"""A study: many runs of some scenarios, made by a pool of workers and kept in a folder.

A job is one run: a scenario, an arm, a realization, and the question that is asked of the finished run. The
answer follows from the job alone. So a run is made once, whoever needs it, and a study that was killed goes
on from the runs that are in its folder.
"""

from __future__ import annotations

import hashlib
import json
import os
import time
from collections import Counter
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from types import TracebackType
from typing import Any

from twin.experiments.answers import Results
from twin.experiments.arms import Arm
from twin.experiments.pool import Pool, PoolSettings, open_pool
from twin.experiments.questions import METRICS, QUESTIONS, answer_of, first_onset_s
from twin.experiments.realizations import Realization, first_input_s, realized
from twin.experiments.store import Key, Row, Store
from twin.model.changes import Variant
from twin.model.scenario import Scenario
from twin.simulation import inline, kernels, world
from twin.simulation.code_version import code_version
from twin.simulation.run import simulate

FEW = 256  # jobs, of which the answers are also kept in memory


@dataclass(frozen=True)
class Job:
    """One run. ``scenario`` is a name in the study's setting."""

    scenario: str
    arm: Arm
    realization: Realization
    question: str = METRICS


@dataclass(frozen=True)
class Setting:
    """What all workers of a study share: its scenarios by name, and variants of the model by name."""

    bases: Mapping[str, Scenario]
    variants: Mapping[str, Variant] = field(default_factory=dict)

    def identity(self) -> dict[str, Any]:
        """What all runs of a folder share: the code. The rest is in the key of each run."""
        return {"code": code_version()}

    def name(self) -> str:
        """Of the folder of a study that was not given one: the first scenario and the code."""
        return f"{next(iter(self.bases))}-{self.identity()['code'][:8]}"

    def key(self, job: Job) -> Key:
        """The identity of a run: the same key, the same answer."""
        r = job.realization
        variant = _content_of(self.variants[r.variant]) if r.variant else ""
        base = _content_of(self.bases[job.scenario])
        content = _hash([base, variant, job.arm.content, job.question])
        return job.scenario, content, r.variant, r.draw, r.replicate

    def realized(self, job: Job) -> Scenario:
        """The scenario of a job in its realization, before the arm changes it."""
        base = self.bases[job.scenario]
        found = realized(base, job.realization, self.variants)
        if QUESTIONS[job.question].screening:
            return found.model_copy(update={"duration_s": first_input_s(base)})
        return found


def _content_of(record: Scenario | Variant) -> str:
    """Hash of a record; kept, as each run asks for it."""
    kept = _contents.get(id(record))
    if kept is None or kept[0] is not record:
        kept = _contents[id(record)] = record, _hash(record.model_dump(mode="json"))
    return kept[1]


_contents: dict[int, tuple[Scenario | Variant, str]] = {}


def _hash(content: Any) -> str:
    return hashlib.sha256(json.dumps(content, sort_keys=True).encode()).hexdigest()[:16]


class Reporter:
    """Hears how a study goes; this one is silent. The command line has one that writes to stderr."""

    def begins(self, study: Study, runs: int) -> None:
        """Before the first run, of ``runs`` that are planned."""

    def made(self, runs: int) -> None:
        """``runs`` runs have been made, short ones that screen included."""

    def says(self, text: str) -> None:
        """A decision, in words."""

    def ends(self) -> None:
        """After the last run."""


class Study:
    """Runs of some scenarios, in a folder that keeps them. A context manager."""

    def __init__(
        self, setting: Setting, folder: Path, pool: PoolSettings | None = None, *, runs: int = 0,
        planned: Mapping[Job, int] | None = None, reporter: Reporter | None = None,
    ) -> None:  # fmt: skip
        """``folder`` is of a study of this code, or empty. ``planned``: a run in any world → in how many
        worlds it is planned. ``runs``: all that are planned, if more than these. Raises OtherStudy, OSError.
        """
        self.setting, self.planned = setting, planned or {}
        self.runs = runs or sum(self.planned.values())
        self.made, self.screening, self._spent_s, self._each_s = 0, 0, 0.0, 0.0
        self._answered: set[Key] = set()
        self.settings = (pool or PoolSettings("inline")).resolved(self.runs)
        self.reporter = reporter or Reporter()
        self.store = Store(folder, setting.identity())
        try:
            self.done = self.store.keys()
            self.known = self._known()
        except BaseException:
            self.store.close()
            raise
        self.pool: Pool = open_pool(self.settings, setting)

    def __enter__(self) -> Study:
        self.reporter.begins(self, self.runs)
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self.pool.__exit__(kind, error, trace)
        self.reporter.ends()
        if kind is None:
            self.store.merge()
        self.store.close()

    def say(self, text: str) -> None:
        """Tell the reporter of a decision."""
        self.reporter.says(text)

    def missing(self, jobs: Iterable[Job]) -> list[Job]:
        """The jobs that are not done, each once; jobs of one realization are neighbours."""
        todo = {self.setting.key(job): job for job in jobs}
        todo = {key: job for key, job in todo.items() if key not in self.done}
        return sorted(todo.values(), key=lambda job: (job.scenario, job.realization))

    def do(self, jobs: Iterable[Job]) -> Results:
        """The answers to the jobs; a job is run if it is not done yet. Raises WorkerLost, and the errors of
        a run."""
        asked = tuple(dict.fromkeys(jobs))
        todo = self.missing(asked)
        full = {self.setting.key(job) for job in asked if not QUESTIONS[job.question].screening}
        self._answered |= full & self.done
        if todo and self.settings.runner != "inline":
            compile_before(self.setting.bases[todo[0].scenario])
        return Results(self.store, {job: self.setting.key(job) for job in asked}, self._run(todo))

    def _run(self, todo: Sequence[Job]) -> dict[Key, Row]:
        """Run the jobs, and keep their rows as they come. The rows, if they are FEW."""
        fresh: dict[Key, Row] = {}
        last_s = time.monotonic()
        for at, row in self.pool.map(run_job, todo):
            self.store.keep(row)
            key = self.setting.key(todo[at])
            self.done.add(key)
            if len(todo) <= FEW:
                fresh[key] = row
            now_s = time.monotonic()
            self._count(todo[at], key, now_s - last_s)
            last_s = now_s
            self.reporter.made(self.made)
        return fresh

    def _count(self, job: Job, key: Key, spent_s: float) -> None:
        self.made += 1
        if QUESTIONS[job.question].screening:
            self.screening += 1
        else:
            self._answered.add(key)
            self._spent_s += spent_s

    def _known(self) -> int:
        """How many of the ``planned`` runs are in the folder. The numbers of the worlds do not matter here,
        as an invalid world is replaced by another one."""
        there = Counter(map(_in_any_world, self.done))
        return sum(min(n, there[_in_any_world(self.setting.key(job))]) for job, n in self.planned.items())

    @property
    def answered(self) -> int:
        """Full runs that were asked for and are there, whether made now or before."""
        return len(self._answered)

    @property
    def left(self) -> int:
        """Planned runs that are not there yet."""
        return max(0, self.runs - max(self.answered, self.known + self.made - self.screening))

    def left_s(self) -> float:
        """How long the planned runs that are left may take, at the rate of the full runs made so far."""
        full = self.made - self.screening
        return self.left * self._spent_s / full if full else self.expected_s(self.left)

    def expected_s(self, runs: int) -> float:
        """How long ``runs`` runs may take, from the time of one: the first scenario, unchanged."""
        if not runs:
            return 0.0
        job = Job(next(iter(self.setting.bases)), Arm(), Realization())
        compile_before(self.setting.bases[job.scenario])
        if not self._each_s:
            began = time.perf_counter()
            run_job(self.setting, job)
            self._each_s = time.perf_counter() - began
        return runs * self._each_s / min(self.settings.workers, os.cpu_count() or 1)


def _in_any_world(key: Key) -> tuple[str, str, str, bool]:
    scenario, content, variant, draw, _ = key
    return scenario, content, variant, draw > 0


def compile_before(scenario: Scenario) -> None:
    """Compile the kernel, or load it, before several workers need it or a run is timed."""
    model = world.build(scenario, seed=scenario.seed)
    if not kernels.is_compiled(model):
        inline.advance(model, 0, 0)


def run_job(setting: Setting, job: Job) -> Row:
    """Run one job; the row that a study keeps of it."""
    scenario = _realized(setting, job)
    done = simulate(job.arm.applied(scenario), replicate=job.realization.replicate, digest=False)
    name, key, variant, draw, replicate = setting.key(job)
    values, curve = answer_of(job.question, done, scenario)
    return {
        "scenario": name, "arm": job.arm.name, "key": key, "question": job.question, "variant": variant,
        "draw": draw, "replicate": replicate, "valid": first_onset_s(values) >= first_input_s(scenario),
        "values": values, "curve": curve,
    }  # fmt: skip


def _realized(setting: Setting, job: Job) -> Scenario:
    """The scenario in a realization; the latest is kept, as jobs of one realization come together."""
    asked = job.scenario, job.realization, QUESTIONS[job.question].screening
    if _latest.get("setting") is not setting or _latest["asked"] != asked:
        _latest.update(setting=setting, asked=asked, scenario=setting.realized(job))
    found: Scenario = _latest["scenario"]
    return found


_latest: dict[str, Any] = {}
