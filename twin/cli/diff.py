"""twin diff."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING

import click

from twin.cli import _show as show
from twin.cli._command import command
from twin.cli._options import open_named_run, out_option, output_options

if TYPE_CHECKING:
    from twin.results.diff import ServiceChange
    from twin.results.impact import ServiceImpact

COLUMNS = ("service", "lost", "change", "onset", "→", "recovery", "→ ")
TOTALS = ("service_minutes_lost", "peak_impaired", "services_impaired", "not_recovered")


@command("diff", "twin diff 3f9c last", "twin diff 3f9c 81d0 --json")
@click.argument("base")
@click.argument("run")
@out_option
@output_options
def diff_command(base: str, run: str, out: Path, as_json: bool) -> None:
    """Compare the run RUN with the run BASE: which services failed, and how long.

    Shows the changed inputs. Then minutes lost, onset (when it began to fail) and recovery of each service.
    """
    found = open_named_run(run, out).diff(open_named_run(base, out))
    if as_json:
        show.document(found.as_json())
        return
    click.echo(f"base {found.base_id}  run {found.run_id}")
    for change in found.inputs or ["the inputs are the same"]:
        click.echo(f"  {change}")
    for name in TOTALS:
        before, after = getattr(found.base, name), getattr(found.run, name)
        click.echo(f"{name.replace('_', ' ')}: {before:g} → {after:g}")
    click.echo()
    rows = [_row(change) for change in found.services if change.base != change.run]
    show.table(COLUMNS, rows, numbers=COLUMNS[1:3])
    if same := len(found.services) - len(rows):
        click.echo(f"The same in both: {show.counted(same, 'service')}.")
    click.echo("Minutes lost in the base, and the change; day and time in the base → in the run.")


def _row(change: ServiceChange) -> tuple[str, ...]:
    moments = (_local(side, name) for name in ("onset", "recovery") for side in (change.base, change.run))
    return change.service, show.minutes(change.lost_min[0]), f"{change.change_min:+.1f}", *moments


def _local(side: ServiceImpact | None, name: str) -> str:
    at = getattr(side, name) if side else None
    return f"{at:%d %H:%M}" if at else "never" if side else "–"
