"""twin why, twin diff, twin query: questions to finished runs."""

from __future__ import annotations

import sys
from collections.abc import Mapping
from datetime import datetime
from pathlib import Path
from typing import TYPE_CHECKING, Any

import click

from twin.cli import show
from twin.cli.errors import BadInput
from twin.cli.options import debug_option, examples, json_option, open_run, out_option

if TYPE_CHECKING:
    from twin.simulation.run import Run

ROWS = 1000  # of an answer that a table for people shows
TOTALS = ("service_minutes_lost", "peak_impaired", "services_impaired", "not_recovered")


@click.command(
    epilog=examples(
        "twin why last sts",
        "twin why 3f9c lambda-invoke --at 2025-10-20T06:30:00-07:00",
        "twin why last sts --at +4h --json",
    )
)
@click.argument("run")
@click.argument("service")
@click.option("--at", metavar="TIME", help="The last onset at or before this time; without it, the first.")
@out_option
@json_option
@debug_option
def why(run: str, service: str, at: str | None, out: Path, as_json: bool) -> None:
    """Why SERVICE broke in RUN: the chain of causes, back to the first."""
    from twin.results.causes import chain_of

    opened = open_run(run, out)
    found = chain_of(opened, service, _tick_of(opened, at))
    if as_json:
        show.document(found.as_json())
    else:
        for line in found.lines():
            click.echo(line)


def _tick_of(run: Run, at: str | None) -> int | None:
    from twin.base import units

    if at is None:
        return None
    clock = show.Clock(run.manifest)
    try:
        return int(units.parse_time(at, clock.start) / clock.tick_s)
    except units.Refused as refused:
        raise BadInput(f"--at: found '{at}', {refused}") from None


@click.command(epilog=examples("twin diff 3f9c last", "twin diff 3f9c 81d0 --json"))
@click.argument("base")
@click.argument("run")
@out_option
@json_option
@debug_option
def diff(base: str, run: str, out: Path, as_json: bool) -> None:
    """How the blast radius changed from BASE to RUN: services, minutes, onset and recovery side by side."""
    pair = [open_run(base, out), open_run(run, out)]
    found = compare(*pair)
    if as_json:
        show.document(found)
        return
    click.echo(f"base {pair[0].run_id}  run {pair[1].run_id}")
    for change in found["changes"] or ["the inputs are the same"]:
        click.echo(f"  {change}")
    for name in TOTALS:
        before, after = found["totals"]["base"][name], found["totals"]["run"][name]
        click.echo(f"{name.replace('_', ' ')}: {before:g} → {after:g}")
    click.echo()
    _side_by_side(found["services"])


def compare(base: Run, run: Run) -> dict[str, Any]:
    """What differs in the inputs, in the totals and for each service that was impaired in either run."""
    sides = {"base": base, "run": run}
    impacts = {side: _impact(r) for side, r in sides.items()}
    names = {name for side in impacts.values() for name in side}
    services: list[dict[str, Any]] = [
        {"service": n} | {side: impacts[side].get(n) for side in sides} for n in names
    ]
    services.sort(key=lambda s: (-abs(_lost(s["run"]) - _lost(s["base"])), s["service"]))
    return {
        "base": base.run_id,
        "run": run.run_id,
        "changes": changes(base.manifest["inputs_scenario"], run.manifest["inputs_scenario"]),
        "totals": {
            side: r.sql(f"select {', '.join(TOTALS)} from totals").to_pylist()[0] for side, r in sides.items()
        },
        "services": services,
    }


def _impact(run: Run) -> dict[str, dict[str, Any]]:
    clock = show.Clock(run.manifest)
    rows = run.sql(
        "select service, onset_tick, recovery_tick, impaired_min, lost_min from impact"
    ).to_pylist()
    return {
        r["service"]: {
            "onset": clock.iso(r["onset_tick"]),
            "recovery": clock.iso(r["recovery_tick"]),
            "impaired_min": r["impaired_min"],
            "lost_min": r["lost_min"],
        }
        for r in rows
    }


def _lost(impact: Mapping[str, Any] | None) -> float:
    return impact["lost_min"] if impact else 0.0


def changes(base: Mapping[str, Any], run: Mapping[str, Any]) -> list[str]:
    """In words, what differs between the inputs of two runs."""
    found = [
        f"{key}: {base.get(key)} → {run.get(key)}"
        for key in ("name", "start", "duration_s", "sample_s", "seed", "noise", "responders")
        if base.get(key) != run.get(key)
    ]
    before, after = ({x["id"]: x for x in [*side["faults"], *side["actions"]]} for side in (base, run))
    found += [f"without {x['kind']} {i}" for i, x in before.items() if i not in after]
    found += [f"with {x['kind']} {i}" for i, x in after.items() if i not in before]
    for i, x in after.items():
        if i in before and before[i] != x:
            other = [k for k in x if before[i].get(k) != x[k] and k != "takes"]  # parameters say it
            fields = ", ".join(f"{k} {before[i].get(k)} → {x[k]}" for k in other)
            found += [f"{x['kind']} {i}: {fields}"] if fields else []
    for target in sorted(base["parameters"].keys() | run["parameters"].keys()):
        old, new = (side["parameters"].get(target, {}).get("value", "as given") for side in (base, run))
        if old != new:
            found.append(f"{target}: {old} → {new}")
    ours, theirs = base["topology"]["services"], run["topology"]["services"]
    found += [f"without service {n}" for n in ours if n not in theirs]
    return found + [f"with service {n}" for n in theirs if n not in ours]


def _side_by_side(services: list[dict[str, Any]]) -> None:
    def short(side: Mapping[str, Any] | None, key: str) -> str:
        if side is None:
            return "–"
        return "never" if side[key] is None else f"{datetime.fromisoformat(side[key]):%d %b %H:%M:%S}"

    columns = ("service", "lost min", "→", "change", "onset", "onset →", "recovery", "recovery →")
    rows = [
        (
            s["service"],
            show.minutes(_lost(s["base"])),
            show.minutes(_lost(s["run"])),
            f"{_lost(s['run']) - _lost(s['base']):+.1f}",
            *(short(s[side], key) for key in ("onset", "recovery") for side in ("base", "run")),
        )
        for s in services
    ]
    show.table(columns, rows, numbers=columns[1:4])


@click.command(
    epilog=examples(
        "twin query last 'from totals'",
        "twin query last 'select * from episodes order by onset_tick' --format csv > episodes.csv",
        "echo 'from blast_radius' | twin query last - --json",
        "twin query last 'show tables'",
    )
)
@click.argument("run")
@click.argument("sql")
@click.option(
    "--format",
    "form",
    type=click.Choice(["table", "csv", "json"]),
    default="table",
    show_default=True,
    help="Form of the answer.",
)
@out_option
@json_option
@debug_option
def query(run: str, sql: str, form: str, out: Path, as_json: bool) -> None:
    """Ask RUN in SQL ('-' reads it from stdin). It can read this run and nothing else, and change nothing.

    Tables: events, samples, services, dependencies, inputs. Views: availability, blast_radius, blast_steps,
    cascade, episodes, hubs, impact, impairment, interventions, lanes, signals, story, totals. Times are UTC.
    """
    text = sys.stdin.read() if sql == "-" else sql
    answer = open_run(run, out).sql(text)
    if as_json or form == "json":
        show.document(answer.to_pylist())
    elif form == "csv":
        click.echo(show.csv_text(answer.column_names, zip(*_columns(answer), strict=True)), nl=False)
    else:
        show.table(answer.column_names, zip(*_columns(answer.slice(0, ROWS)), strict=True))
        if answer.num_rows > ROWS:
            show.say(f"… {answer.num_rows - ROWS} more rows: --format csv has them all")


def _columns(answer: Any) -> list[list[object]]:
    return [column.to_pylist() for column in answer.columns]
