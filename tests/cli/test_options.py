"""One option has one meaning, in whichever command it is."""

from collections.abc import Iterator

import click
import pytest

from twin.cli import JOBS, cli
from twin.cli._command import CHANGES, FORMER, HEADINGS, HeadedOption
from twin.cli._reference import names_under
from twin.model.runners import RUNNERS

from .conftest import Twin

COMMANDS = [command for group in JOBS.values() for command in group]
WIDTH = 80


def options() -> Iterator[tuple[str, str, click.Parameter]]:
    """(command, name, option) of every option of every command."""
    for command in COMMANDS:
        for parameter in command.params:
            if isinstance(parameter, click.Option):
                yield str(command.name), parameter.opts[0], parameter


def meaning(option: click.Parameter) -> dict[str, object]:
    """All that a person sees of an option, and what it takes; not its default."""
    assert isinstance(option, HeadedOption), f"{option.opts}: has no heading"
    kind = option.type.to_info_dict()
    return {"help": option.help, "type": kind, "metavar": option.metavar, "name": option.name,
            "flag": option.is_flag, "repeatable": option.multiple, "no": option.secondary_opts}  # fmt: skip


def test_one_option_has_one_meaning() -> None:
    first: dict[str, tuple[str, dict[str, object]]] = {}
    for command, name, option in options():
        before, known = first.setdefault(name, (command, meaning(option)))
        assert meaning(option) == known or name == "--debug", f"{name} of {command} is not that of {before}"


def test_debug_checks_invariants_where_a_run_is_made() -> None:
    said = {command: str(option.help) for command, name, option in options() if name == "--debug"}
    assert {command for command, text in said.items() if "invariant" in text} == {"run", "replay"}
    assert all(text.startswith("Show the traceback of an error.") for text in said.values())
    assert not any("replay" in text for text in said.values()), "a text names no other command"


def test_every_command_that_changes_a_scenario_takes_the_same_changes() -> None:
    """But for a search, which chooses the mitigations."""
    changes = {str(c.name): names_under(c, CHANGES) for c in COMMANDS}
    changes["search"].insert(4, "--mitigate NAME|FILE")
    full = changes["run"]
    assert len(full) == 10
    partial = {name for name, names in changes.items() if names and names != full}
    assert not partial, partial
    assert sum(names == full for names in changes.values()) == 10


@pytest.mark.parametrize("command", [None, *COMMANDS], ids=lambda c: c.name if c else "twin")
def test_help_fits_80_columns(command: click.Command | None) -> None:
    arguments = [] if command is None else [str(command.name)]
    result = click.testing.CliRunner().invoke(cli, [*arguments, "--help"], env={"COLUMNS": str(WIDTH)})
    wide = [line for line in result.output.splitlines() if len(line) > WIDTH]
    assert not wide, "\n".join(wide)
    assert "..." not in result.output.replace("[ARGS]...", ""), "a line is cut off"
    assert command is None or [h for h in HEADINGS if f"\n{h}:" in result.output]


def test_the_help_of_runner_says_from_how_many_runs_auto_means_ray() -> None:
    from twin.experiments.pool import RAY_PAYS

    (auto,) = {vars(option)["meanings"]["auto"] for _, name, option in options() if name == "--runner"}
    assert f"from {RAY_PAYS} runs on" in auto


def test_the_command_line_and_python_have_the_same_runners() -> None:
    for command, name, option in options():
        assert name != "--runner" or sorted(vars(option)["meanings"]) == sorted(RUNNERS), command


@pytest.mark.parametrize(("was", "now"), FORMER.items())
def test_an_option_of_an_earlier_version_leads_to_its_name_now(twin: Twin, was: str, now: str) -> None:
    takers = [command for command, name, _ in options() if name == now]
    command = "compare" if "compare" in takers else takers[0]
    result = twin(command, "nowhere", was)
    assert result.exit_code == 2
    assert f"No such option '{was}'. Did you mean '{now}'?" in result.stderr
