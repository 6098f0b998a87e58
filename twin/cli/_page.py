"""--html: a comparison as a page."""

from __future__ import annotations

import platform
import shlex
import tempfile
from importlib.metadata import version
from pathlib import Path
from typing import TYPE_CHECKING

import click

from twin.cli import _show as show
from twin.cli._command import OUTPUT, headed_option
from twin.cli._errors import BadInput

if TYPE_CHECKING:
    from twin.experiments.wide_comparison import WideComparison

PACKAGES = ("us-east-1-cascade-twin", "numba", "numpy", "scipy", "duckdb")  # that numbers come through

html_option = headed_option(
    "--html", heading=OUTPUT, type=click.Path(path_type=Path), metavar="FILE",
    help="Write a page with pictures: one file that needs nothing else.",
)  # fmt: skip


def check_place(path: Path | None, option: str) -> None:
    """That the file of an option can be written, before anything is run for it. Raises BadInput."""
    if path is None:
        return
    if path.is_dir():
        raise BadInput(f"{option}: {path}: found a folder, expected the name of a file in one")
    try:
        path.parent.mkdir(parents=True, exist_ok=True)
        with tempfile.TemporaryFile(dir=path.parent):
            pass
    except OSError as error:
        raise refused(path, option, error) from None


def write_page(path: Path, found: WideComparison) -> None:
    """Write the page and say where it is. Raises BadInput."""
    from twin.report.report import Origin, Report, write
    from twin.simulation.code_version import code_version

    versions = {"Python": platform.python_version(), **{name: version(name) for name in PACKAGES}}
    origin = Origin(_command_line(), _short(found.folder), code_version(), versions)
    try:
        write(Report(found.comparison, found.base, origin, found.tournament, found.robust), path)
    except OSError as error:
        raise refused(path, "--html", error) from None
    show.say(f"page: {path}")


def refused(path: Path, option: str, error: OSError) -> BadInput:
    """That the file of an option cannot be written, in words."""
    return BadInput(f"{option}: {path}: cannot be written: {error.strerror or error}; choose another file")


def _command_line() -> str:
    """The command line of this process."""
    return "twin " + shlex.join(click.get_current_context().find_root().meta.get("twin.args", []))


def _short(folder: Path) -> str:
    here = Path.cwd()
    return str(folder.relative_to(here) if folder.is_relative_to(here) else folder)
