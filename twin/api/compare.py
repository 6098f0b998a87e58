"""``twin.compare``: mitigations beside the baseline, and the page of the result."""

from __future__ import annotations

import warnings
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, field, fields
from math import isfinite
from pathlib import Path
from typing import Any

from twin.experiments.arms import Arm, arms_of, with_people
from twin.experiments.compare import WITHIN_S, warning
from twin.experiments.comparison import ComparisonPlan, PairedComparison
from twin.experiments.opened import StudySettings, settings_with
from twin.experiments.robustness import Robustness
from twin.experiments.wide_comparison import WidePlan, compare_widely, variants_of, with_robustness
from twin.model.scenario import Scenario
from twin.spec.arguments import check_counts
from twin.spec.library import load
from twin.spec.mitigations import MITIGATIONS_FOLDER
from twin.spec.problems import Problem, SpecError, argument_problem, did_you_mean, shown


@dataclass(frozen=True, repr=False)
class Comparison(PairedComparison):
    """Baseline and mitigations in the same realizations: ``table()``, ``frame()``, ``to_html(path)``.

    ``robust``: mitigation → how robust the claim about it is, and what it hangs on. ``unanswered``: variant
    of the model → why it has no answer.
    """

    robust: Mapping[str, Robustness] = field(default_factory=dict)
    unanswered: Mapping[str, str] = field(default_factory=dict)

    def as_json(self) -> dict[str, Any]:
        """As ``twin compare --json`` prints it."""
        return with_robustness(super().as_json(), self.robust, self.unanswered)

    def to_html(self, path: Path | str) -> None:
        """Write the page of the comparison to a file. Needs the extra ``report``. Raises OSError."""
        from twin.report.report import write_comparison

        write_comparison(self, self.robust, Path(path))


def compare(
    scenario: str | Path | Scenario, mitigate: str | Path | Sequence[str | Path | Arm], worlds: int = 64, *,
    target: str = "", within_s: float = WITHIN_S, weights: Mapping[str, float] | None = None,
    draws: bool = True, interim: bool = True, responders: str | None = "drawn", variants: str = "all",
    mitigations: Path | str = MITIGATIONS_FOLDER, runner: str = "auto", actors: int = 2,
    address: str | None = None, study: Path | str | None = None, settings: StudySettings | None = None,
) -> Comparison:  # fmt: skip
    """Compare mitigations in ``worlds`` realizations of a scenario: its name, its file, or a loaded one.

    ``mitigate``: names of mitigations in the folder ``mitigations``, or files; 'A+B' is both at once.
    ``target``: the service whose minutes lost are the primary metric, if not all that customers see.
    ``responders``: how people act where the scenario can say it; None leaves the scenario as it is.
    ``variants`` of the model that repeat the comparison: 'all' that fit, 'none', or 'NAME,NAME'. The rest is
    as in ``ComparisonPlan``.

    ``runner``: "inline", "process" (``actors`` processes), "ray" (``actors`` actors on the cluster at
    ``address``, or on a local one) or "auto". ``study``: the folder that keeps the runs, so that the same
    call goes on from there. ``settings``: all of these in one, with a reporter.

    Warns (UserWarning) if no difference could be significant in so few worlds. Raises SpecError, NoWorlds,
    WorkerLost, OtherStudy.
    """
    where = settings_with(settings, runner, actors, address, study)
    base = with_people(load(scenario), responders)
    _check(base, worlds, target, within_s, weights or {})
    arms = _arms(mitigate, base, Path(mitigations))
    plan = ComparisonPlan(base.name, arms, worlds, within_s, weights or {}, draws, "", interim, 1, target)
    if too_few := warning(plan):
        warnings.warn(too_few, stacklevel=2)
    wide = WidePlan(base, plan, Path(mitigations), variants=variants_of(base, which=variants))
    found = compare_widely(wide, where)
    kept = {f.name: getattr(found.comparison, f.name) for f in fields(found.comparison)}
    return Comparison(**kept, robust=found.robust, unanswered=found.unanswered)


def _check(base: Scenario, worlds: int, target: str, within_s: float, weights: Mapping[str, float]) -> None:
    """Raises SpecError for a number or a name that no comparison of ``base`` can have."""
    check_counts(1, worlds=worlds)
    if not _is_number(within_s) or within_s <= 0:
        raise argument_problem("within_s", shown(within_s), "a time in seconds, above 0")
    if not isinstance(weights, Mapping):
        raise argument_problem("weights", shown(weights), "a mapping from a service to its weight")
    wrong = [p for name, weight in weights.items() for p in _weight_problems(base, name, weight)]
    if target and target not in base.topology.services:
        wrong.append(_no_service("target", target, base))
    if wrong:
        raise SpecError(wrong)


def _weight_problems(base: Scenario, name: str, weight: float) -> Iterator[Problem]:
    where = f'weights["{name}"]'
    if name not in base.topology.services:
        yield _no_service(where, name, base)
    if not _is_number(weight) or weight < 0:
        yield Problem(where, 0, 0, "", shown(weight), "a number, 0 or more")


def _is_number(value: object) -> bool:
    return isinstance(value, int | float) and not isinstance(value, bool) and isfinite(value)


def _no_service(argument: str, name: str, base: Scenario) -> Problem:
    services = base.topology.services
    expected = f"a service of {base.topology.name}"
    return Problem(argument, 0, 0, "", shown(name), expected, did_you_mean(name, services))


def _arms(
    mitigate: str | Path | Arm | Sequence[str | Path | Arm], base: Scenario, folder: Path
) -> tuple[Arm, ...]:
    """The arms of an argument. Raises SpecError."""
    sides = [mitigate] if isinstance(mitigate, str | Path | Arm) else mitigate
    if not isinstance(sides, Sequence) or not all(isinstance(side, str | Path | Arm) for side in sides):
        raise argument_problem("mitigate", shown(mitigate), "a mitigation, or a list of them")
    if not sides:
        hint = "twin list mitigations shows them"
        raise argument_problem("mitigate", "an empty list", "one mitigation or more", hint)
    try:
        return arms_of(sides, base, folder)
    except ValueError as error:
        raise argument_problem("mitigate", str(error), "different changes under different names") from None
