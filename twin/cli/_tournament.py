"""twin compare --all: every mitigation, the best pairs, and the share of each defect in the loss."""

from __future__ import annotations

from typing import TYPE_CHECKING

import click

from twin.cli import _show as show
from twin.cli._command import headed_option
from twin.cli._options import all_option

if TYPE_CHECKING:
    from twin.experiments.tournament import Tournament

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
    how = "all subsets" if a.exact else show.counted(a.orders, "order")
    whole = a.whole.mean
    click.echo()
    show.prose(
        f"Shares in the loss: {whole:.0f} service-minutes (Shapley; {how}, {show.counted(a.worlds, 'world')})"
    )
    rows = [
        (name, f"{e.mean:.0f} [{e.low:.0f}, {e.high:.0f}]", f"{e.mean / whole:.0%}" if whole else "")
        for name, e in sorted(a.shares.items(), key=lambda pair: -pair[1].mean)
    ]
    show.table(("defect", "service-minutes", "share"), rows)
