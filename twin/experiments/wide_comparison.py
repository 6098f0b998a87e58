"""A comparison in full: each mitigation, the best pairs, other scenarios, variants of the model, shares.

``plan_widely`` says what would run, and ``compare_widely`` runs it in one study. So a run that two parts
need is made once. ``twin compare --all --suite`` prints the result.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field, replace
from pathlib import Path
from typing import Any

from twin.base.places import SCENARIOS
from twin.experiments.arms import BASELINE, Arm, arm_of, distinct
from twin.experiments.compare import compared, planned_runs
from twin.experiments.comparison import ComparisonPlan, PairedComparison
from twin.experiments.opened import StudySettings, open_study
from twin.experiments.robustness import Robustness, robustness
from twin.experiments.screening import NoWorlds
from twin.experiments.study import Job, Study
from twin.experiments.suite import Suite, compare_suite
from twin.experiments.tables import Tabular
from twin.experiments.tournament import Sharing, Tournament, attributed, sharing, tournament, tournament_runs
from twin.model.changes import Variant
from twin.model.scenario import Scenario
from twin.spec import Problem, SpecError, load_defects, load_variant
from twin.spec.mitigations import is_unfit
from twin.spec.problems import argument_problem, did_you_mean

DEFECTS = SCENARIOS / "defects"
FAULTS = SCENARIOS / "faults"
VARIANTS = SCENARIOS / "variants"
SHARE_WORLDS = 8  # in which the loss is shared out: many subsets count for more than many worlds


@dataclass(frozen=True)
class WidePlan:
    """``comparison``: of the scenario ``base`` itself. ``mitigations``: the folder in which pairs are looked
    up. ``tournament``: whether the ``pairs`` best are paired, and the loss shared out (``shares``).
    ``others``: name → further scenario, and the arms that fit it. ``variants``: of the model."""

    base: Scenario
    comparison: ComparisonPlan
    mitigations: Path
    tournament: bool = False
    pairs: int = 0
    shares: Sharing | None = None
    others: Mapping[str, tuple[Scenario, tuple[Arm, ...]]] = field(default_factory=dict)
    variants: Mapping[str, Variant] = field(default_factory=dict)

    @property
    def parts(self) -> dict[str, int]:
        """Part of the work → how many runs are planned for it."""
        n, sides = self.comparison.worlds, 1 + len(self.comparison.arms)
        runs = {"mitigations": n * sides}
        if self.tournament:
            runs = dict(tournament_runs(sides - 1, n, self.pairs, self.shares))
        runs["other scenarios"] = n * sum(1 + len(arms) for _, arms in self.others.values())
        runs["variants"] = n * sides * len(self.variants)
        return {part: count for part, count in runs.items() if count}

    @property
    def known_jobs(self) -> dict[Job, int]:
        """A run of each side → in how many worlds it is planned. Pairs and shares are not known before."""
        plans = [self.comparison, *(replace(self.comparison, variant=name) for name in self.variants)]
        plans += [replace(self.comparison, scenario=s, arms=arms) for s, (_, arms) in self.others.items()]
        return {job: worlds for plan in plans for job, worlds in planned_runs(plan).items()}


@dataclass(frozen=True)
class WideComparison(Tabular):
    """``robust``: arm → how robust the claim about it is. ``unanswered``: variant → why it has no answer.
    ``folder``: of the study."""

    base: Scenario
    comparison: PairedComparison
    tournament: Tournament | None
    suite: Suite | None
    robust: Mapping[str, Robustness]
    unanswered: Mapping[str, str]
    folder: Path

    headings = PairedComparison.headings

    def __repr__(self) -> str:
        return f"WideComparison({self.comparison!r})"

    def summary(self) -> Iterator[tuple[object, ...]]:
        """The rows of ``table()``: those of the comparison."""
        return self.comparison.summary()

    def rows(self) -> Iterator[dict[str, Any]]:
        """Of the comparison, its pairs, the other scenarios; each baseline once."""
        yield from self.comparison.rows()
        if self.tournament and self.tournament.pairs:
            yield from (row for row in self.tournament.pairs.rows() if row["mitigation"] != BASELINE)
        for scenario, other in self.suite.by_scenario.items() if self.suite else ():
            if scenario != self.base.name:
                yield from other.rows()

    def as_json(self) -> dict[str, Any]:
        """As ``twin compare --json`` prints it."""
        document = (self.tournament or self.comparison).as_json()
        document = with_robustness(document, self.robust, self.unanswered)
        return document | ({"suite": self.suite.as_json()} if self.suite else {})


def with_robustness(
    document: dict[str, Any], robust: Mapping[str, Robustness], unanswered: Mapping[str, str]
) -> dict[str, Any]:
    """The document of a comparison, with how robust each claim is."""
    for arm in [*document["mitigations"], *document.get("pairs", ())]:
        if arm["name"] in robust:
            arm["robustness"] = robust[arm["name"]].as_json()
    return document | {"variants_unanswered": dict(unanswered)}


def compare_widely(plan: WidePlan, settings: StudySettings | None = None) -> WideComparison:
    """Run what is missing of the plan. Raises NoWorlds, WorkerLost, OtherStudy."""
    bases = {plan.base.name: plan.base, **{name: other for name, (other, _) in plan.others.items()}}
    runs = sum(plan.parts.values())
    with open_study(bases, settings, runs=runs, planned=plan.known_jobs, variants=plan.variants) as study:
        tournament = _tournament(study, plan) if plan.tournament else None
        found = tournament.singles if tournament else compared(study, plan.comparison)
        suite = None
        if plan.others:
            suite = compare_suite(study, found, {name: arms for name, (_, arms) in plan.others.items()})
            found = suite.by_scenario[plan.base.name]
            tournament = tournament and replace(tournament, singles=found)
        in_variants, unanswered = answers_in_variants(study, plan.comparison, plan.variants)
        folder = study.store.folder
    robust = robustness(found, plan.base, in_variants, plan.variants)
    if tournament and tournament.pairs:
        robust |= robustness(tournament.pairs, plan.base)
    return WideComparison(plan.base, found, tournament, suite, robust, unanswered, folder)


def _tournament(study: Study, plan: WidePlan) -> Tournament:
    def together(names: Sequence[str]) -> Arm:
        return arm_of("+".join(names), plan.base, plan.mitigations)

    found = tournament(study, plan.comparison, together, plan.pairs)
    if plan.shares is None:
        return found
    shares = plan.shares
    study.say(f"attribution: {len(shares.plan.players)} defects in {shares.worlds} worlds")
    return replace(found, attribution=attributed(study, plan.base.name, shares, found.singles.worlds))


def answers_in_variants(
    study: Study, plan: ComparisonPlan, variants: Iterable[str]
) -> tuple[dict[str, PairedComparison], dict[str, str]]:
    """(variant → the same comparison in it; variant → why it has no answer). Raises WorkerLost."""
    found: dict[str, PairedComparison] = {}
    unanswered: dict[str, str] = {}
    for name in variants:
        study.say(f"the same in the variant {name}")
        try:
            found[name] = compared(study, replace(plan, variant=name))
        except NoWorlds as error:
            unanswered[name] = str(error)
            study.say(f"{name}: no answer: {error}")
    return found, unanswered


# --- what may take part ---------------------------------------------------------


def fitting_arms(
    asked: Iterable[str | Path], base: Scenario, folder: Path, say: Callable[[str], None] = lambda text: None
) -> tuple[Arm, ...]:
    """The arms that fit a scenario and change something in it. ``say`` hears of the others.

    A mitigation of another scenario's script does not fit. Raises SpecError for a file that is wrong in
    itself, ValueError for two different arms of one name.
    """
    arms: list[tuple[object, Arm]] = []
    wrong: list[Problem] = []
    for text in asked:
        try:
            arm = arm_of(text, base, folder)
        except SpecError as error:
            wrong += [p for p in error.problems if not is_unfit(p)]
            say(f"{base.name}: left out, as it does not fit: {text} ({error.problems[0]})")
            continue
        if any(not v.is_empty for v in arm.variations):
            arms.append((text, arm))
    if wrong:
        raise SpecError(wrong)
    return distinct(arms)


def every_arm(
    base: Scenario, folder: Path, say: Callable[[str], None] = lambda text: None
) -> tuple[Arm, ...]:
    """An arm for each mitigation of a folder that fits. Raises ValueError for none, SpecError."""
    files = sorted(file.stem for file in folder.glob("*.yaml"))
    if not files:
        raise ValueError(f"{folder}: no mitigation in this folder")
    arms = fitting_arms(files, base, folder, say)
    if not arms:
        raise ValueError(f"none of the mitigations of {folder} changes anything that {base.name} has")
    return arms


def loss_sharing(base: Scenario, budget: int, worlds: int) -> Sharing | None:
    """The plan to divide the scenario's loss among its defects with ``budget`` runs.

    None for a budget of 0 or a scenario without a file of defects. Raises SpecError, ValueError.
    """
    path = DEFECTS / f"{base.name}.yaml"
    if not budget or not path.is_file():
        return None
    removed_by = {d.name: d.removed_by for d in load_defects(path, base).defects}

    def without(gone: Iterable[str]) -> Arm:
        return arm_of("+".join(m for d in gone for m in removed_by[d]) or BASELINE, base)

    worlds = min(SHARE_WORLDS, worlds)
    try:
        return sharing(tuple(removed_by), without, budget, worlds, base.seed)
    except ValueError as error:
        raise ValueError(f"{error}, in {worlds} worlds each") from None


def fault_files(but: str) -> dict[str, Path]:
    """Name → file of each fault scenario but the one named."""
    return {path.stem: path for path in sorted(FAULTS.glob("*.yaml")) if path.stem != but}


def variants_of(
    base: Scenario, say: Callable[[str], None] = lambda text: None, which: str = "all"
) -> dict[str, Variant]:
    """Name → variant of the model. ``which``: 'all' that fit the scenario, 'none', or 'NAME,NAME'.

    With 'all', ``say`` hears which do not fit. Raises SpecError for a file that is wrong in itself, for an
    unknown name, and for a named variant that does not fit.
    """
    files = {file.stem: file for file in sorted(VARIANTS.glob("*.yaml"))}
    if which == "none":
        return {}
    if which != "all":
        return {v.name: v for v in (load_variant(_file_of(n.strip(), files), base) for n in which.split(","))}
    found: dict[str, Variant] = {}
    unfit = []
    for name, file in files.items():
        try:
            found[name] = load_variant(file, base)
        except SpecError as error:
            if wrong := [p for p in error.problems if not is_unfit(p)]:
                raise SpecError(wrong) from None
            unfit.append(name)
    if unfit:
        say(f"{base.name}: variants left out, as they do not fit: {', '.join(unfit)}")
    return found


def _file_of(name: str, files: Mapping[str, Path]) -> Path:
    if name not in files:
        expected = "all, none, or names of variants"
        raise argument_problem("variants", f"'{name}'", expected, did_you_mean(name, files))
    return files[name]
