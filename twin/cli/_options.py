"""What several commands take: options, scenarios, runs."""

from __future__ import annotations

from collections.abc import Callable, Iterable
from functools import wraps
from pathlib import Path
from typing import TYPE_CHECKING, Any, TypeVar

import click

from twin.base.places import RUNS, brief

if TYPE_CHECKING:
    from twin.api.run import Run
    from twin.model.scenario import Scenario

F = TypeVar("F", bound=Callable[..., Any])


def examples(*lines: str) -> str:
    """The epilog of a command's help."""
    return "\b\nExamples:\n" + "\n".join(f"  {line}" for line in lines)


def all_of(*options: Callable[[F], F]) -> Callable[[F], F]:
    """Several options as one decorator, in this order."""

    def decorate(function: F) -> F:
        for option in reversed(options):
            function = option(function)
        return function

    return decorate


def _debug(ctx: click.Context, parameter: click.Parameter, value: bool) -> bool:
    ctx.meta["twin.debug"] = value
    return value


def json_option(function: F) -> F:
    """--json: one document on stdout."""
    return click.option("--json", "as_json", is_flag=True, help="One JSON document on stdout.")(function)


def debug_option(function: F) -> F:
    """--debug of the commands that step nothing: tracebacks."""

    @wraps(function)
    def without(*args: Any, debug: bool, **more: Any) -> Any:
        return function(*args, **more)

    help = "Show the traceback of an error."
    return click.option("--debug", is_flag=True, callback=_debug, help=help)(without)  # type: ignore[return-value]


def out_option(function: F) -> F:
    """--out: where the runs are."""
    return click.option(
        "--out",
        type=click.Path(file_okay=False, path_type=Path),
        default=RUNS,
        envvar="TWIN_OUT",
        show_envvar=True,
        metavar="DIR",
        help=f"Folder of runs.  [default: {brief(RUNS)}]",
    )(function)


change_options = all_of(
    click.option(
        "--set",
        "sets",
        multiple=True,
        metavar="SERVICE.PARAMETER=VALUE",
        help="Set a parameter, or a number of a dependency (caller->callee.timeout_s=3s). Repeatable.",
    ),
    click.option(
        "--drop", "drops", multiple=True, metavar="ID", help="Leave out a fault or action. Repeatable."
    ),
    click.option(
        "--move",
        "moves",
        multiple=True,
        metavar="ID=TIME",
        help="Begin a fault or action at another time; it keeps its length. Repeatable.",
    ),
    click.option(
        "--with",
        "with_files",
        multiple=True,
        metavar="FILE",
        type=click.Path(path_type=Path),
        help="Services and dependencies of your own, on top of the topology. Repeatable.",
    ),
    click.option(
        "--mitigate",
        "mitigations",
        multiple=True,
        metavar="NAME|FILE",
        help="A mitigation of scenarios/mitigations by its name, or any file; A+B for both. Repeatable.",
    ),
    click.option(
        "--responders",
        type=click.Choice(["scripted", "modelled", "drawn"]),
        help="Who acts at the scenario's times, or on what is known, after fixed delays or drawn ones.",
    ),
    click.option(
        "--add-action",
        "added",
        multiple=True,
        metavar="FILE",
        type=click.Path(path_type=Path),
        help="A file with actions: or faults: to add. Repeatable.",
    ),
    click.option("--until", metavar="TIME", help="Stop at this time: ISO 8601 with zone, or +2h."),
    click.option("--sample", metavar="DURATION", help="Length of a sample interval, as in 10s."),
    click.option("--seed", type=click.IntRange(0, 2**64 - 1), help="Seed in place of the scenario's."),
)

run_options = all_of(
    click.option(
        "--runner",
        type=click.Choice(["inline", "ray", "auto"]),
        default="auto",
        show_default=True,
        envvar="TWIN_RUNNER",
        show_envvar=True,
        help="Where to step it; the result is the same. auto: inline, which is faster for one run.",
    ),
    click.option("--actors", type=click.IntRange(1, 256), default=2, show_default=True, help="Ray actors."),
    click.option("--address", metavar="HOST:PORT", help="An existing Ray cluster; otherwise a local one."),
    out_option,
    click.option(
        "--debug",
        is_flag=True,
        callback=_debug,
        help="Check every invariant after each signal period; show the traceback of an error.",
    ),
    json_option,
)


def load(scenario: str, changes: dict[str, Any]) -> Scenario:
    """The scenario in a file, or of that name in scenarios/, with the changes asked for. Raises SpecError."""
    import twin

    return twin.load(
        scenario,
        set=pairs("--set", changes["sets"]),
        drop=changes["drops"],
        move=pairs("--move", changes["moves"]),
        with_files=changes["with_files"],
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


def open_run(text: str, out: Path) -> Run:
    """A finished run by id, beginning, 'last' or folder. Raises SpecError, DamagedRun."""
    import twin
    from twin.simulation.runs import run_folder

    return twin.open_run(run_folder(text, out))
