"""twin ui and twin explore."""

from __future__ import annotations

import os
import subprocess
import sys
from dataclasses import asdict
from pathlib import Path

import click

from twin.cli import show
from twin.cli.errors import BadInput
from twin.cli.options import ROOT, debug_option, examples, json_option, out_option


@click.command(epilog=examples("twin ui", "twin ui --port 8600 --out data/runs"))
@click.option(
    "--port", type=click.IntRange(1, 65535), default=8501, show_default=True, help="Port on this machine."
)
@out_option
@debug_option
def ui(port: int, out: Path) -> None:
    """Open the page that draws runs, at http://127.0.0.1:PORT. Ctrl-C ends it."""
    app = ROOT / "ui" / "app.py"
    if not app.is_file():
        raise BadInput(
            f"{app}: no such file; the page comes with the repository, not with the installed package"
        )
    command = [sys.executable, "-m", "streamlit", "run", str(app.resolve()), "--server.port", str(port)]
    show.say(f"http://127.0.0.1:{port}")
    environment = os.environ | {"TWIN_OUT": str(out.resolve())}
    done = subprocess.run(command, cwd=ROOT.resolve(), env=environment, check=False)
    if done.returncode:
        raise BadInput(f"the page ended with code {done.returncode}")


@click.command(
    epilog=examples("twin explore", "twin explore --guard cas", "twin explore --plans 4 --keep-last 3 --json")
)
@click.option("--enactors", type=click.IntRange(1, 8), default=2, show_default=True)
@click.option("--endpoints", type=click.IntRange(1, 16), default=1, show_default=True)
@click.option("--plans", type=click.IntRange(1, 126), default=3, show_default=True)
@click.option("--keep-last", type=click.IntRange(1, 126), default=2, show_default=True)
@click.option("--guard", "guards", multiple=True, help="What could have been different. Repeatable.")
@click.option("--design", type=click.Choice(["drifted", "original"]), default="drifted", show_default=True)
@json_option
@debug_option
def explore(
    enactors: int,
    endpoints: int,
    plans: int,
    keep_last: int,
    guards: tuple[str, ...],
    design: str,
    as_json: bool,
) -> None:
    """Every interleaving of the DNS protocol: can an endpoint be emptied, and by which steps?"""
    from twin.protocol.explore import explore as search
    from twin.protocol.state import config

    try:
        cfg = config(
            enactors=enactors,
            endpoints=endpoints,
            plans=plans,
            keep_last=keep_last,
            guards=guards,
            design=design,
        )
    except ValueError as error:
        raise BadInput(str(error)) from None
    found = asdict(search(cfg))
    if as_json:
        show.document(found)
        return
    trace = found.pop("trace")
    show.table(
        ("", "count"), [(name.replace("_", " "), value) for name, value in found.items()], numbers=["count"]
    )
    click.echo("\nThe shortest way to an empty endpoint:" if trace else "\nNo endpoint is ever empty.")
    for n, step in enumerate(trace, 1):
        click.echo(f"{n:3}  {step}")
