"""twin numbers: where each number of a scenario comes from."""

from __future__ import annotations

from datetime import datetime
from pathlib import Path
from typing import TYPE_CHECKING, Any

import click

from twin.cli import _show as show
from twin.cli._command import command, headed_option
from twin.cli._options import format_option, only_with_option, output_options

if TYPE_CHECKING:
    from twin.spec.numbers import BookedNumber

MEANINGS = {
    "sourced": "a publication has the number",
    "measured": "measured in a system that somebody knows",
    "argued": "unpublished, with a reason of its own",
    "chosen": "unpublished, set in sight of the outcomes",
    "fitted": "moved by twin calibrate",
    "neutral": "no estimate: a scale, or switched off",
    "open": "no range or no origin; worlds keep it",
}
COLUMNS = ("class", "number", "value", "range", "unit", "why", "file", "line", "used_by")


@command(
    "numbers",
    "twin numbers us-east-1-2025-10-20",
    "twin numbers us-east-1-2025-10-20 --class chosen",
    "twin numbers scenarios/faults/az-loss.yaml --class open --class chosen",
    "twin numbers us-east-1-2025-10-20 --format csv > numbers.csv",
)
@click.argument("scenario", metavar="SCENARIO")
@headed_option(
    "--class", "classes", multiple=True, metavar="CLASS", meanings=MEANINGS,
    help="Only numbers of this class. Repeatable.",
)  # fmt: skip
@only_with_option
@format_option
@output_options
def numbers_command(
    scenario: str, classes: tuple[str, ...], with_files: tuple[Path, ...], form: str, as_json: bool
) -> None:
    """Where does each number of SCENARIO come from?

    One row for each number that its files or the defaults of kinds give: value, range, reason or source, the
    line where it is written, and who uses it. Times that only modelled responders take are among them.
    Switches and choices are not.

    A number counts once, however many services use it. The last line counts the numbers of each class.
    """
    import twin
    from twin.spec.library import scenario_path
    from twin.spec.numbers import books, count_line, how_many

    loaded = twin.load(scenario, with_files=with_files)
    entries = books(loaded, scenario_path(scenario), with_files)
    shown = [entry for entry in entries if not classes or entry.class_ in classes]
    if as_json or form == "json":
        show.document({"counts": how_many(entries), "numbers": [_plain(entry) for entry in shown]})
    elif form == "csv":
        rows = [_plain(entry).values() for entry in shown]
        click.echo(show.csv_text(COLUMNS, [[_flat(cell) for cell in row] for row in rows]), nl=False)
    else:
        _tell(shown, loaded.start)
        show.prose(count_line(how_many(entries)))


def _plain(entry: BookedNumber) -> dict[str, Any]:
    ends = None if entry.range is None else list(entry.range)
    cells = (
        entry.class_, entry.number, entry.value, ends, entry.unit, entry.why, entry.file, entry.line,
        list(entry.used_by),
    )  # fmt: skip
    return dict(zip(COLUMNS, cells, strict=True))


def _flat(cell: Any) -> Any:
    """A list as one cell of a CSV file."""
    return " ".join(map(str, cell)) if isinstance(cell, list) else cell


def _tell(entries: list[BookedNumber], start: datetime) -> None:
    """Two lines for each number, under its class and what that means."""
    for class_, meaning in MEANINGS.items():
        of_class = [entry for entry in entries if entry.class_ == class_]
        if of_class:
            show.prose(f"{class_.capitalize()}: {meaning}.")
        for entry in of_class:
            click.echo(f"  {_line(entry, start)}")
            show.prose(f"      {entry.why}")
        click.echo("\n" * bool(of_class), nl=False)


def _line(entry: BookedNumber, start: datetime) -> str:
    """'STEP.over = 75 min (15 min to 3 h), in FILE:LINE, used by SERVICES'."""
    from twin.base.units import format_time
    from twin.model.step_numbers import is_moment
    from twin.report.wording import many, quantity

    def shown(value: float) -> str:
        return format_time(value, start) if is_moment(entry.number) else quantity(value, entry.unit)

    ends = "" if entry.range is None else f" ({' to '.join(map(shown, entry.range))})"
    owner = entry.number.partition("->")[0].partition(".")[0]
    users = "" if entry.used_by == (owner,) else f", used by {many(entry.used_by, 3)}"
    return f"{entry.number} = {shown(entry.value)}{ends}, in {entry.file}:{entry.line}{users}"
