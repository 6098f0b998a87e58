"""The folder of finished runs: which there are, and one of them by its id."""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path

from twin.simulation.journal import MANIFEST, DamagedRun, read_manifest
from twin.spec.problems import SpecError, argument_problem, did_you_mean

SCORECARD = "scorecard.json"  # in a run's folder, beside the rows that it judges; no part of their digest


def finished_runs(out: Path) -> dict[str, Path]:
    """Run id → folder of every finished run, the latest last."""
    manifests = [p for p in out.glob(f"*/{MANIFEST}") if not p.parent.name.startswith(".")]
    manifests.sort(key=lambda p: (p.stat().st_mtime_ns, p.parent.name))
    return {p.parent.name: p.parent for p in manifests}


@dataclass(frozen=True)
class RunSummary:
    """A finished run of a folder. ``start``: ISO 8601. A damaged one has None, and says why as its title."""

    run_id: str
    folder: Path
    title: str
    scenario: str | None = None
    start: str | None = None
    hours: float | None = None
    seed: int | None = None
    runner: str | None = None


def list_runs(out: Path) -> list[RunSummary]:
    """Every finished run of a folder, the latest last."""
    return [_summary(name, folder) for name, folder in finished_runs(out).items()]


def _summary(name: str, folder: Path) -> RunSummary:
    try:
        m = read_manifest(folder)
        hours = m["duration_s"] / 3600
        return RunSummary(name, folder, m["title"], m["scenario"], m["start"], hours, m["seed"], m["runner"])
    except (DamagedRun, KeyError) as error:
        return RunSummary(name, folder, f"damaged: {error}")


def run_folder(run: str, out: Path) -> Path:
    """The folder of 'last', of a run id or its unique beginning, or a folder itself. Raises SpecError."""
    runs = finished_runs(out)
    if run == "last" and runs:
        return list(runs.values())[-1]
    if run in runs:
        return runs[run]
    if "/" in run or (run and (Path(run) / MANIFEST).is_file()):
        return Path(run)
    if run and (out / run).is_dir():
        return out / run  # unfinished: opening it says so
    near = [name for name in runs if name.startswith(run)] if run else []
    if len(near) == 1:
        return runs[near[0]]
    raise _unknown_run(run, out, sorted(near), list(runs))


def _unknown_run(run: str, out: Path, near: list[str], known: list[str]) -> SpecError:
    if near:
        found = f"'{run}', the beginning of {len(near)} runs: {', '.join(near[:6])}"
        return argument_problem("run", found, "more letters of one of them")
    if not known:
        expected, hint = f"a finished run in {out}", "there is none; make one: twin run SCENARIO"
    else:
        expected = f"'last', or the id of a run in {out}"
        hint = did_you_mean(run, known) or "twin list runs shows them"
    return argument_problem("run", f"'{run}'", expected, hint)
