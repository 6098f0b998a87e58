"""twin run and twin replay."""

from __future__ import annotations

import json
import os
from dataclasses import replace
from pathlib import Path
from typing import TYPE_CHECKING, Any

import click

from twin.cli import forking, show
from twin.cli.errors import BadInput, Missed
from twin.cli.executing import execute, progress
from twin.cli.options import change_options, examples, load, run_options

if TYPE_CHECKING:
    from twin.model.scenario import Scenario
    from twin.results.expectations import Verdict
    from twin.simulation.run import Run
    from twin.validation.score import Scorecard

TOP = 15  # services that a summary lists
SCORECARD = "scorecard.json"  # in the run's folder, beside the rows that it judges; no part of their digest


@click.command(
    epilog=examples(
        "twin run scenarios/us-east-1-2025-10-20.yaml",
        "twin run us-east-1-2025-10-20 --set sts.capacity_per_s=500/s --until +6h",
        "twin run us-east-1-2025-10-20 --drop ID --with my-services.yaml --json",
        "twin explore --json > race.json && twin run us-east-1-2025-10-20 --trace race.json",
        "twin run us-east-1-2025-10-20 --fork last@+4h25m --set dwfm.admission_ratio=0.5",
    )
)
@click.argument("scenario")
@change_options
@click.option(
    "--trace",
    metavar="FILE",
    type=click.Path(path_type=Path),
    help="Drive the endpoint's automation through this trace of twin explore --json.",
)
@click.option("--trace-at", metavar="TIME", help="First move of the trace: ISO 8601 with zone, or +2h.")
@click.option(
    "--fork",
    "left",
    metavar="RUN@TIME",
    help="Take up a finished run of SCENARIO at this time; the other options change what follows.",
)
@run_options
def run(
    scenario: str, as_json: bool, trace: Path | None, trace_at: str | None, left: str | None, **options: Any
) -> None:  # fmt: skip
    """Step SCENARIO (a file, or a name in scenarios/) to its end and say what broke, when, for how long.

    Writes a run: a folder with two Parquet tables and a manifest. Exit code 1 if an expect: of the scenario
    was missed.
    """
    from twin.results.expectations import judge

    if left is None:
        loaded = scripted(load(scenario, options), trace, trace_at)
        done = execute(loaded, options)
    elif trace is not None or trace_at is not None:
        raise BadInput("--trace: not with --fork, as the past was made without")
    else:
        loaded, done = forking.execute(scenario, left, options)
    verdicts = judge(loaded, done)
    if as_json:
        show.document(as_document(done, verdicts))
    else:
        summary(done, verdicts)
    _require(verdicts)


@click.command(
    epilog=examples(
        "twin replay scenarios/us-east-1-2025-10-20.yaml",
        "twin replay us-east-1-2025-10-20 --runner ray --actors 2",
        "twin replay us-east-1-2025-10-20 --draws 64 --json > score.json",
    )
)
@click.argument("scenario")
@change_options
@run_options
@click.option(
    "--draws",
    type=click.IntRange(0, 100_000),
    default=0,
    show_default=True,
    help="Size of the ensemble, every unsourced number drawn from its range, that gives the coverage.",
)
@click.option(
    "--fail-under",
    type=click.FloatRange(0, 100),
    metavar="PERCENT",
    help="Exit code 1 unless so many of the predicted outcomes are within 44 minutes.",
)
def replay(scenario: str, as_json: bool, draws: int, fail_under: float | None, **options: Any) -> None:
    """Run SCENARIO and score it against the timeline that it names as published.

    Every published outcome is classed imposed, fitted or predicted, beside a baseline without feedback. An
    outcome that the twin misses is no failure; a missed expect: or --fail-under is, with exit code 1.
    """
    from twin.results.expectations import judge
    from twin.validation import score_text

    loaded = load(scenario, options)
    if loaded.published is None:
        raise BadInput(f"{scenario}: no published: timeline to score against; use twin run")
    done = execute(loaded, options)
    verdicts = judge(loaded, done)
    card = score_of(loaded, done, draws)
    keep(card, done)
    if as_json:
        show.document(card.as_json())
    else:
        summary(done, verdicts)
        score_text.render(card, show.console())
    _require(verdicts)
    _require_score(card.summary()["predicted"]["within_44_min_share"], fail_under)


def scripted(scenario: Scenario, trace: Path | None, at: str | None) -> Scenario:
    """The scenario with the trace in place of what makes its automation fail. Raises BadInput, SpecError."""
    if trace is None:
        if at is not None:
            raise BadInput("--trace-at says when a trace begins: give it with --trace FILE")
        return scenario
    from twin.analysis.dns_race.traces import script

    return script(scenario, trace, at)


def score_of(scenario: Scenario, run: Run, draws: int) -> Scorecard:
    """The scorecard, with an ensemble of ``draws`` runs if that is not 0."""
    from twin.validation.ensemble import ensemble
    from twin.validation.score import score

    with progress(1, "scoring, with a baseline beside it"):
        card = score(scenario, run)
    if not draws:
        return card
    predicted = [row.outcome.id for row in card.rows if row.sort == "predicted"]
    with progress(draws, "draws") as tick:
        found = ensemble(scenario, draws, seed=run.manifest["seed"], predicted=predicted, progress=tick)
    return replace(card, ensemble=found)


def keep(card: Scorecard, run: Run) -> None:
    """Leave the scorecard in the run's folder, where the page finds it."""
    if run.folder is None:
        return
    partial = run.folder / f".{SCORECARD}"
    partial.write_text(json.dumps(card.as_json(), indent=1) + "\n")
    os.replace(partial, run.folder / SCORECARD)


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


def _require(verdicts: list[Verdict]) -> None:
    missed = [v.words for v in verdicts if v.held is False]
    if missed:
        raise Missed("; ".join(missed))


def _require_score(share: float | None, fail_under: float | None) -> None:
    """``share`` of the predicted outcomes is within 44 minutes; None if there are no predicted outcomes."""
    if fail_under is None:
        return
    if share is None:
        raise BadInput("--fail-under: no predicted outcome lies within this run, so it holds for nothing")
    if 100 * share < fail_under:
        found = f"{100 * share:.0f} % of the predicted outcomes are within 44 minutes"
        raise Missed(f"{found}, wanted {fail_under:g} %")
