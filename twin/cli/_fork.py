"""twin run --fork: a finished run, taken up at a moment."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from twin.cli import _show as show
from twin.cli._errors import BadInput
from twin.cli._execute import execute as step
from twin.cli._options import open_named_run, pairs

if TYPE_CHECKING:
    from twin.api.run import Run
    from twin.model.scenario import Scenario

FIXED = {  # what made the past
    "with_files": "--with", "sample": "--sample", "seed": "--seed", "responders": "--responders",
}  # fmt: skip


def execute_fork(scenario: str, left: str, options: dict[str, Any]) -> tuple[Scenario, Run]:
    """Run what follows from a fork, and write it: what it was made of, and the run."""
    import twin
    from twin.simulation.fork import fork, forked_scenario, joined
    from twin.simulation.run import keep

    run, at, time = left.rpartition("@")
    if not at or not run or not time:
        raise BadInput(f"--fork: found '{left}', expected RUN@TIME, as in last@+4h25m")
    for key, name in FIXED.items():
        if options[key]:
            raise BadInput(f"{name}: not with --fork, as the past was made without")
    named = twin.load(scenario)
    past = open_named_run(run, options["out"])
    if past.manifest["scenario"] != named.name:
        found = past.manifest["scenario"]
        raise BadInput(f"--fork: run {past.run_id} is one of {found}, not of {named.name}")
    point = fork(past, time)
    if named != point.scenario:
        show.say(f"run {past.run_id} was made of other inputs than {scenario} has now: its own are kept")
    after = forked_scenario(
        point, set=pairs("--set", options["sets"]), drop=options["drops"],
        move=pairs("--move", options["moves"]), mitigate=options["mitigations"],
        add_action=options["added"], until=options["until"],
    )  # fmt: skip
    done = step(after, options, replicate=past.manifest["replicate"], write=False)
    return after, keep(joined(point, done), options["out"])
