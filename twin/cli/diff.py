"""twin diff."""

from __future__ import annotations

from collections.abc import Mapping
from datetime import datetime
from pathlib import Path
from typing import TYPE_CHECKING, Any

import click

from twin.cli import _show as show
from twin.cli._options import debug_option, examples, json_option, open_run, out_option

if TYPE_CHECKING:
    from twin.api.run import Run

TOTALS = ("service_minutes_lost", "peak_impaired", "services_impaired", "not_recovered")


@click.command("diff", epilog=examples("twin diff 3f9c last", "twin diff 3f9c 81d0 --json"))
@click.argument("base")
@click.argument("run")
@out_option
@json_option
@debug_option
def diff_command(base: str, run: str, out: Path, as_json: bool) -> None:
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
