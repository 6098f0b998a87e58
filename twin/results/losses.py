"""What a run cost, in units that mean something: failed and late calls of each service, in each phase.

A service-minute counts a chain of eight services that relay one failure eight times. Here each service is
counted in its own unit (launches, invocations), and these are not added up. The one sum is of requests of
customers that failed: calls of the services that nobody in the topology calls. It does not change when a
relay between customer and cause is split in two, or when two are merged.

Counts are on the scale of the topology, and contain retries. So compare shares, or the same count of two
runs.
"""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from typing import Any, NamedTuple

import numpy as np

from twin.model.scenario import Scenario
from twin.results.of_run import RunArrays
from twin.simulation.run import FinishedRun

LATE_S = 60.0  # a message is late if it comes while the backlog takes longer than this


class Window(NamedTuple):
    """A phase of the run, in s from its start."""

    title: str
    begin_s: float
    end_s: float


@dataclass(frozen=True)
class ServiceLoss:
    """Calls of a service in a phase. ``late``: those that waited for longer than LATE_S; 0 for a service to
    which nobody hands work over."""

    service: str
    unit: str
    phase: str
    asked: float
    failed: float
    late: float

    @property
    def failed_ratio(self) -> float:
        """Share of the calls that failed."""
        return self.failed / self.asked if self.asked else 0.0


@dataclass(frozen=True)
class RequestLoss:
    """Requests of customers in a phase, and how many of them failed."""

    phase: str
    asked: float
    failed: float


@dataclass(frozen=True)
class RunLosses:
    """``services``: each service that customers see and that lost something, by phase. ``requests``: the sum
    by phase, and of the whole run in the last entry if there are several phases."""

    services: tuple[ServiceLoss, ...]
    requests: tuple[RequestLoss, ...]

    def as_json(self) -> dict[str, Any]:
        """As ``twin replay --json`` prints it."""
        services = ({**vars(each), "failed_ratio": round(each.failed_ratio, 4)} for each in self.services)
        return {"services": list(services), "requests": [vars(each) for each in self.requests]}


def windows(scenario: Scenario) -> list[Window]:
    """The phases that the scenario declares, up to the end of the run; the whole run without any."""
    at = {o.id: o.at for o in scenario.published.outcomes} if scenario.published else {}
    found, begin_s = [], 0.0
    for phase in scenario.scoring.phases:
        end = at.get(phase.through or "")
        end_s = scenario.duration_s if end is None else (end - scenario.start).total_seconds()
        end_s = min(end_s, scenario.duration_s)
        if end_s > begin_s:
            found.append(Window(phase.title or phase.id, begin_s, end_s))
        begin_s = max(begin_s, end_s)
    return found or [Window("the run", 0.0, scenario.duration_s)]


def losses_of(run: FinishedRun, scenario: Scenario) -> RunLosses:
    """What a run of a scenario lost."""
    arrays, phases = RunArrays(run), windows(scenario)
    services = (loss for phase in phases for loss in _of_services(arrays, scenario, phase))
    requests = [_of_customers(arrays, phase) for phase in phases]
    if len(phases) > 1:
        requests.append(_of_customers(arrays, Window("all", 0.0, scenario.duration_s)))
    return RunLosses(tuple(services), tuple(requests))


def _of_services(arrays: RunArrays, scenario: Scenario, phase: Window) -> Iterator[ServiceLoss]:
    mine, offered = _inside(arrays, phase), arrays.of("offered_per_s")
    handed_to = {d["callee"] for d in arrays.run.dependencies if d["mode"] == "async"}
    for n in np.flatnonzero(arrays.visible).tolist():
        name, calls = arrays.names[n], offered[mine, n] * arrays.sample_s
        failed = float((calls * arrays.error_ratio[mine, n]).sum())
        late = arrays.backlog_s[mine, n] >= LATE_S
        late_count = float(calls[late].sum()) if name in handed_to else 0.0
        if failed or late_count:
            unit = scenario.scoring.units.get(name, "calls")
            yield ServiceLoss(name, unit, phase.title, float(calls.sum()), failed, late_count)


def _of_customers(arrays: RunArrays, phase: Window) -> RequestLoss:
    mine, top = _inside(arrays, phase), arrays.top
    sent = arrays.of("offered_per_s")[mine][:, top] * arrays.sample_s
    failed = sent * arrays.error_ratio[mine][:, top]
    return RequestLoss(phase.title, float(sent.sum()), float(failed.sum()))


def _inside(arrays: RunArrays, phase: Window) -> np.ndarray:
    end_s = arrays.tick * arrays.tick_s
    return (end_s > phase.begin_s) & (end_s <= phase.end_s)
