"""What twin barriers says of control loops: what each acted on, how old and how wrong that was."""

from __future__ import annotations

from collections.abc import Sequence
from typing import TYPE_CHECKING, Any

import click

from twin.base.units import format_duration
from twin.cli import _show as show

if TYPE_CHECKING:
    from twin.model.scenario import Scenario
    from twin.results.control_loops import Loop, Reading

ACTS = 4  # of a loop that are listed
COLUMNS = (
    "loop", "acted on", "median age", "oldest", "at", "most wrong", "of what", "at", "and what it did then",
)  # fmt: skip


def draw_loops(scenario: Scenario, loops: Sequence[Loop]) -> None:
    """A line a loop."""
    if not loops:
        click.echo("No control loop here.")
        return
    clock = _clock(scenario)
    rows = []
    for loop in loops:
        oldest, worst = loop.oldest, loop.most_wrong
        assert worst is not None  # a loop has readings, or is not there
        rows.append((
            _name(loop), loop.feedback, _age(loop.median_age_s),
            _age(oldest.age_s if oldest else None), clock.local(oldest.tick)[:-3] if oldest else "",
            _wrong(loop, worst), loop.error,
            clock.local(worst.tick)[:-3], worst.did,
        ))  # fmt: skip
    click.echo("Control loops: the feedback of each, its age and its error")
    show.table(COLUMNS, rows, numbers=("median age", "oldest", "most wrong"))
    acts = [
        (_name(loop), clock.local(r.tick), r.did, _age(r.age_s), _wrong(loop, r))
        for loop in loops
        for r in loop.acts(ACTS)
    ]
    if acts:
        click.echo("\nActs on the feedback with the largest error")
        show.table(("loop", "at", "act", "age", "wrong"), acts, numbers=("age", "wrong"))
    click.echo(f"Times are {clock.start:%Z} of {clock.start:%Y}; --json has the series.")


def loops_document(scenario: Scenario, loops: Sequence[Loop]) -> list[dict[str, Any]]:
    """What --json prints of them."""
    clock = _clock(scenario)
    return [
        {
            "loop": loop.name, "service": loop.service, "feedback": loop.feedback, "error": loop.error,
            "error_unit": "ratio" if loop.is_share else "count", "median_age_s": loop.median_age_s,
            "oldest": _reading(clock, loop.oldest), "most_wrong": _reading(clock, loop.most_wrong),
            "series": [_reading(clock, r) for r in loop.readings],
        }
        for loop in loops
    ]  # fmt: skip


def _reading(clock: show.Clock, reading: Reading | None) -> dict[str, Any] | None:
    if reading is None:
        return None
    return {"t": clock.iso(reading.tick), **reading._asdict()}


def _clock(scenario: Scenario) -> show.Clock:
    return show.Clock({"start": scenario.start.isoformat(), "tick_s": scenario.tick_s})


def _name(loop: Loop) -> str:
    return f"{loop.name} ({loop.service})" if loop.service else loop.name


def _wrong(loop: Loop, reading: Reading) -> str:
    return f"{reading.wrong:.0%}" if loop.is_share else f"{reading.wrong:.0f}"


def _age(seconds: float | None) -> str:
    return "none" if seconds is None else format_duration(round(seconds))
