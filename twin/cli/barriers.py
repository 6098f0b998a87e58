"""twin barriers: an event as its defenders saw it."""

from __future__ import annotations

import time
from collections.abc import Mapping
from pathlib import Path
from typing import TYPE_CHECKING, Any

import click

from twin.cli import control, show
from twin.cli.defences import Told
from twin.cli.errors import BadInput
from twin.cli.executing import compile_once, progress
from twin.cli.options import ROOT, all_of, debug_option, examples, json_option, scenario_path

if TYPE_CHECKING:
    from twin.barriers import Findings, Inquiry, Search
    from twin.model import Scenario
    from twin.variations import Barrier

FOLDER = ROOT / "scenarios" / "barriers"
STUDIES = ROOT / "data" / "studies"

barrier_options = all_of(
    click.option(
        "--barriers",
        "file",
        type=click.Path(path_type=Path),
        metavar="FILE",
        help="The defences.  [default: scenarios/barriers/SCENARIO.yaml]",
    ),
    click.option("--only", metavar="NAME,…", help="These defences alone, and their pairs."),
    click.option(
        "--replicates",
        type=click.IntRange(1, 10_000),
        default=2,
        show_default=True,
        help="Runs of each, each with noise of its own.",
    ),
    click.option("--loops", "loops_only", is_flag=True, help="The control loops alone: one run."),
    click.option("--moments/--no-moments", default=True, help="Also until when each would have helped."),
    click.option("--workers", type=click.IntRange(1, 64), default=2, show_default=True, help="Processes."),
    click.option(
        "--runner",
        type=click.Choice(["inline", "process", "ray"]),
        default="process",
        show_default=True,
        help="Who does the runs; the result is the same.",
    ),
    click.option("--address", metavar="HOST:PORT", help="An existing Ray cluster; otherwise a local one."),
    click.option(
        "--study",
        type=click.Path(file_okay=False, path_type=Path),
        metavar="DIR",
        help="Folder that keeps the runs; a study that was stopped goes on.  "
        "[default: data/studies/barriers-SCENARIO]",
    ),
)


@click.command(
    epilog=examples(
        "twin barriers us-east-1-2025-10-20",
        "twin barriers us-east-1-2025-10-20 --only lock,keep-n,admission --replicates 8",
        "twin barriers us-east-1-2025-10-20 --loops",
        "twin barriers us-east-1-2025-10-20 --json > barriers.json",
    )
)
@click.argument("scenario")
@barrier_options
@json_option
@debug_option
def barriers(scenario: str, as_json: bool, **options: Any) -> None:
    """Each defence in the way of SCENARIO's event, switched on and off, alone and in pairs.

    Says which holes had to line up, which defence alone would have stopped the event, which two do what
    neither does alone, and until when each would still have helped; and of each control loop what feedback
    it acted on, how old and how wrong that was. People act on what they know.
    """
    import twin
    from twin.loops import watch

    told = None
    if options["loops_only"]:
        base = _with_people(twin.load(scenario_path(scenario)))
        compile_once(base)
    else:
        base, known = _load(scenario, options["file"], options["only"])
        compile_once(base)
        told = _told(base, known, options)
    _, loops = watch(base)
    if as_json:
        parts = {} if told is None else told.document()
        show.document({"scenario": base.name, **parts, "loops": control.document(base, loops)})
        return
    if told is not None:
        told.picture()
        click.echo()
    control.picture(base, loops)


def _told(base: Scenario, known: list[Barrier], options: Mapping[str, Any]) -> Told:
    """Have it all run, and find what it says."""
    from twin.barriers import Inquiry, findings, switches_of
    from twin.runs import run
    from twin.studies import Study, worlds
    from twin.studies.study import Setting

    began = time.perf_counter()
    plain = run(base)
    run_s = time.perf_counter() - began
    folder = options["study"] or STUDIES / f"barriers-{base.name}"
    there = worlds(options["replicates"], draws=False, first=0)
    with Study(Setting({base.name: base}), folder, runner=options["runner"], workers=options["workers"],
               address=options["address"]) as study:  # fmt: skip
        inquiry = Inquiry(study, base, known, there)
        _announce(inquiry, run_s, options)
        with progress(inquiry.runs()[0], "runs") as tick:
            measured = inquiry.measure(tick)
        found = findings(measured.losses, switches_of(known))
        searches = _searched(inquiry, found) if options["moments"] else []
    return Told(base, known, measured, found, searches, plain)


def _load(scenario: str, file: Path | None, only: str | None) -> tuple[Scenario, list[Barrier]]:
    """The scenario, with people who act on what they know, and the defences asked for."""
    from twin.spec import did_you_mean, load_barriers

    path = file or FOLDER / f"{scenario_path(scenario).stem}.yaml"
    if not path.is_file():
        raise BadInput(f"{path}: no such file of defences; name one with --barriers FILE")
    shipped, base = load_barriers(path)
    if (named := scenario_path(scenario)).resolve() != (path.parent / shipped.base).resolve():
        raise BadInput(f"{path}: these are defences of {shipped.base}, and not of {named}")
    names = [b.name for b in shipped.barriers]
    wanted = [name.strip() for name in only.split(",")] if only else names
    for name in wanted:
        if name not in names:
            raise BadInput(f"--only: no defence '{name}' in {path} ({did_you_mean(name, names)})")
    return _with_people(base), [b for b in shipped.barriers if b.name in wanted]


def _with_people(base: Scenario) -> Scenario:
    """Responders that act on what they know, where the scenario says what they follow."""
    from twin.spec.responders import with_responders

    return with_responders(base, "modelled") if any(x.follows for x in base.actions) else base


def _announce(inquiry: Inquiry, run_s: float, options: Mapping[str, Any]) -> None:
    """How many runs there are to do, and how long that takes."""
    left, more = inquiry.runs()
    more *= options["moments"]
    workers = 1 if options["runner"] == "inline" else options["workers"]
    longest_min = (left + more) * run_s / workers / 60
    search = f", and at most {more} to find the moments" if more else ""
    who = "one after the other" if workers == 1 else f"on {workers} workers"
    show.say(f"{left} runs{search}: at most {longest_min:.1f} min {who}, at {run_s:.1f} s each")


def _searched(inquiry: Inquiry, found: Findings) -> list[Search]:
    """Until when the defences that help would have helped; the rounds of the search are short."""
    helpful = [found.singles[name] for name in found.lined_up]
    show.say(f"until when: {len(helpful)} defences that help, each switched on later and later")
    return inquiry.too_late(helpful)
