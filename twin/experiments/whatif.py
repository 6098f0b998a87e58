"""What-ifs: the cases of each question beside the baseline, and whether the expectations came true.

Baseline and case share their realization: the noise, the sample of the uncertain inputs, the variant of the
model. So they differ only by what the question changes.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field, replace
from itertools import combinations
from pathlib import Path
from typing import Any

from twin.base.places import SCENARIOS
from twin.base.text import counted
from twin.base.units import format_duration
from twin.experiments.answers import Answer
from twin.experiments.arms import BASELINE, Arm, with_people
from twin.experiments.comparison import WORTH_RATIO
from twin.experiments.opened import StudySettings, open_study, settings_with
from twin.experiments.questions import WHOLE, answer_of
from twin.experiments.realizations import Realization, realizations
from twin.experiments.screening import screened
from twin.experiments.study import Job, Study
from twin.experiments.tables import Tabular
from twin.experiments.wide_comparison import variants_of
from twin.model.changes import TOTALS, ExpectedEffect, Variant, WhatIf
from twin.model.scenario import Scenario
from twin.results import metrics
from twin.results.metrics import Measured
from twin.simulation.run import simulate
from twin.spec import Problem, SpecError, argument_problem, load_what_if
from twin.spec.arguments import check_counts
from twin.spec.bases import Bases
from twin.spec.problems import shown
from twin.statistics import wilson

WHAT_IF_FOLDER = SCENARIOS / "what-if"


_EFFECTS = {-1: "helps", 0: "makes no difference", 1: "harms"}


@dataclass(frozen=True)
class WhatIfQuestion:
    """A what-if and the scenario that it asks about."""

    what_if: WhatIf
    base: Scenario


@dataclass(frozen=True)
class EffectResult:
    """One expected comparison of one case. ``held``: realization → whether it came true."""

    expected: ExpectedEffect
    case: str
    held: Mapping[Realization, bool]

    @property
    def words(self) -> str:
        """'sixty: nlb.lost_min lower by 90%'."""
        c = self.expected
        amount = "{:.0%}".format if metrics.is_number(c.metric) else format_duration
        margin = (
            f" by {amount(c.by)}" if c.by is not None else f" within {amount(c.within)}" if c.within else ""
        )
        against = f" than {c.against}" if c.against else ""
        return f"{self.case + ': ' if self.case else ''}{c.metric} {c.direction}{margin}{against}"


@dataclass(frozen=True)
class Share:
    """``held`` of ``worlds`` realizations, with the Wilson interval of the share."""

    held: int
    worlds: int

    @property
    def ratio(self) -> float:
        return self.held / self.worlds if self.worlds else 0.0

    @property
    def interval(self) -> tuple[float, float]:
        if not self.worlds:
            return 0.0, 1.0
        share = wilson(self.held, self.worlds)
        return share.low, share.high

    @property
    def says(self) -> bool | None:
        """Whether it holds in more than half of the prior; None if that is not significant."""
        low, high = (self.ratio, self.ratio) if self.worlds == 1 else self.interval
        return True if low > 0.5 else False if high < 0.5 else None


@dataclass(frozen=True)
class WhatIfAnswer:
    """The answer to one question. ``measured``: case (BASELINE among them) → realization → metrics.
    ``about``: variant of the model → what it is about."""

    question: WhatIfQuestion
    measured: Mapping[str, Mapping[Realization, Measured]]
    about: Mapping[str, str] = field(default_factory=dict)

    @property
    def cases(self) -> list[str]:
        return [case for case in self.measured if case != BASELINE]

    @property
    def results(self) -> list[EffectResult]:
        """Every expected comparison, of each case that it is about, in the order of the file."""
        what_if, found = self.question.what_if, []
        recoveries = metrics.recovery_names(self.question.base.published)
        for c in what_if.comparisons:
            for case in [c.case] if c.case else self.cases:
                mine, other = self.measured[case], self.measured[c.against or BASELINE]
                by_realization = {r: metrics.holds(c, mine[r], other[r], recoveries) for r in mine}
                found.append(EffectResult(c, case, by_realization))
        return found

    @property
    def shares(self) -> dict[str, Share]:
        """Variant of the model → share of its realizations in which all expectations came true."""
        results, found = self.results, {}
        every = list(self.measured[BASELINE])
        for variant in dict.fromkeys(r.variant for r in every) if results else ():
            mine = [r for r in every if r.variant == variant]
            found[variant] = Share(sum(all(e.held[r] for e in results) for r in mine), len(mine))
        return found

    @property
    def agrees(self) -> bool | None:
        """Whether the shipped model agrees in more than half of its realizations; None if nothing is
        expected."""
        shares = self.shares
        return None if not shares else shares[""].ratio > 0.5

    @property
    def robust(self) -> bool | None:
        """Whether every variant of the model says the same: that it holds, or that it does not.

        A variant says so if the Wilson interval of its share lies beyond a half; with a single realization,
        if it is so there. None with a single variant, or if nothing is expected.
        """
        verdicts = {s.says for s in self.shares.values()}
        return None if len(self.shares) < 2 else len(verdicts) == 1 and None not in verdicts

    @property
    def variants(self) -> list[str]:
        """The models that were asked, '' (the shipped one) first."""
        return list(dict.fromkeys(r.variant for r in self.measured[BASELINE]))

    @property
    def agreeing(self) -> tuple[str, ...]:
        """The models in which the expectation holds in more than half of the realizations."""
        return tuple(variant for variant, share in self.shares.items() if share.ratio > 0.5)

    @property
    def hangs_on(self) -> dict[str, str]:
        """What the verdict, a sign or the order of two cases hangs on → what the variants say."""
        found: dict[str, list[str]] = {}
        shares, here = self.shares, self._order("")
        for v in self.variants[1:]:
            says = []
            if shares and shares[v].says != shares[""].says:
                says.append({True: "agrees", False: "disagrees", None: "undecided"}[shares[v].says])
            there = self._order(v)
            for (a, b), sign in here.items():
                if b == BASELINE and sign != there[a, b]:
                    says.append(f"{a or 'the change'} {_EFFECTS[there[a, b]]}")
                elif sign * there[a, b] < 0:
                    says.append(f"{a} changes places with {b}")
            if says:
                found.setdefault(self.about.get(v) or v, []).append(f"in {v}: {', '.join(says)}")
        return {about: "; ".join(each) for about, each in found.items()}

    def _order(self, variant: str) -> dict[tuple[str, str], int]:
        """(case, other case or BASELINE) → whether it loses less (-1) or more (1) by what is worth having."""
        lost = {
            case: _mean_lost({r: m for r, m in by.items() if r.variant == variant}) or 0.0
            for case, by in self.measured.items()
        }  # fmt: skip
        worth = WORTH_RATIO * lost[BASELINE]
        sides = [*self.cases, BASELINE]
        return {
            (a, b): (lost[a] > lost[b]) - (lost[a] < lost[b]) if abs(lost[a] - lost[b]) > worth else 0
            for a, b in combinations(sides, 2)
        }  # fmt: skip


@dataclass(frozen=True)
class WhatIfs(Tabular):
    """The answers to some questions, in their order."""

    answers: tuple[WhatIfAnswer, ...]

    headings = ("question", "case", "minutes lost", "of the baseline", "agrees")

    def __iter__(self) -> Iterator[WhatIfAnswer]:
        return iter(self.answers)

    def __len__(self) -> int:
        return len(self.answers)

    def __repr__(self) -> str:
        agrees = [a.agrees for a in self.answers]
        return (f"WhatIfs({counted(len(agrees), 'question')}: the model agrees with {agrees.count(True)}, "
                f"disagrees with {agrees.count(False)})")  # fmt: skip

    def rows(self) -> Iterator[dict[str, Any]]:
        """A row a question, case, realization and metric; null where a moment does not come."""
        for a in self.answers:
            for case, by in a.measured.items():
                for r, measured in by.items():
                    for name, value in sorted(measured.items()):
                        yield {"question": a.question.what_if.name, "case": case, **vars(r),
                               "metric": name, "value": value}  # fmt: skip

    def summary(self) -> Iterator[tuple[object, ...]]:
        """A row a case: the mean of service-minutes lost."""
        for a in self.answers:
            agrees = {True: "agrees", False: "disagrees", None: "nothing expected"}[a.agrees]
            base = _mean_lost(a.measured[BASELINE])
            for case in a.cases:
                yield a.question.what_if.question, case, _mean_lost(a.measured[case]), base, agrees


def _mean_lost(by: Mapping[Realization, Measured]) -> float | None:
    lost = [m[metrics.PRIMARY] or 0.0 for m in by.values()]
    return sum(lost) / len(lost) if lost else None


def find_questions(
    *which: int | str | Path, with_files: Iterable[str | Path] = (),
    change: Callable[[Scenario], Scenario] = lambda base: base,
) -> list[WhatIfQuestion]:  # fmt: skip
    """The questions with these numbers or in these files; without any, all. The open ones come first, then
    those whose change puts the answer in; each in the order of their numbers.

    ``with_files``: services of your own on top of each base; ``change``: a change to each base. Raises
    SpecError with the problems of all files.
    """
    files = {int(f.name.split("-")[0]): f for f in sorted(WHAT_IF_FOLDER.glob("[0-9]*-*.yaml"))}
    problems: list[Problem] = []
    bases: Bases = {}
    changed: dict[int, Scenario] = {}  # questions of one base share it
    found = []
    for each in {str(one): one for one in which}.values() if which else files:
        try:
            question, base = load_what_if(_file(each, files), bases, with_files=with_files)
            if id(base) not in changed:
                changed[id(base)] = change(base)
            found.append(WhatIfQuestion(question, changed[id(base)]))
        except SpecError as error:
            problems += error.problems
    if problems:
        raise SpecError(problems)
    return sorted(found, key=lambda q: (bool(q.what_if.puts_in), q.what_if.number))


def _file(which: int | str | Path, files: Mapping[int, Path]) -> Path:
    """A file, or that of a number. Raises SpecError for an unknown number, or anything else."""
    if isinstance(which, bool) or not isinstance(which, int | str | Path):
        raise argument_problem("what-if", shown(which), "the number or the file of a question")
    if not str(which).isdigit():
        return Path(which)  # type: ignore[arg-type]
    if int(str(which)) not in files:
        known = f"a number from {min(files, default=0)} to {max(files, default=0)}, or a file"
        raise argument_problem("what-if", f"{which}", known)
    return files[int(str(which))]


def what_if(
    *which: int | str | Path | WhatIfQuestion, variants: str | Iterable[Variant] = "all", worlds: int = 0,
    replicates: int = 1, responders: str = "modelled", runner: str = "auto", actors: int = 2,
    address: str | None = None, study: Path | str | None = None, settings: StudySettings | None = None,
) -> WhatIfs:  # fmt: skip
    """Run every case of every question, and its baseline, in every realization.

    ``which``: numbers or files of questions, or loaded ones; without any, all of ``scenarios/what-if/``.
    ``variants`` of the model come beside the shipped one: 'all' that fit, 'none', or 'NAME,NAME'.
    With ``worlds``, the uncertain inputs are sampled
    that many times, each time with its own noise; invalid draws are left out and replaced (``screening``).
    Without, ``replicates`` differ in their noise only. ``responders`` holds where a scenario says what they
    follow. ``runner``, ``actors``, ``address``, ``study`` and ``settings`` are those of ``twin.compare``.
    Raises SpecError, NoWorlds, WorkerLost, OtherStudy.
    """
    check_counts(0, worlds=worlds)
    check_counts(1, replicates=replicates)
    where = settings_with(settings, runner, actors, address, study)
    questions = [q for q in which if isinstance(q, WhatIfQuestion)]
    named = [q for q in which if not isinstance(q, WhatIfQuestion)]
    if named or not which:
        questions += find_questions(*named)
    posed = _Asked([replace(q, base=base) for q, base in _with_people(questions, responders)])
    if isinstance(variants, str):
        variants = common_variants([q.base for q in posed.questions], which=variants).values()
    models = {v.name: v for v in variants}
    planned = {
        Job(*side, Realization(min(worlds, 1), 0, variant), WHOLE): worlds or replicates
        for side in posed.sides for variant in ("", *models)
    }  # fmt: skip
    with open_study(posed.bases, where, planned=planned, variants=models) as opened:
        realized = {name: list(_worlds(opened, name, worlds, replicates)) for name in posed.bases}
        return WhatIfs(tuple(posed.answers(opened, realized)))


def _with_people(questions: Iterable[WhatIfQuestion], mode: str) -> Iterator[tuple[WhatIfQuestion, Scenario]]:
    """Each question and its base with responders; questions of one base still share it."""
    bases: dict[int, Scenario] = {}
    for q in questions:
        yield q, bases.setdefault(id(q.base), with_people(q.base, mode))


def _worlds(study: Study, name: str, draws: int, replicates: int) -> Iterator[Realization]:
    """The realizations of a base scenario, in the shipped model and in each variant."""
    for variant in ("", *study.setting.variants):
        if draws:
            yield from screened(study, name, draws, variant=variant).valid
        else:
            yield from realizations(replicates, draws=False, variant=variant, first=0)


@dataclass
class _Asked:
    """The questions, with a name for each base scenario in the study."""

    questions: Sequence[WhatIfQuestion]
    bases: dict[str, Scenario] = field(default_factory=dict)
    names: dict[int, str] = field(default_factory=dict)

    def __post_init__(self) -> None:
        for q in self.questions:
            if id(q.base) not in self.names:
                name = q.base.name if q.base.name not in self.bases else f"{q.base.name} {len(self.bases)}"
                self.names[id(q.base)] = name
                self.bases[name] = q.base

    @property
    def sides(self) -> set[tuple[str, Arm]]:
        """(name of a base, arm): the runs of a realization."""
        return {(self.names[id(q.base)], arm) for q in self.questions for arm in _arms(q.what_if).values()}

    def answers(self, study: Study, worlds: Mapping[str, Sequence[Realization]]) -> Iterator[WhatIfAnswer]:
        jobs: dict[tuple[int, str], list[Job]] = {}
        for k, q in enumerate(self.questions):
            name = self.names[id(q.base)]
            for case, arm in _arms(q.what_if).items():
                jobs[k, case] = [Job(name, arm, r, WHOLE) for r in worlds[name]]
        found = study.do(job for many in jobs.values() for job in many).by_job()
        for k, q in enumerate(self.questions):
            names = {c.metric for c in q.what_if.comparisons} | TOTALS.keys()
            by_case = {
                case: {job.realization: measured(found[job], names) for job in jobs[k, case]}
                for case in _arms(q.what_if)
            }  # fmt: skip
            yield WhatIfAnswer(q, by_case, {v.name: v.about for v in study.setting.variants.values()})


def common_variants(
    bases: Iterable[Scenario], say: Callable[[str], None] = lambda text: None, which: str = "all"
) -> dict[str, Variant]:
    """The variants of the model that fit all of these scenarios. Raises SpecError."""
    fitting = [variants_of(base, say, which) for base in {id(b): b for b in bases}.values()]
    return {name: v for name, v in fitting[0].items() if all(name in f for f in fitting)} if fitting else {}


def _arms(posed: WhatIf) -> dict[str, Arm]:
    """Case → arm; the baseline first."""
    cases = {case: Arm(f"{posed.name} {case}".strip(), changes) for case, changes in posed.put.items()}
    return {BASELINE: Arm(), **cases}


def measured(answer: Answer, names: Iterable[str]) -> dict[str, float | None]:
    """The named metrics and moments of a run that was asked for the WHOLE."""
    return {name: metrics.named(answer.values, name) for name in sorted(names)}


def asked(scenario: Scenario, names: Iterable[str]) -> dict[str, float | None]:
    """The named metrics and moments of one run, made here and not kept."""
    values, _ = answer_of(WHOLE, simulate(scenario, digest=False), scenario)
    return measured(Answer.of(values), {*names, *TOTALS})
