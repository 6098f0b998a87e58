"""``python -m tests.bench``: measure the twin and its peers, check each answer, print a line for each figure.

    python -m tests.bench                     # all rows; needs a quiet machine and about half an hour
    python -m tests.bench storm race          # some rows
    python -m tests.bench --no-peers          # the twin, and SimPy for the factor
    python -m tests.bench --write             # and write results.json and docs/bench.md

Exit code 1: an answer was wrong. A missed target is printed, and is no error: it depends on the machine.
"""

from __future__ import annotations

import importlib
import json
import sys
from pathlib import Path

import click

from tests.bench import page
from tests.bench.measure import REPEATS, Bench, Figure, WrongAnswer
from tests.bench.rows import ROWS


def line(figure: Figure) -> str:
    _, who, here, scaled, target, note = page.cells(figure)
    parts = [
        f"  {who:<52}{here:>16}",
        f"{scaled and f'scaled {scaled}':>24}",
        f"{target.replace('*', ''):>18}",
    ]
    return "".join(parts).rstrip() + (f"   {note}" if note else "")


class Printer:
    """Prints each figure as it is measured, below the name of its work."""

    def __init__(self) -> None:
        self.work = ""

    def __call__(self, figure: Figure) -> None:
        if figure.work != self.work:
            self.work = figure.work
            click.echo(f"\n{figure.work}")
        click.echo(line(figure))


def run(bench: Bench, rows: tuple[str, ...]) -> list[str]:
    """Measure the rows; returns what was wrong. Each figure gets the name of its row."""
    wrong = []
    for row in ROWS:
        if row not in rows:
            continue
        bench.row = row
        try:
            importlib.import_module(f"tests.bench.rows.{row}").measure(bench)
        except WrongAnswer as answer:
            wrong.append(f"{row}: wrong answer: {answer}")
            click.echo(f"  {wrong[-1]}", err=True)
    return wrong


@click.command(help=__doc__)
@click.argument("rows", nargs=-1, type=click.Choice(ROWS))
@click.option("--repeats", default=REPEATS, show_default=True, help="of which the median counts")
@click.option(
    "--slow", default=REPEATS, show_default=True, help="runs of a peer that takes more than ten seconds"
)
@click.option("--small", is_flag=True, help="do little of each: to see whether it works")
@click.option("--no-peers", is_flag=True, help="leave the peers out, but for SimPy")
@click.option(
    "--factor",
    type=float,
    help="how much slower this machine is; else as the row storm measures it",
)
@click.option("--json", "json_path", type=click.Path(path_type=Path), help="write the figures to this file")
@click.option(
    "--write", is_flag=True, help="write results.json and docs/bench.md; rows not measured are kept"
)
def main(
    rows: tuple[str, ...], repeats: int, slow: int, small: bool, no_peers: bool, factor: float | None,
    json_path: Path | None, write: bool,
) -> None:  # fmt: skip
    before = page.machine()
    last = page.stored()
    factor = factor or last["factor"]
    bench = Bench(repeats, min(slow, repeats), small, not no_peers, factor, heard=Printer())
    wrong = run(bench, rows or ROWS)
    found = page.document(bench, before, page.figures_of(last) if write else ())
    if json_path:
        json_path.write_text(json.dumps(found, indent=1) + "\n", encoding="utf-8")
    if write and not wrong:
        page.write(found)
    sys.exit(bool(wrong))


if __name__ == "__main__":
    main()
