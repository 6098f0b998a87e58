"""What a scenario's author expects of it (``expect:``), and what became of it in a finished run."""

from __future__ import annotations

from dataclasses import dataclass
from enum import StrEnum

from twin.base.units import format_duration
from twin.model.expectation import Expectation, Occurrence
from twin.model.scenario import Scenario
from twin.simulation.queries import Tables
from twin.simulation.run import FinishedRun


class Expected(StrEnum):
    """What became of an expectation."""

    HELD = "held"
    MISSED = "missed"
    NOT_REACHED = "not reached"  # the run ends before its time


@dataclass(frozen=True)
class ExpectationCheck:
    """One expectation and what became of it.

    ``at_tick``: end of the first sample interval with the signal beyond the level, None if there is none.
    """

    expectation: Expectation
    state: Expected
    at_tick: int | None

    @property
    def text(self) -> str:
        """'sts: error_ratio above 0.05 never'."""
        e = self.expectation
        side, level = ("above", e.above) if e.above is not None else ("below", e.below)
        after = f" after +{format_duration(e.after_s)}" if e.after_s is not None else ""
        before = f" before +{format_duration(e.before_s)}" if e.before_s is not None else ""
        return f"{e.subject}: {e.signal} {side} {level:g} {e.occurrence}{after}{before}"


def check_expected(scenario: Scenario, run: FinishedRun) -> list[ExpectationCheck]:
    """What became of every expectation of the scenario, in the order of the file."""
    if not scenario.expect:
        return []
    with run.tables() as tables:
        return [_result(scenario, e, _first_beyond(tables, scenario, e)) for e in scenario.expect]


def _first_beyond(tables: Tables, scenario: Scenario, e: Expectation) -> int | None:
    """End of the first sample interval, inside the expectation's window, with the signal beyond its level."""
    side, level = (">", e.above) if e.above is not None else ("<", e.below)
    assert level is not None
    last_s = scenario.duration_s if e.before_s is None else e.before_s
    # The signal's name comes from a closed list, so it cannot carry SQL; everything else is a parameter.
    query = f"""
        select min(tick) as tick from signals
        where service = $service and {e.signal} {side} $level
          and tick * $tick_s > $first_s and tick * $tick_s <= $last_s"""
    rows = tables.rows(
        query,
        service=e.subject,
        level=float(level),
        tick_s=scenario.tick_s,
        first_s=float(e.after_s or 0.0),
        last_s=float(last_s),
    )
    return rows[0]["tick"]


def _result(scenario: Scenario, e: Expectation, at_tick: int | None) -> ExpectationCheck:
    seen, wanted = at_tick is not None, e.occurrence is Occurrence.SOMETIME
    too_early = (e.after_s or 0.0) >= scenario.duration_s
    unfinished = e.before_s is not None and e.before_s > scenario.duration_s
    if too_early or (unfinished and not seen and wanted):
        return ExpectationCheck(e, Expected.NOT_REACHED, at_tick)
    return ExpectationCheck(e, Expected.HELD if seen == wanted else Expected.MISSED, at_tick)
