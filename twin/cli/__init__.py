"""The command line. A command parses, calls and prints; it imports what is heavy when it is called."""

from __future__ import annotations

import click

from twin.cli._command import HELP, examples
from twin.cli._errors import EXIT_CODES
from twin.cli._group import Group
from twin.cli.barriers import barriers_command
from twin.cli.blast import blast_command
from twin.cli.calibrate import calibrate_command
from twin.cli.check import check_command
from twin.cli.compare import compare_command
from twin.cli.diff import diff_command
from twin.cli.explore import explore_command
from twin.cli.list_ import list_command
from twin.cli.metastable import metastable_command
from twin.cli.numbers import numbers_command
from twin.cli.query import query_command
from twin.cli.replay import replay_command
from twin.cli.run import run_command
from twin.cli.search import search_command
from twin.cli.ui import ui_command
from twin.cli.what_if import what_if_command
from twin.cli.why import why_command

JOBS = {
    "Replay": (replay_command, run_command, calibrate_command),
    "What if": (what_if_command, blast_command),
    "Compare": (compare_command, search_command, barriers_command),
    "Understand": (
        why_command,
        diff_command,
        query_command,
        numbers_command,
        metastable_command,
        explore_command,
    ),
    "Your own system; the browser page": (check_command, list_command, ui_command),
}
WORDS = """\
TIME      +2h after the start, 07:50 (the first one after the start, in its
          zone), or ISO 8601 with a zone
DURATION  a number with a unit: 90s, 15m, 1h30m"""
EXITS = "\n".join(f"  {code:<5}{meaning}" for code, meaning in EXIT_CODES.items())


@click.group(
    cls=Group,
    jobs=JOBS,
    context_settings=HELP,
    epilog=examples(
        "twin replay scenarios/us-east-1-2025-10-20.yaml",
        "twin what-if 15",
        "twin why last sts",
        "twin query last 'from totals'",
        "twin COMMAND --help",
    )
    + "\n\n\b\n"
    + WORDS
    + "\n\n\b\nExit codes:\n"
    + EXITS,
)
@click.version_option(package_name="us-east-1-cascade-twin")
def cli() -> None:
    """Simulate how a failure spreads through us-east-1, and which changes help."""


def main() -> None:
    """Entry point of ``twin``."""
    cli(prog_name="twin")
