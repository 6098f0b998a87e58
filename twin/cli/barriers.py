"""twin barriers: an event as its defenders saw it."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING, Any

import click

from twin.base.places import SCENARIOS
from twin.cli import _show as show
from twin.cli import _show_loops as control
from twin.cli._command import all_of, command, headed_option
from twin.cli._execute import compile_once
from twin.cli._options import (
    changed_scenario,
    changes_with,
    output_options,
    replicates_option,
    study_options,
)
from twin.cli._show_barriers import BarriersView
from twin.cli._study import settings_of

if TYPE_CHECKING:
    from twin.model.changes import Barrier
    from twin.model.scenario import Scenario

BARRIERS_FOLDER = SCENARIOS / "barriers"
REPLICATES = 2

barrier_options = all_of(
    headed_option(
        "--barriers", "file", type=click.Path(path_type=Path), metavar="FILE",
        help="The barriers.  [default: scenarios/barriers/SCENARIO.yaml]",
    ),
    headed_option("--only", metavar="NAME,…", help="Only these barriers and their pairs."),
    replicates_option(str(REPLICATES)),
    headed_option("--loops", "loops_only", is_flag=True, help="Only the control loops, from one run."),
    headed_option(
        "--moments/--no-moments", default=True, show_default=True,
        help="Also compute the latest time at which each barrier would still have helped.",
    ),
)  # fmt: skip


@command(
    "barriers",
    "twin barriers us-east-1-2025-10-20",
    "twin barriers us-east-1-2025-10-20 --only lock,keep-n,admission --replicates 8",
    "twin barriers us-east-1-2025-10-20 --loops",
    "twin barriers us-east-1-2025-10-20 --json > barriers.json",
)
@click.argument("scenario")
@barrier_options
@changes_with("modelled")
@study_options
@output_options
def barriers_command(scenario: str, as_json: bool, **options: Any) -> None:
    """Which barriers would have stopped the event of SCENARIO?

    A barrier is a defence of the real system. The command switches each one on and off, alone and in pairs.
    It says which barrier alone would have stopped the event, which pairs help more than the sum of both, and
    the latest time to switch each one on.

    Then it lists the control loops, the automatic controllers: what each measures, how old these data were,
    and how wrong.
    """
    from twin.experiments.arms import with_people
    from twin.experiments.barriers import barriers as inspect
    from twin.results.control_loops import watch

    known: list[Barrier] = []
    if options["loops_only"]:
        base = changed_scenario(scenario, options)
    else:
        base, known = _load(scenario, options)
    if options["responders"] is None:
        base = with_people(base, "modelled")
    compile_once(base)
    plain, loops = watch(base)
    view = None
    if known:
        worlds, moments = options["replicates"] or REPLICATES, options["moments"]
        view = BarriersView(
            inspect(base, known, worlds, moments=moments, settings=settings_of(options)), plain
        )
    if as_json:
        parts = {} if view is None else view.document()
        show.document({"scenario": base.name, **parts, "loops": control.loops_document(base, loops)})
        return
    if view is not None:
        view.picture()
        click.echo()
    control.draw_loops(base, loops)


def _load(scenario: str, options: dict[str, Any]) -> tuple[Scenario, list[Barrier]]:
    """The scenario with the changes to it, and the barriers asked for."""
    from twin.spec import Problem, SpecError, did_you_mean, load_barriers
    from twin.spec.library import scenario_path
    from twin.spec.problems import argument_problem

    only, path = options["only"], options["file"] or BARRIERS_FOLDER / f"{scenario_path(scenario).stem}.yaml"
    if not path.is_file():
        hint = "name one with --barriers FILE"
        raise argument_problem(str(path), "no such file", "the barriers of a scenario", hint)
    shipped, base = load_barriers(path, with_files=options["with_files"])
    if (named := scenario_path(scenario)).resolve() != (path.parent / shipped.base).resolve():
        raise argument_problem(str(path), f"barriers of {shipped.base}", f"barriers of {named}")
    names = [b.name for b in shipped.barriers]
    wanted = [name.strip() for name in only.split(",")] if only else names
    if unknown := [name for name in wanted if name not in names]:
        raise SpecError(
            Problem("only", 0, 0, "", f"'{name}'", f"a barrier of {path}", did_you_mean(name, names))
            for name in unknown
        )
    return changed_scenario(base, options), [b for b in shipped.barriers if b.name in wanted]
