"""What a study keeps of a run: a question is a function that a worker asks of the finished run.

A job names its question, and the key of a run includes it. The answer is a list of (service, metric, value).
A moment is in s from the start, infinite for trouble that does not end; what never comes has no entry.
"""

from __future__ import annotations

import math
from collections.abc import Callable
from dataclasses import dataclass
from typing import Any

from twin.model.scenario import Scenario
from twin.results import outcomes
from twin.simulation.queries import Tables
from twin.simulation.run import FinishedRun

AnswerRows = list[dict[str, Any]]
BREACH = "breach of "  # before the id of what must not happen: minutes by which it would have to move


@dataclass(frozen=True)
class Question:
    """``answer(run, tables, scenario)`` is what is kept. ``curve``: also services impaired over time.
    ``screening``: the run ends at the first input."""

    answer: Callable[[FinishedRun, Tables, Scenario], AnswerRows]
    curve: bool = False
    screening: bool = False


def _screening(run: FinishedRun, tables: Tables, scenario: Scenario) -> AnswerRows:
    query = """
        select '' as service, 'first_onset_s' as metric, min(onset_tick) * tick_s() as value
        from episodes join services using (service) where visible having count(*) > 0"""
    return tables.rows(query)


def _metrics(run: FinishedRun, tables: Tables, scenario: Scenario) -> AnswerRows:
    return tables.rows("from metrics")


def _timeline(run: FinishedRun, tables: Tables, scenario: Scenario) -> AnswerRows:
    """When each published outcome comes, by its id, and the breaches of what must not happen."""
    return _screening(run, tables, scenario) + _published(run, tables, scenario)


def _published(run: FinishedRun, tables: Tables, scenario: Scenario) -> AnswerRows:
    published = scenario.published
    if published is None:
        return []
    signals = outcomes.signals_of(run, published, tables)
    found = [_value(id, at_s) for id, at_s in outcomes.moments(signals, published).items()]
    depths_min = outcomes.breaches(signals, published, scenario.start)
    return found + [_value(BREACH + id, depth_min) for id, depth_min in depths_min.items()]


def _whole(run: FinishedRun, tables: Tables, scenario: Scenario) -> AnswerRows:
    """All that a what-if may speak of: metrics, published outcomes, the first event of each sort."""
    query = """
        select service, event as metric, min(tick) * tick_s() as value
        from events group by all order by all"""
    return tables.rows("from metrics") + _published(run, tables, scenario) + tables.rows(query)


def _value(metric: str, value: float) -> dict[str, Any]:
    return {"service": "", "metric": metric, "value": value}


SCREENING, METRICS, TIMELINE, WHOLE = "screening", "metrics", "timeline", "whole"
QUESTIONS = {
    SCREENING: Question(_screening, screening=True),
    METRICS: Question(_metrics, curve=True),
    TIMELINE: Question(_timeline),
    WHOLE: Question(_whole),
}


def answer_of(question: str, run: FinishedRun, scenario: Scenario) -> tuple[AnswerRows, list[int]]:
    """(values, curve) of a finished run. Every answer has the onset of the first trouble, if there is any."""
    asked = QUESTIONS[question]
    with run.tables() as tables:
        values = asked.answer(run, tables, scenario)
        curve = tables.rows("select impaired from curve order by bin") if asked.curve else []
    return values, [row["impaired"] for row in curve]


def first_onset_s(values: AnswerRows) -> float:
    """When a visible service is first impaired, in s from the start; infinite if none ever is."""
    return min((v["value"] for v in values if v["metric"] == "first_onset_s"), default=math.inf)
