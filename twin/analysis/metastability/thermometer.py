"""How often a service in its good state collapses with no trigger at all, from a small Markov chain.

A run says yes or no. Below the fold, the collapse of a small system is a rare event with a rate. The chain is
the service *scaled down*: the same utilisation, time-out, attempts and back-off. But its capacity is so small
that only ``slots`` calls (or droplets) are served in a time-out, which makes its noise larger. Service,
retries and arrivals are memoryless in the chain; those of the service need not be. The mean time to collapse
grows exponentially with the scale. So the largest chain gives a lower bound for the service itself.
"""

from __future__ import annotations

import math
from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np

from twin.analysis import markov
from twin.analysis.metastability.isolate import Isolated
from twin.analysis.metastability.laws import (
    LIMITS,
    STOPPERS,
    attempts,
    clients_use,
    fleet_of,
    is_plain,
    renewal_goodput_ratio,
)
from twin.analysis.metastability.loads import value_of
from twin.analysis.metastability.loop import capacity_of
from twin.model.kind import ClosedForm

SLOTS = (10.0, 20.0, 40.0)  # calls in a time-out of the scaled-down service
MOST_STATES = 60_000
PLACES = 4.0  # the chain's queue, over its slots; who waits beyond three quarters of it has collapsed


@dataclass(frozen=True)
class ChainReading:
    """One chain. Times in s: the mean time from empty to collapsed, and from collapsed back to empty. They
    are inf where longer than ``told_s``, the longest that the solver can resolve. ``late_ratio``: share of
    attempts that are late while it is well; ``on_time_ratio``: of those that are on time in the long run;
    nan: not known."""

    slots: float
    states: int
    well_s: float
    collapsed_s: float
    told_s: float
    late_ratio: float = math.nan
    on_time_ratio: float = math.nan

    def collapse_chance(self, horizon_s: float) -> float:
        """Chance that it collapses within ``horizon_s``, from a well state; at most, where it is not told."""
        return -math.expm1(-horizon_s / min(self.well_s, self.told_s))


@dataclass(frozen=True)
class Thermometer:
    """``readings``, the smallest scale first; ``full_slots``: the slots of the service itself."""

    how: str
    full_slots: float
    readings: tuple[ChainReading, ...]


def chains_of(alone: Isolated) -> Thermometer | None:
    """The chains of a service, or None for a loop of several and for a kind that has none."""
    form = alone.about.closed_form
    if len(alone.members) > 1:
        return None
    if form == ClosedForm.LEASES:
        return _fleet(alone)
    return _station(alone) if form == ClosedForm.STATION and alone.point.calls_per_s else None


def _station(alone: Isolated) -> Thermometer | None:
    mu = capacity_of(alone.record)
    main = max(alone.point.calls_per_s, key=lambda name: alone.point.calls_per_s[name])
    edge = alone.callers[main].dependencies[0]
    tau, tries, load = value_of(edge, "timeout_s"), attempts(alone), alone.load_per_s
    if edge.mode == "async" or mu * tau > 1e9 or load <= 0.0:
        return None
    if not is_plain(alone) or clients_use(alone, STOPPERS + LIMITS):
        return None
    wait_s = tau + value_of(edge, "backoff_s")
    readings = [station_reading(s, load / mu, tau, tries, wait_s) for s in _sizes(mu * tau)]
    how = (
        "same utilisation, time-out, attempts and back-off; capacity divided until as many calls fit in a "
        "time-out; Poisson arrivals, exponential service, retries without memory"
    )
    return Thermometer(how, mu * tau, tuple(readings))


def _sizes(full: float) -> Sequence[float]:
    return [s for s in SLOTS if s < full] or [full]


def station_reading(
    slots: float, utilisation: float, tau: float, tries: float, wait_s: float
) -> ChainReading:
    """The chain by position of a station with ``slots`` calls to a time-out; ``tries`` attempts a call."""
    mu = slots / tau
    lam, again, theta = utilisation * mu, 1.0 - 1.0 / tries, 1.0 / wait_s
    places = math.ceil(PLACES * slots)
    orbit = min(max(10, math.ceil(3.0 * lam * (tries - 1.0) * wait_s)), MOST_STATES // (places + 1))
    chain = markov.timeout_by_position(lam, mu, tau, theta, again, places=places, orbit=orbit)
    bad, good = np.zeros(chain.shape, bool), np.zeros(chain.shape, bool)
    bad[math.ceil(0.75 * places) :] = True
    good[0, : max(3, math.ceil(0.05 * orbit))] = True
    late = markov.late_ratio(places, mu, tau)
    return ChainReading(
        slots,
        chain.generator.shape[0],
        float(markov.mean_time(chain, bad)[0, 0]),
        float(markov.mean_time(chain, good)[-1, -1]),
        markov.longest(chain),
        late_while_well(chain, bad, late),
        on_time(chain, late),
    )


def on_time(chain: markov.MarkovChain, late: np.ndarray) -> float:
    """Share of attempts that are on time in the long run, both states taken together."""
    try:
        return float(markov.stationary(chain).sum(axis=1) @ (1.0 - late))
    except ArithmeticError:
        return math.nan


def late_while_well(chain: markov.MarkovChain, bad: np.ndarray, late: np.ndarray) -> float:
    """Share of arrivals that are late before the first collapse, by time spent in each state on the way."""
    spent = markov.time_spent(chain, bad)
    known = 0.0 < spent.sum() < math.inf
    return float((spent.sum(axis=1) * late).sum() / spent.sum()) if known else math.nan


def _fleet(alone: Isolated) -> Thermometer:
    """A count of broken droplets: lapses up, renewal goodput down."""
    fleet = fleet_of(alone)
    readings = []
    for slots in _sizes(fleet.unit):
        scale = slots / fleet.unit
        droplets = math.ceil(fleet.droplets * scale)
        broken = np.arange(min(droplets, MOST_STATES) + 1)
        share = np.maximum(broken, 1) / slots
        done = (
            fleet.capacity_per_s
            * scale
            * np.array([renewal_goodput_ratio(fleet.steps, 1.0 / x) for x in share])
        )
        death = np.where(broken > 0, np.minimum(done, broken / fleet.least_s), 0.0)
        birth = fleet.lapse_per_s * (droplets - broken)
        chain = markov.birth_death(birth, death)
        bad, good = broken[:, None] >= 0.5 * droplets, broken[:, None] <= 0.1 * slots
        readings.append(
            ChainReading(
                slots,
                len(broken),
                float(markov.mean_time(chain, bad)[0, 0]),
                float(markov.mean_time(chain, good)[-1, 0]),
                markov.longest(chain),
            )
        )
    how = (
        "same droplets and lapses over capacity × time-out; all divided until as many workflows fit in a "
        "time-out; renewal goodput, exponential times"
    )
    return Thermometer(how, fleet.unit, tuple(readings))
