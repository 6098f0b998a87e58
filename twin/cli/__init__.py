"""The command line. Commands are thin, and import what is heavy when they are called: help is quick."""

from __future__ import annotations

import click

from twin.cli._errors import Group
from twin.cli._options import examples
from twin.cli.barriers import barriers_command
from twin.cli.blast import blast_command
from twin.cli.calibrate import calibrate_command
from twin.cli.check import check_command
from twin.cli.compare import compare_command
from twin.cli.diff import diff_command
from twin.cli.explore import explore_command
from twin.cli.list_ import list_command
from twin.cli.metastable import metastable_command
from twin.cli.query import query_command
from twin.cli.replay import replay_command
from twin.cli.run import run_command
from twin.cli.search import search_command
from twin.cli.ui import ui_command
from twin.cli.what_if import what_if_command
from twin.cli.why import why_command


@click.group(
    cls=Group,
    context_settings={"help_option_names": ["-h", "--help"]},
    epilog=examples(
        "twin replay scenarios/us-east-1-2025-10-20.yaml",
        "twin what-if 15",
        "twin why last sts",
        "twin query last 'from totals'",
        "twin COMMAND --help",
    )
    + "\n\n\b\nExit codes:\n"
    + "\n".join(
        (
            "  0    done",
            "  1    an expectation of the scenario, --fail-under or --strict was missed",
            "  2    bad input",
            "  3    an invariant of the model broke",
            "  70   internal error",
            "  130  interrupted",
        )
    ),
)
@click.version_option(package_name="us-east-1-cascade-twin")
def cli() -> None:
    """A cascade twin of the us-east-1 region: what breaks, when, why, for how long, and would X help?"""


COMMANDS = (
    replay_command,
    run_command,
    what_if_command,
    compare_command,
    blast_command,
    barriers_command,
    calibrate_command,
    check_command,
    list_command,
    why_command,
    diff_command,
    query_command,
    ui_command,
    explore_command,
    metastable_command,
    search_command,
)
for command in COMMANDS:
    cli.add_command(command)


def main() -> None:
    """Entry point of ``twin``."""
    cli(prog_name="twin")
