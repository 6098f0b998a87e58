"""What-ifs: each question's cases beside the baseline, and whether what was expected came of them.

Baseline and case share their world: the noise, the draw of the unsourced numbers, the variant of the model.
So they differ by what the question changes, and by nothing else.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from concurrent.futures import Executor, ProcessPoolExecutor
from contextlib import contextmanager
from dataclasses import dataclass, field, replace
from functools import reduce
from multiprocessing import get_context

from twin.base.units import format_duration
from twin.experiments.worlds import drawn, draws
from twin.model.changes import ExpectedEffect, Variant, WhatIf
from twin.model.scenario import Scenario
from twin.results import metrics, outcomes
from twin.results.metrics import Measured
from twin.simulation.run import simulate
from twin.spec import vary
from twin.spec.responders import with_responders
from twin.statistics import wilson

BASELINE = "(baseline)"

Progress = Callable[[int, int], None]


@dataclass(frozen=True)
class Question:
    """A what-if and the scenario that it asks about."""

    what_if: WhatIf
    base: Scenario


@dataclass(frozen=True)
class World:
    """Where questions are put. ``variant``: of the model, '' for the one that is shipped; ``draw``: which
    draw of the unsourced numbers, None for the shipped ones; ``replicate``: of the noise."""

    variant: str = ""
    draw: int | None = None
    replicate: int = 0


@dataclass(frozen=True)
class Judged:
    """One comparison of one case. ``held``: world → whether it did."""

    comparison: ExpectedEffect
    case: str
    held: Mapping[World, bool]

    @property
    def words(self) -> str:
        """'sixty: nlb.lost_min lower by 90%'."""
        c = self.comparison
        told = "{:.0%}".format if metrics.is_number(c.metric) else format_duration
        margin = f" by {told(c.by)}" if c.by is not None else f" within {told(c.within)}" if c.within else ""
        against = f" than {c.against}" if c.against else ""
        return f"{self.case + ': ' if self.case else ''}{c.metric} {c.direction}{margin}{against}"


@dataclass(frozen=True)
class Share:
    """``held`` of ``worlds``, with the Wilson interval of the share."""

    held: int
    worlds: int

    @property
    def ratio(self) -> float:
        return self.held / self.worlds if self.worlds else 0.0

    @property
    def interval(self) -> tuple[float, float]:
        if not self.worlds:
            return 0.0, 1.0
        found = wilson(self.held, self.worlds)
        return found.low, found.high

    @property
    def says(self) -> bool | None:
        """That it holds, that it does not, or None where that cannot be told."""
        low, high = (self.ratio, self.ratio) if self.worlds == 1 else self.interval
        return True if low > 0.5 else False if high < 0.5 else None


@dataclass
class Answer:
    """What came of one question. ``measured``: case (BASELINE among them) → world → measures."""

    question: Question
    measured: dict[str, dict[World, Measured]] = field(default_factory=dict)

    @property
    def cases(self) -> list[str]:
        return [case for case in self.measured if case != BASELINE]

    @property
    def judged(self) -> list[Judged]:
        """Every comparison, of each case that it speaks of, in the order of the file."""
        what_if, found = self.question.what_if, []
        recoveries = metrics.ends(self.question.base.published)
        for c in what_if.comparisons:
            for case in [c.case] if c.case else self.cases:
                mine, other = self.measured[case], self.measured[c.against or BASELINE]
                held = {w: metrics.holds(c, mine[w], other[w], recoveries) for w in mine}
                found.append(Judged(c, case, held))
        return found

    @property
    def shares(self) -> dict[str, Share]:
        """Variant of the model → share of its worlds in which all that was expected came."""
        judged, found = self.judged, {}
        worlds = list(self.measured[BASELINE])
        for variant in dict.fromkeys(w.variant for w in worlds) if judged else ():
            mine = [w for w in worlds if w.variant == variant]
            found[variant] = Share(sum(all(j.held[w] for j in judged) for w in mine), len(mine))
        return found

    @property
    def agrees(self) -> bool | None:
        """Whether the shipped model agrees, in more than half of its worlds; None if nothing is expected."""
        shares = self.shares
        return None if not shares else shares[""].ratio > 0.5

    @property
    def robust(self) -> bool | None:
        """Whether every variant of the model says the same: that it holds, or that it does not.

        A variant says so if the Wilson interval of its share lies beyond a half; with a single world, if it
        is so there. None with a single variant, or if nothing is expected.
        """
        said = {s.says for s in self.shares.values()}
        return None if len(self.shares) < 2 else len(said) == 1 and None not in said


Job = tuple[Scenario, int, tuple[str, ...], bool]


def ask(
    questions: Sequence[Question], *, variants: Iterable[Variant] = (), draw_count: int = 0,
    replicates: int = 1, responders: str = "modelled", workers: int = 2, progress: Progress | None = None,
) -> list[Answer]:  # fmt: skip
    """Run every case of every question, and its baseline, in every world.

    ``variants`` come beside the shipped model. With ``draw_count`` the unsourced numbers are drawn so often,
    each draw with noise of its own; a draw in which a service is impaired before anything happens is left
    out, as in ``twin.validation.ensemble``. ``responders`` holds where a scenario says what they follow:
    those who act
    at the times of the event would act on what has not happened. The result does not depend on ``workers``.
    """
    questions = _with_responders(questions, responders)
    answers = [Answer(q, {name: {} for name in (BASELINE, *q.what_if.put)}) for q in questions]
    models = [None, *variants]
    count = max(1, draw_count) if draw_count else replicates
    total, done = len(models) * count * (len(_bases(questions)) + sum(len(a.cases) for a in answers)), 0
    with _pool(workers) as pool:
        for model in models:
            for k in range(count):
                for _ in _in_world(answers, model, k, draw_count, pool):
                    done += 1
                    if progress:
                        progress(done, total)
    return answers


def _with_responders(questions: Sequence[Question], mode: str) -> list[Question]:
    """The questions, of scenarios with such responders; questions of one scenario still share it."""
    bases = {
        key: with_responders(base, mode) if any(x.follows for x in base.actions) else base
        for key, base in _bases(questions).items()
    }
    return [replace(q, base=bases[id(q.base)]) for q in questions]


def _bases(questions: Iterable[Question]) -> dict[int, Scenario]:
    """The scenarios that are asked about, each once; keyed by identity, as loading shares them."""
    return {id(q.base): q.base for q in questions}


def _in_world(
    answers: list[Answer], model: Variant | None, k: int, draw_count: int, pool: Executor | None
) -> Iterator[None]:
    """Put every question in one world; yields once a run."""
    replicate = k + 1 if draw_count else k
    world = World(model.name if model else "", k if draw_count else None, replicate)
    bases = _bases(a.question for a in answers)
    here = {key: _placed(base, model, k, draw_count) for key, base in bases.items()}
    every = {name for answer in answers for name in _names(answer)}
    jobs: list[Job] = [(base, replicate, _known(every, base), draw_count > 0) for base in here.values()]
    for answer in answers:
        base = here[id(answer.question.base)]
        for variations in answer.question.what_if.put.values():
            jobs.append((reduce(vary, variations, base), replicate, _names(answer), False))
    found: list[Measured | None] = []
    for result in pool.map(_measured, jobs) if pool else map(_measured, jobs):
        found.append(result)
        yield
    baseline = dict(zip(here, found, strict=False))
    rest = iter(found[len(here) :])
    for answer in answers:
        whole = {BASELINE: baseline[id(answer.question.base)]} | {case: next(rest) for case in answer.cases}
        if whole[BASELINE] is not None:
            for case, measured in whole.items():
                answer.measured[case][world] = measured or {}


def _placed(base: Scenario, model: Variant | None, k: int, draw_count: int) -> Scenario:
    """A base scenario in one world."""
    base = vary(base, model) if model else base
    if not draw_count:
        return base
    varied, places = draws(base, draw_count, base.seed)
    return drawn(base, varied, places[k])


def _measured(job: Job) -> Measured | None:
    """The measures of one run; None for a baseline that was not well before anything happened."""
    scenario, replicate, names, must_be_well = job
    done = simulate(scenario, replicate=replicate)
    if must_be_well and scenario.published is not None:
        signals = outcomes.signals_of(done, scenario.published)
        first_input_s = min((x.at_s for x in scenario.interventions if x.at_s is not None), default=0.0)
        if outcomes.first_trouble(signals) < first_input_s:
            return None
    return metrics.measure(done, names, scenario.published)


def _names(answer: Answer) -> tuple[str, ...]:
    return tuple(sorted({c.metric for c in answer.question.what_if.comparisons}))


def _known(names: Iterable[str], base: Scenario) -> tuple[str, ...]:
    """Those measures that a base scenario has: others are of another one."""
    ids = {o.id for o in base.published.outcomes} if base.published else set()
    return tuple(sorted(n for n in names if n in ids or n.rpartition(".")[0] in base.topology.services))


@contextmanager
def _pool(workers: int) -> Iterator[Executor | None]:
    """Processes that share the runs; None to run them here."""
    if workers <= 1:
        yield None
        return
    with ProcessPoolExecutor(workers, mp_context=get_context("spawn")) as pool:
        yield pool
