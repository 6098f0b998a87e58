"""What a study keeps of a run: a question is a function that a worker asks of the finished run.

A job names its question, and the key of a run includes it. The answer is a list of (service, metric, value).
A moment is in s from the start, infinite for trouble that does not end; what never comes has no entry.
"""

from __future__ import annotations

import math
from collections.abc import Callable
from dataclasses import dataclass

from twin.model.scenario import Scenario
from twin.results import outcomes
from twin.results.of_run import RunArrays, ValueRows, first_events, metrics_in, rows
from twin.simulation.run import FinishedRun

ONSET = "first_onset_s"
MATCHED = "matched"  # 1 if the event of the scenario happens in the run, else 0
BREACH = "breach of "  # before the id of what must not happen: minutes by which it would have to move


@dataclass(frozen=True)
class Question:
    """``answer(arrays, scenario)`` is what is kept. ``curve``: also services impaired over time.
    ``screening``: the run ends at the first input."""

    answer: Callable[[RunArrays, Scenario], ValueRows]
    curve: bool = False
    screening: bool = False


def _screening(arrays: RunArrays, scenario: Scenario) -> ValueRows:
    seen = [e.onset_tick * arrays.tick_s for e in arrays.episodes if arrays.visible[e.service]]
    return rows("", {ONSET: min(seen)}) if seen else []


def _metrics(arrays: RunArrays, scenario: Scenario) -> ValueRows:
    return metrics_in(arrays) + _matched(arrays, scenario)


def _matched(arrays: RunArrays, scenario: Scenario) -> ValueRows:
    """Whether all outcomes of ``scoring: matched`` happen in the run; nothing if the scenario names none."""
    published, wanted = scenario.published, scenario.scoring.matched
    if published is None or not wanted:
        return []
    named = tuple(o for o in published.outcomes if o.id in wanted)
    some = published.model_copy(update={"outcomes": named, "must_not": (), "plateaus": ()})
    found = outcomes.times(outcomes.signals_of(arrays, some), some)
    return rows("", {MATCHED: float(all(at_s is not None for at_s in found.values()))})


def _timeline(arrays: RunArrays, scenario: Scenario) -> ValueRows:
    """When each published outcome comes, by its id, and the breaches of what must not happen."""
    return _screening(arrays, scenario) + _published(arrays, scenario)


def _published(arrays: RunArrays, scenario: Scenario) -> ValueRows:
    published = scenario.published
    if published is None:
        return []
    signals = outcomes.signals_of(arrays, published)
    depths_min = outcomes.breaches(signals, published, scenario.start)
    breaches = {BREACH + id: depth_min for id, depth_min in depths_min.items()}
    return rows("", outcomes.moments(signals, published)) + rows("", breaches)


def _whole(arrays: RunArrays, scenario: Scenario) -> ValueRows:
    """All that a what-if may speak of: metrics, published outcomes, the first event of each sort."""
    return metrics_in(arrays) + _published(arrays, scenario) + first_events(arrays.run)


SCREENING, METRICS, TIMELINE, WHOLE = "screening", "metrics", "timeline", "whole"
QUESTIONS = {
    SCREENING: Question(_screening, screening=True),
    METRICS: Question(_metrics, curve=True),
    TIMELINE: Question(_timeline),
    WHOLE: Question(_whole),
}


def answer_of(question: str, run: FinishedRun, scenario: Scenario) -> tuple[ValueRows, list[int]]:
    """(values, curve) of a finished run. Every answer has the onset of the first trouble, if there is any."""
    asked, arrays = QUESTIONS[question], RunArrays(run)
    return asked.answer(arrays, scenario), arrays.curve() if asked.curve else []


def first_onset_s(values: ValueRows) -> float:
    """When a visible service is first impaired, in s from the start; infinite if none ever is."""
    return min((v["value"] for v in values if v["metric"] == ONSET), default=math.inf)
