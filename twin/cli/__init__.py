"""The command line. Commands are thin, and import what is heavy when they are called: help is quick."""

from __future__ import annotations

import click

from twin.cli.asking import diff, query, why
from twin.cli.barriers import barriers
from twin.cli.blast import blast
from twin.cli.calibrating import calibrate
from twin.cli.checking import check
from twin.cli.comparing import compare
from twin.cli.errors import Group
from twin.cli.exploring import explore
from twin.cli.extras import ui
from twin.cli.listing import list_
from twin.cli.options import examples
from twin.cli.running import replay, run
from twin.cli.searching import search
from twin.cli.stability import metastable
from twin.cli.whatif import what_if


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
    replay, run, what_if, compare, blast, barriers, calibrate, check, list_, why, diff, query, ui, explore,
    metastable, search,
)  # fmt: skip
for command in COMMANDS:
    cli.add_command(command)


def main() -> None:
    """Entry point of ``twin``."""
    cli(prog_name="twin")
