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

from twin.model.scenario import Scenario
from twin.results import outcomes
from twin.simulation.run import simulate
from twin.spec.inputs import with_inputs

J = TypeVar("J")
R = TypeVar("R")


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
    signals = outcomes.signals_of(simulate(scenario, replicate=replicate), scenario.published)
    first_input_s = min((x.at_s for x in scenario.interventions if x.at_s is not None), default=0.0)
    found = outcomes.times(signals, scenario.published)
    return Trial(
        {id: math.inf if seconds is None else seconds / 60 for id, seconds in found.items()},
        outcomes.breaches(signals, scenario.published, scenario.start),
        outcomes.first_trouble(signals) >= first_input_s,
    )


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
    return trial(with_inputs(scenario, values), replicate)
