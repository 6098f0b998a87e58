"""What a scenario's author expects of it (``expect:``), held against a finished run."""

from __future__ import annotations

from dataclasses import dataclass

from twin.base.units import format_duration
from twin.model.scenario import Expectation, Scenario
from twin.simulation.queries import Tables
from twin.simulation.run import FinishedRun


@dataclass(frozen=True)
class Verdict:
    """One expectation and what became of it. ``held`` is None where the run ends before it could be told;
    ``at_tick`` is the end of the first sample interval with the signal beyond the level, None if never."""

    expectation: Expectation
    held: bool | None
    at_tick: int | None

    @property
    def words(self) -> str:
        """'sts: error_ratio above 0.05 never'."""
        e = self.expectation
        side, level = ("above", e.above) if e.above is not None else ("below", e.below)
        after = f" after +{format_duration(e.after_s)}" if e.after_s is not None else ""
        before = f" before +{format_duration(e.before_s)}" if e.before_s is not None else ""
        return f"{e.subject}: {e.signal} {side} {level:g} {e.verdict}{after}{before}"


def judge(scenario: Scenario, run: FinishedRun) -> list[Verdict]:
    """A verdict on every expectation of the scenario, in the order of the file."""
    if not scenario.expect:
        return []
    with run.tables() as tables:
        return [_judge(scenario, e, _first_beyond(tables, scenario, e)) for e in scenario.expect]


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


def _judge(scenario: Scenario, e: Expectation, at_tick: int | None) -> Verdict:
    seen = at_tick is not None
    too_early = (e.after_s or 0.0) >= scenario.duration_s
    unfinished = e.before_s is not None and e.before_s > scenario.duration_s
    if too_early or (unfinished and not seen and e.verdict == "sometime"):
        return Verdict(e, None, at_tick)
    return Verdict(e, seen == (e.verdict == "sometime"), at_tick)
