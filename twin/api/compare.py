"""``twin.compare``: mitigations beside the baseline, and the page of the result."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from pathlib import Path

from twin.experiments.arms import Arm, arms_of, with_people
from twin.experiments.compare import WITHIN_S, compared
from twin.experiments.comparison import ComparisonPlan, PairedComparison
from twin.experiments.opened import StudySettings, open_study
from twin.model.scenario import Scenario
from twin.spec.library import load
from twin.spec.mitigations import FOLDER
from twin.spec.problems import argument_problem, did_you_mean


class Comparison(PairedComparison):
    """Baseline and mitigations in the same realizations: ``table()``, ``frame()``, ``to_html(path)``."""

    def to_html(self, path: Path | str) -> None:
        """Write the page of the comparison to a file. Needs the extra ``report``. Raises OSError."""
        from twin.report.report import write_comparison

        write_comparison(self, Path(path))


def compare(
    scenario: str | Path | Scenario, mitigate: str | Path | Sequence[str | Path | Arm], worlds: int = 64, *,
    target: str = "", within_s: float = WITHIN_S, weights: Mapping[str, float] | None = None,
    draws: bool = True, interim: bool = True, responders: str | None = "drawn", mitigations: Path = FOLDER,
    settings: StudySettings | None = None,
) -> Comparison:  # fmt: skip
    """Compare mitigations in ``worlds`` realizations of a scenario: its name, its file, or a loaded one.

    ``mitigate``: names of mitigations in the folder ``mitigations``, or files; 'A+B' is both at once.
    ``target``: the service whose minutes lost are the primary metric, if not all that customers see.
    ``responders``: how people act where the scenario can say it; None leaves the scenario as it is. The rest
    is as in ``ComparisonPlan``; ``settings``: on which workers, and in which folder. Raises SpecError,
    ValueError, NoWorlds, WorkerLost, OtherStudy.
    """
    base = with_people(load(scenario), responders)
    if target and target not in base.topology.services:
        hint = did_you_mean(target, base.topology.services)
        raise argument_problem("target", f"'{target}'", f"a service of {base.topology.name}", hint)
    sides = [mitigate] if isinstance(mitigate, str | Path) else mitigate
    arms = arms_of(sides, base, mitigations)
    plan = ComparisonPlan(base.name, arms, worlds, within_s, weights or {}, draws, "", interim, 1, target)
    with open_study({base.name: base}, settings, runs=worlds * (1 + len(arms))) as study:
        return Comparison(**vars(compared(study, plan)))
