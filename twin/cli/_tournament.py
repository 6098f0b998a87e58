"""twin compare --all: every mitigation, the best pairs, and the share of each defect in the loss."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from pathlib import Path
from typing import TYPE_CHECKING

import click

from twin.base.places import SCENARIOS
from twin.cli import _show as show
from twin.cli._command import headed_option
from twin.cli._errors import BadInput
from twin.cli._options import all_option
from twin.cli._suite import fitting

if TYPE_CHECKING:
    from twin.experiments.arms import Arm
    from twin.experiments.comparison import ComparisonPlan
    from twin.experiments.study import Study
    from twin.experiments.tournament import Sharing, Tournament
    from twin.model.changes import Defects
    from twin.model.scenario import Scenario

DEFECTS = SCENARIOS / "defects"
SHARE_WORLDS = 8  # in which the loss is shared out: many subsets count for more than many worlds

all_options = (
    all_option,
    headed_option(
        "--pairs", type=click.IntRange(0, 40), default=4, show_default=True, metavar="N",
        help="With --all: test all pairs of the N best mitigations.",
    ),
    headed_option(
        "--attribution", type=click.IntRange(0, 10_000_000), default=480, show_default=True, metavar="N",
        help="With --all: runs to compute how much each defect adds to the loss; 0 for none.",
    ),
)  # fmt: skip


def everything(base: Scenario, folder: Path) -> tuple[Arm, ...]:
    """An arm for each mitigation of a folder that changes something that the scenario has. Raises
    BadInput."""
    files = sorted(file.stem for file in folder.glob("*.yaml"))
    if not files:
        raise BadInput(f"{folder}: no mitigation in this folder")
    arms = fitting(files, base, folder)
    if not arms:
        raise BadInput(f"none of the mitigations of {folder} changes anything that {base.name} has")
    return arms


def defects_of(base: Scenario) -> Defects | None:
    """The defects that share the scenario's loss; None without a file of them. Raises SpecError."""
    from twin.spec import load_defects

    path = DEFECTS / f"{base.name}.yaml"
    return load_defects(path, base) if path.is_file() else None


def sharing_of(base: Scenario, budget: int, replicates: int) -> Sharing | None:
    """The plan to divide the scenario's loss among its defects with ``budget`` runs.

    None for a budget of 0 or a scenario without a file of defects. Raises SpecError, BadInput.
    """
    from twin.experiments.arms import BASELINE, arm_of
    from twin.experiments.tournament import sharing

    defects = defects_of(base) if budget else None
    if defects is None:
        return None
    mitigations = {d.name: d.removed_by for d in defects.defects}

    def without(gone: Iterable[str]) -> Arm:
        return arm_of("+".join(m for d in gone for m in mitigations[d]) or BASELINE, base)

    worlds = min(SHARE_WORLDS, replicates)
    try:
        return sharing(tuple(mitigations), without, budget, worlds, base.seed)
    except ValueError as error:
        raise BadInput(f"--attribution: {error}, in {worlds} worlds each") from None


def runs_of(arms: int, replicates: int, pairs: int, shares: Sharing | None) -> int:
    """How many runs it may take; says of what."""
    from twin.experiments.tournament import tournament_runs

    parts = dict(tournament_runs(arms, replicates, pairs, shares))
    show.say(", ".join(f"{what}: {n} runs" for what, n in parts.items()) + ", at most")
    return sum(parts.values())


def hold(study: Study, plan: ComparisonPlan, folder: Path, pairs: int, shares: Sharing | None) -> Tournament:
    """The whole of it. Raises NoWorlds, WorkerLost."""
    from dataclasses import replace

    from twin.experiments.arms import arm_of
    from twin.experiments.tournament import attributed, tournament

    base = study.setting.bases[plan.scenario]

    def together(names: Sequence[str]) -> Arm:
        return arm_of("+".join(names), base, folder)

    found = tournament(study, plan, together, pairs)
    if shares is None:
        return found
    show.say(f"attribution: {len(shares.plan.players)} defects in {shares.worlds} worlds")
    return replace(found, attribution=attributed(study, plan.scenario, shares, found.singles.worlds))


def show_tournament(found: Tournament) -> None:
    """What the tournament adds to the table of singles."""
    if found.pairs is not None:
        from twin.cli.compare import show_comparison

        click.echo("\nPairs")
        show_comparison(found.pairs)
    _front(found)
    _interactions(found)
    _shares(found)
    if found.clashing:
        show.prose(f"Contradict each other: {', '.join(found.clashing)}")


def _front(found: Tournament) -> None:
    from twin.experiments.tournament import cost_class
    from twin.results.metrics import PRIMARY

    click.echo("\nPareto front: no other is both better and in a cheaper class")
    by_name = {a.arm.name: a for a in found.arms}
    rows = []
    for name in found.front:
        d = by_name[name].difference[PRIMARY]
        rows.append((name, cost_class(by_name[name].arm), f"{d.mean:+.0f} [{d.low:+.0f}, {d.high:+.0f}]"))
    show.table(("mitigation", "cost class", "service-minutes"), rows)


def _interactions(found: Tournament) -> None:
    if found.interactions:
        click.echo("\nEffect of pairs beyond the sum of their parts, in service-minutes")
        rows = [
            (name, i.verdict(p), f"{i.contrast.mean:+.0f} [{i.contrast.low:+.0f}, {i.contrast.high:+.0f}]")
            for name, (i, p) in found.interactions.items()
        ]
        show.table(("pair", "verdict", "beyond"), rows)
    if found.pairs is not None:
        click.echo("Singles, pairs, and interactions are three families of tests. In at most one of twenty\n"
                   "such tournaments a family finds a difference where there is none.")  # fmt: skip


def _shares(found: Tournament) -> None:
    if found.attribution is None:
        return
    a = found.attribution
    how = "all subsets" if a.exact else f"{a.orders} orders"
    whole = a.whole.mean
    click.echo()
    show.prose(f"Shares in the loss: {whole:.0f} service-minutes (Shapley; {how}, {a.worlds} worlds)")
    rows = [
        (name, f"{e.mean:.0f} [{e.low:.0f}, {e.high:.0f}]", f"{e.mean / whole:.0%}" if whole else "")
        for name, e in sorted(a.shares.items(), key=lambda pair: -pair[1].mean)
    ]
    show.table(("defect", "service-minutes", "share"), rows)
