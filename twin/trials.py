"""The same scenario run many times with other numbers: what each run shows, over processes that are shared.

A *trial* is a run reduced to what a fit or an ensemble asks of it; its rows are not kept.
"""

from __future__ import annotations

import math
from collections.abc import Callable, Iterator, Mapping, Sequence
from concurrent.futures import ProcessPoolExecutor
from dataclasses import dataclass
from multiprocessing import get_context
from types import TracebackType
from typing import Any, TypeVar

from twin import outcomes
from twin.model import Quantity, Scenario, Value
from twin.numbers import Number
from twin.responders import with_stages
from twin.runs import run
from twin.spec import fold

J = TypeVar("J")
R = TypeVar("R")

LOGARITHMIC = 10.0  # from this factor between low and high on


@dataclass(frozen=True)
class Trial:
    """What one run shows of the published timeline.

    ``times_min``: outcome id → minutes from the start, infinite where it does not happen. ``breaches_min``:
    id of what must not happen → minutes by which it would have to move, 0 where it does not happen.
    ``began_well``: no service was impaired before anything had happened.
    """

    times_min: Mapping[str, float]
    breaches_min: Mapping[str, float]
    began_well: bool


def trial(scenario: Scenario, replicate: int = 0) -> Trial:
    """Run a scenario that has a published timeline, and keep what it shows of it."""
    assert scenario.published is not None
    signals = outcomes.signals_of(run(scenario, replicate=replicate), scenario.published)
    first_input_s = min((x.at_s for x in scenario.interventions if x.at_s is not None), default=0.0)
    found = outcomes.times(signals, scenario.published)
    return Trial(
        {id: math.inf if seconds is None else seconds / 60 for id, seconds in found.items()},
        outcomes.breaches(signals, scenario.published, scenario.start),
        outcomes.first_trouble(signals) >= first_input_s,
    )


def value_at(number: Number, place: float) -> float | int:
    """The value at a place from 0 (low) to 1 (high) of a number's range."""
    assert number.range is not None
    low, high = number.range
    value = low * (high / low) ** place if _is_logarithmic(low, high) else low + (high - low) * place
    return round(value) if number.unit == "count" else value


def place_of(number: Number) -> float:
    """Where in its range a number stands: the inverse of value_at; 0 in a range without room."""
    assert number.range is not None and not isinstance(number.value, str)
    low, high = number.range
    if low >= high:
        return 0.0
    if _is_logarithmic(low, high):
        return math.log(max(number.value, low) / low) / math.log(high / low)
    return (number.value - low) / (high - low)


def _is_logarithmic(low: float, high: float) -> bool:
    return low > 0 and high / low >= LOGARITHMIC


def changed(scenario: Scenario, values: Mapping[str, float | int]) -> Scenario:
    """The scenario with other values: of 'service.parameter', of 'caller->callee.number', of 'step.stage', or
    of the id of an intervention, whose time in s from the start is meant."""
    when = {x.id: values[x.id] for x in scenario.interventions if x.id in values}
    given = {t: Quantity(value=_plain(v), assumed="drawn") for t, v in values.items() if t not in when}
    update: dict[str, Any] = {"topology": fold(scenario.topology, given)}
    for key in ("faults", "actions"):
        before = getattr(scenario, key)
        update[key] = tuple(x.model_copy(update={"at_s": when[x.id]}) if x.id in when else x for x in before)
    return with_stages(scenario.model_copy(update=update), given)


def _plain(value: float | int) -> Value:
    return value if isinstance(value, int) else float(value)


class Workers:
    """Processes that work on one scenario: started once, when there is work for more than one, then kept.

    A context manager. The order of the answers is that of the jobs, whoever did them, so nothing that comes
    out depends on ``count``.
    """

    def __init__(self, scenario: Scenario, count: int) -> None:
        self.scenario, self.count = scenario, count
        self._pool: ProcessPoolExecutor | None = None

    def __enter__(self) -> Workers:
        return self

    def __exit__(self, kind: type | None, error: BaseException | None, trace: TracebackType | None) -> None:
        if self._pool is not None:
            self._pool.shutdown(wait=True, cancel_futures=True)

    def map(self, function: Callable[[Scenario, J], R], jobs: Sequence[J]) -> Iterator[R]:
        """``function(scenario, job)`` for each job, in order; a function of a module, that can be pickled."""
        if self.count <= 1 or (len(jobs) <= 1 and self._pool is None):
            return (function(self.scenario, job) for job in jobs)
        if self._pool is None:
            self._pool = ProcessPoolExecutor(
                self.count, get_context("spawn"), initializer=_remember, initargs=(self.scenario,)
            )
        return self._pool.map(_call, [(function, job) for job in jobs])


_scenario: Scenario | None = None  # in a worker process: what all its jobs are about


def _remember(scenario: Scenario) -> None:
    global _scenario
    _scenario = scenario


def _call(job: tuple[Callable[[Scenario, Any], Any], Any]) -> Any:
    assert _scenario is not None
    return job[0](_scenario, job[1])


def try_values(scenario: Scenario, job: tuple[Mapping[str, float | int], int]) -> Trial:
    """The trial of (values, replicate)."""
    values, replicate = job
    return trial(changed(scenario, values), replicate)
