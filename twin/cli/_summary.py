"""What a run came to, as twin run and twin replay say it."""

from __future__ import annotations

from collections.abc import Sequence
from typing import TYPE_CHECKING, Any

import click

from twin.cli import _show as show
from twin.cli._errors import Missed

if TYPE_CHECKING:
    from twin.api.run import Run
    from twin.model.scenario import Scenario
    from twin.results.expectations import ExpectationCheck
    from twin.results.impact import Impact, ServiceImpact
    from twin.results.losses import ServiceLoss

TOP = 15  # services that a summary lists
COLUMNS = ("service", "onset", "recovery", "impaired", "lost", "errors")
ABOUT = ("run_id", "digest", "runner", "engine_seconds", "scenario", "seed")


def as_document(run: Run, expected: Sequence[ExpectationCheck]) -> dict[str, Any]:
    """What twin run --json prints."""
    clock = show.Clock(run.manifest)
    holds = {"held": True, "missed": False, "not reached": None}
    return {
        **{key: run.manifest[key] for key in ABOUT},
        "folder": str(run.folder),
        "notes": run.manifest["notes"],
        **run.impact().as_json(),
        "expectations": [
            {"expect": e.text, "held": holds[e.state], "at": clock.iso(e.at_tick)} for e in expected
        ],
    }


def summary(run: Run, expected: Sequence[ExpectationCheck]) -> None:
    """What twin run prints for people."""
    manifest, clock, impact = run.manifest, show.Clock(run.manifest), run.impact()
    click.echo(manifest["title"] or manifest["scenario"])
    spent = f"{manifest['engine_seconds']:.1f} s of engine time, {manifest['runner']}"
    click.echo(f"run {run.run_id}   ({spent})\nin {run.folder}")
    for note in manifest["notes"]:
        show.prose(f"note: {note}")
    click.echo()
    show.prose(str(impact))
    click.echo()
    _blast_radius(run, impact)
    for unreached in impact.unreachable:
        show.prose(str(unreached))
    for e in expected:
        word = "MISSED" if e.state == "missed" else e.state
        at = f", first at {clock.local(e.at_tick)}" if e.at_tick is not None else ""
        show.prose(f"expect {e.text}: {word}{at}")


def losses(run: Run, scenario: Scenario) -> None:
    """What failed and what was late, by phase, each service in its own unit; and the one sum."""
    from twin.results.losses import losses_of

    found = losses_of(run, scenario)
    if not found.services:
        return
    phases = list(dict.fromkeys(each.phase for each in found.services))
    of_each: dict[tuple[str, str], dict[str, ServiceLoss]] = {}
    for each in found.services:
        of_each.setdefault((each.service, each.unit), {})[each.phase] = each
    columns = [f"{phase}: {word}" for phase in phases for word in ("failed", "late")]
    rows = [(*key, *(c for p in phases for c in _loss_cells(by.get(p)))) for key, by in of_each.items()]
    click.echo("\nLosses: failed of those asked, retries included; late: waited for more than a minute")
    show.table(("service", "unit", *columns), sorted(rows), numbers=columns)
    sums = (f"{r.phase}: {r.failed:,.0f} ({r.failed / max(r.asked, 1):.1%})" for r in found.requests)
    show.prose("Requests of customers that failed, in " + "; ".join(sums) + ".")


def _loss_cells(loss: ServiceLoss | None) -> tuple[str, str]:
    if loss is None:
        return "", ""
    late = f"{loss.late:,.0f}" if loss.late else ""
    return (f"{loss.failed:,.0f} ({loss.failed_ratio:.0%})" if loss.failed >= 0.5 else ""), late


def _blast_radius(run: Run, impact: Impact) -> None:
    """The services that were impaired, the worst first."""
    if not impact.services:
        click.echo("No service was impaired.")
        return
    rows = [
        (s.service, f"{s.onset:%d %b %H:%M}", _ends(s), show.minutes(s.impaired_min),
         show.minutes(s.lost_min), f"{s.peak_error_ratio:.0%}")
        for s in impact.services[:TOP]
    ]  # fmt: skip
    show.table(COLUMNS, rows, numbers=COLUMNS[3:])
    name, start, more = run.run_id[:8], show.Clock(run.manifest).start, len(impact.services) - TOP
    if more > 0:
        click.echo(f"… and {more} more: twin query {name} 'from impact'")
    click.echo(f"Times are {start:%Z} of {start:%Y}; impaired and lost: minutes; errors: at most.")
    click.echo(f"Why: twin why {name} {impact.services[0].service}")


def _ends(s: ServiceImpact) -> str:
    return f"{s.recovery:%d %b %H:%M}" if s.recovery else s.ends


def require(expected: Sequence[ExpectationCheck]) -> None:
    """Raises Missed with every expectation that was missed."""
    missed = [e.text for e in expected if e.state == "missed"]
    if missed:
        raise Missed("; ".join(missed))
