"""The options of several commands, each with one meaning; scenarios and runs as they are given."""

from __future__ import annotations

from collections.abc import Callable, Iterable
from pathlib import Path
from typing import TYPE_CHECKING, Any

import click

from twin.base.places import RUNS, SCENARIOS, STUDIES, TOPOLOGY, brief
from twin.cli._command import CHANGES, OUTPUT, OWN, PLACE, F, all_of, headed_option

if TYPE_CHECKING:
    from twin.api.run import Run
    from twin.model.scenario import Scenario


def _remember_debug(ctx: click.Context, parameter: click.Parameter, value: bool) -> bool:
    ctx.meta["twin.debug"] = value
    return value


# --- changes to the scenario --------------------------------------------------

set_option = headed_option(
    "--set", "sets", heading=CHANGES, multiple=True, metavar="TARGET=VALUE",
    help="Set a parameter (sts.capacity_per_s=500/s) or a number of a dependency "
         "(caller->callee.timeout_s=3s). Repeatable.",
)  # fmt: skip
drop_option = headed_option(
    "--drop", "drops", heading=CHANGES, multiple=True, metavar="ID",
    help="Leave out a fault or action. Repeatable.",
)  # fmt: skip
move_option = headed_option(
    "--move", "moves", heading=CHANGES, multiple=True, metavar="ID=TIME",
    help="Begin a fault or action at another time. Its duration stays the same. Repeatable.",
)  # fmt: skip
with_option, only_with_option = (
    headed_option(
        "--with", "with_files", heading=heading, multiple=True, metavar="FILE",
        type=click.Path(path_type=Path),
        help="Add services and dependencies of your own to the topology. Repeatable.",
    ) for heading in (CHANGES, OWN)
)  # fmt: skip
mitigate_option = headed_option(
    "--mitigate", "mitigations", heading=CHANGES, multiple=True, metavar="NAME|FILE",
    help="Apply a mitigation: a name that twin list mitigations prints, or a file; A+B for both at once. "
         "Repeatable.",
)  # fmt: skip
add_action_option = headed_option(
    "--add-action", "added", heading=CHANGES, multiple=True, metavar="FILE", type=click.Path(path_type=Path),
    help="Add the faults and actions in this file. Repeatable.",
)  # fmt: skip
until_option = headed_option("--until", heading=CHANGES, metavar="TIME", help="Stop at this time.")
sample_option = headed_option(
    "--sample", heading=CHANGES, metavar="DURATION",
    help="How often the run writes a row of signals for each service, as in 10s.",
)  # fmt: skip


def seed_option(heading: str = CHANGES) -> Callable[[F], F]:
    """--seed: of the scenario's noise, or of an estimate."""
    return headed_option(
        "--seed", heading=heading, type=click.IntRange(0, 2**64 - 1), metavar="N",
        help="Seed of the random numbers, in place of the scenario's or the default.",
    )  # fmt: skip


def responders_option(default: str) -> Callable[[F], F]:
    """--responders; ``default`` is shown."""
    return headed_option(
        "--responders", heading=CHANGES, metavar="MODE", show_default=default, help="When people act.",
        meanings={
            "scripted": "at the scenario's times",
            "modelled": "when they know enough, after fixed delays",
            "drawn": "when they know enough, after random delays",
        },
    )  # fmt: skip


def changes_with(responders: str, mitigate: bool = True) -> Callable[[F], F]:
    """All changes to a scenario. ``responders``: the default that is shown. A search has no ``mitigate``."""
    before = (set_option, drop_option, move_option, with_option, *((mitigate_option,) if mitigate else ()))
    after = (add_action_option, until_option, sample_option, seed_option())
    return all_of(*before, responders_option(responders), *after)


change_options = changes_with("as the scenario says")


# --- how many runs --------------------------------------------------------------


def worlds_option(default: str | None = None) -> Callable[[F], F]:
    """--worlds: realizations, each with its own sample and noise; ``default`` is shown."""
    return headed_option(
        "--worlds", type=click.IntRange(1, 1_000_000), show_default=default, metavar="N",
        help="Run N times. Each run (a world) has its own sample of the uncertain inputs and its own noise, "
             "which is all randomness inside the run.",
    )  # fmt: skip


def replicates_option(default: str | None = None) -> Callable[[F], F]:
    """--replicates: realizations that differ in noise alone; ``default`` is shown."""
    return headed_option(
        "--replicates", type=click.IntRange(1, 1_000_000), show_default=default, metavar="N",
        help="Run N times with the numbers in the repository; only the noise differs.",
    )  # fmt: skip


def budget_option(default: int) -> Callable[[F], F]:
    """--budget: runs at most."""
    return headed_option(
        "--budget", type=click.IntRange(1, 1_000_000), default=default, show_default=True, metavar="N",
        help="Make at most N runs.",
    )  # fmt: skip


variants_option = headed_option(
    "--variants", default="all", show_default=True, metavar="all|none|NAME,NAME",
    help="Repeat with these rival models of scenarios/variants. What changes there hangs on the model.",
)  # fmt: skip
all_option = headed_option(
    "--all", "every", is_flag=True, help="Use all services (blast) or all mitigations (compare)."
)
at_option = headed_option(
    "--at", metavar="TIME",
    help="blast: when the fault begins. why: explain the last onset at or before TIME. metastable: take the "
         "state at TIME.",
)  # fmt: skip
within_option = headed_option(
    "--within", default="6h", show_default=True, metavar="DURATION",
    help="p_recovered is the share of worlds that are well again within this time of the first fault.",
)  # fmt: skip
mitigations_option = headed_option(
    "--mitigations", "mitigations_in", type=click.Path(exists=True, file_okay=False, path_type=Path),
    default=SCENARIOS / "mitigations", metavar="DIR",
    help="Folder of the mitigations.  [default: scenarios/mitigations]",
)  # fmt: skip
topology_option = headed_option(
    "--topology", type=click.Path(path_type=Path), default=TOPOLOGY, metavar="DIR",
    help="The topology to use.  [default: topology/us-east-1]",
)  # fmt: skip


# --- where it runs ------------------------------------------------------------

runner_option = headed_option(
    "--runner", heading=PLACE, metavar="WHERE", default="auto", show_default=True, envvar="TWIN_RUNNER",
    show_envvar=True, help="Where to run; results are equal. Keep auto unless you have a Ray cluster.",
    meanings={
        "auto": "inline; from 24 runs on, ray",
        "inline": "in this process",
        "process": "on processes; a single run stays in this one",
        "ray": "on Ray actors",
    },
)  # fmt: skip
actors_option = headed_option(
    "--actors", heading=PLACE, type=click.IntRange(1, 1024), default=2, show_default=True, metavar="N",
    help="How many Ray actors or processes.",
)  # fmt: skip
address_option = headed_option(
    "--address", heading=PLACE, metavar="HOST:PORT", help="A Ray cluster that exists, with --runner ray."
)
place_options = all_of(runner_option, actors_option, address_option)
study_option = headed_option(
    "--study", "folder", heading=PLACE, type=click.Path(file_okay=False, path_type=Path), metavar="DIR",
    help=f"Folder that keeps the answers of many runs, not their tables. A run with an answer there is not "
    f"repeated.  [default: one per scenario and code version, in {brief(STUDIES)}]",
)  # fmt: skip
study_options = all_of(place_options, study_option)


# --- output -------------------------------------------------------------------

out_option = headed_option(
    "--out", heading=OUTPUT, type=click.Path(file_okay=False, path_type=Path), default=RUNS,
    envvar="TWIN_OUT", show_envvar=True, metavar="DIR",
    help=f"Folder in which runs are stored and looked up.  [default: {brief(RUNS)}]",
)  # fmt: skip
format_option = headed_option(
    "--format", "form", type=click.Choice(["table", "csv", "json"]), default="table", show_default=True,
    help="Form of the answer.",
)  # fmt: skip
json_option = headed_option(
    "--json", "as_json", heading=OUTPUT, is_flag=True, help="Print one JSON document."
)


def debug_option(more: str = "") -> Callable[[F], F]:
    """--debug; ``more``: what else it does in a command that makes a run."""
    return headed_option(
        "--debug", heading=OUTPUT, is_flag=True, callback=_remember_debug, expose_value=False,
        help=f"Show the traceback of an error.{more}",
    )  # fmt: skip


output_options = all_of(json_option, debug_option())
run_options = all_of(place_options, out_option, json_option, debug_option(" Also check every invariant."))


def is_debug() -> bool:
    """Whether --debug was given to the command that runs."""
    return bool(click.get_current_context().meta.get("twin.debug"))


def changed_scenario(scenario: str | Scenario, changes: dict[str, Any]) -> Scenario:
    """The scenario in a file, or of that name in scenarios/, with the changes asked for. Raises SpecError."""
    import twin

    loaded = not isinstance(scenario, str)  # with the services of one's own
    return twin.load(
        scenario,
        set=pairs("--set", changes["sets"]),
        drop=changes["drops"],
        move=pairs("--move", changes["moves"]),
        with_files=() if loaded else changes["with_files"],
        until=changes["until"],
        sample=changes["sample"],
        seed=changes["seed"],
        mitigate=changes["mitigations"],
        responders=changes["responders"],
        add_action=changes["added"],
    )


FORMS = {"--set": "service.parameter=value", "--move": "ID=TIME"}


def pairs(option: str, texts: Iterable[str]) -> dict[str, str]:
    """'NAME=VALUE' as name → value. Raises SpecError for every text without '='."""
    from twin.spec import Problem, SpecError

    split = [(text, *text.partition("=")) for text in texts]
    bad = [text for text, name, equals, _ in split if not equals or not name.strip()]
    if bad:
        raise SpecError(Problem(option, 0, 0, "", f"'{text}'", FORMS[option]) for text in bad)
    return {name: value for _, name, _, value in split}


def open_named_run(text: str, out: Path) -> Run:
    """A finished run by id, beginning, 'last' or folder. Raises SpecError, DamagedRun."""
    import twin
    from twin.simulation.runs import run_folder

    return twin.open_run(run_folder(text, out))
