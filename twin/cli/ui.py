"""twin ui."""

from __future__ import annotations

import os
import sys
from pathlib import Path

import click

from twin.base.extras import require_extra
from twin.base.places import LIBRARY
from twin.cli import _show as show
from twin.cli._command import command, headed_option
from twin.cli._options import debug_option, out_option


@command("ui", "twin ui", "twin ui --port 8600 --out data/runs")
@headed_option(
    "--port",
    type=click.IntRange(1, 65535),
    default=8501,
    show_default=True,
    metavar="N",
    help="Port on this machine.",
)
@out_option
@debug_option()
def ui_command(port: int, out: Path) -> None:
    """Show runs in a browser, at http://127.0.0.1:PORT.

    Ctrl-C or SIGTERM ends it.
    """
    require_extra("ui", "twin ui")
    app = LIBRARY / "ui" / "app.py"
    command = [sys.executable, "-m", "streamlit", "run", str(app.resolve()), "--server.port", str(port)]
    show.say(f"http://127.0.0.1:{port}")
    environment = os.environ | {"TWIN_OUT": str(out.resolve())}
    os.chdir(LIBRARY)
    os.execve(sys.executable, command, environment)  # the server itself hears Ctrl-C and SIGTERM
