"""What a run came to, as twin run and twin replay say it."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import click

from twin.cli import _show as show
from twin.cli._errors import Missed

if TYPE_CHECKING:
    from twin.api.run import Run
    from twin.results.expectations import Verdict

TOP = 15  # services that a summary lists


def damage(run: Run) -> tuple[dict[str, Any], list[dict[str, Any]]]:
    """Totals, and every service that was impaired, the worst first; moments are ticks."""
    with run.tables() as tables:
        (totals,) = tables.rows("from totals")
        rows = tables.rows("select * from impact order by lost_min desc, impaired_min desc, service")
    return totals, rows


def as_document(run: Run, verdicts: list[Verdict]) -> dict[str, Any]:
    """What twin run --json prints."""
    clock = show.Clock(run.manifest)
    totals, rows = damage(run)
    totals["last_recovery"] = clock.iso(totals.pop("last_recovery_tick"))
    return {
        **{
            key: run.manifest[key]
            for key in ("run_id", "digest", "runner", "engine_seconds", "scenario", "seed")
        },
        "folder": str(run.folder),
        "notes": run.manifest["notes"],
        "totals": totals,
        "services": [
            {
                "service": r.pop("service"),
                "onset": clock.iso(r.pop("onset_tick")),
                "recovery": clock.iso(r.pop("recovery_tick")),
                **r,
            }
            for r in rows
        ],
        "expectations": [{"expect": v.words, "held": v.held, "at": clock.iso(v.at_tick)} for v in verdicts],
    }


def summary(run: Run, verdicts: list[Verdict]) -> None:
    """What twin run prints for people."""
    manifest, clock = run.manifest, show.Clock(run.manifest)
    click.echo(manifest["title"] or manifest["scenario"])
    spent = f"{manifest['engine_seconds']:.1f} s of engine time, {manifest['runner']}"
    click.echo(f"run {run.run_id} in {run.folder}   ({spent})")
    for note in manifest["notes"]:
        click.echo(f"note: {note}")
    totals, rows = damage(run)
    click.echo(f"\n{totals_line(totals, clock)}\n")
    blast(run, rows, clock)
    for v in verdicts:
        word = {True: "held", False: "MISSED", None: "not reached"}[v.held]
        at = f", first at {clock.local(v.at_tick)}" if v.at_tick is not None else ""
        click.echo(f"expect {v.words}: {word}{at}")


def totals_line(totals: dict[str, Any], clock: show.Clock) -> str:
    """'512 service-minutes lost; 30 services impaired, 28 at the peak; the last recovered …'."""
    end = "no trouble to recover from"
    if totals["not_recovered"]:
        end = f"{totals['not_recovered']} not recovered at the end"
    elif totals["last_recovery_tick"] is not None:
        end = f"the last recovered {clock.local(totals['last_recovery_tick'])}"
    return (
        f"{totals['service_minutes_lost']:.0f} service-minutes lost; "
        f"{totals['services_impaired']} services impaired, {totals['peak_impaired']} at the peak; {end}"
    )


def blast(run: Run, rows: list[dict[str, Any]], clock: show.Clock) -> None:
    """The services that were impaired, the worst first."""
    if not rows:
        click.echo("No service was impaired.")
        return
    columns = ("service", "onset", "recovery", "impaired min", "lost min", "peak errors")
    show.table(
        columns,
        [
            (
                r["service"],
                clock.local(r["onset_tick"]),
                clock.local(r["recovery_tick"]) or "never",
                show.minutes(r["impaired_min"]),
                show.minutes(r["lost_min"]),
                f"{r['peak_error_ratio']:.0%}",
            )
            for r in rows[:TOP]
        ],
        numbers=columns[3:],
    )
    if len(rows) > TOP:
        click.echo(f"… and {len(rows) - TOP} more: twin query {run.run_id[:8]} 'from impact'")
    click.echo(
        f"Times are {clock.start:%Z} of {clock.start:%Y}. Why: twin why {run.run_id[:8]} {rows[0]['service']}"
    )


def require(verdicts: list[Verdict]) -> None:
    missed = [v.words for v in verdicts if v.held is False]
    if missed:
        raise Missed("; ".join(missed))
