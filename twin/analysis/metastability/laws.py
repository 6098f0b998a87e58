"""What closed forms say about a service's two states, to hold against what its runs show.

All of them are laws of rates and time-outs; none of them steps anything. Source: MODELLING 1.1.2, 1.1.3, 1.3.
"""

from __future__ import annotations

import math
from collections.abc import Callable
from dataclasses import dataclass
from itertools import pairwise

import numpy as np
from scipy.optimize import brentq
from scipy.stats import gamma

from twin.analysis.metastability.isolate import Isolated
from twin.analysis.metastability.loads import value_of
from twin.analysis.metastability.loop import capacity_of
from twin.mechanisms.arrays import LEGACY
from twin.model.kind import ClosedForm
from twin.model.scenario import Dependency

FIFO, RENEWAL = 1.0, 2.0
STOPPERS = ("client_throttle_ratio", "breaker_error_ratio")  # clients that stop sending what fails
LIMITS = ("retry_mode", "retry_budget_ratio", "deadline_s")  # clients that make fewer attempts at times


@dataclass(frozen=True)
class Law:
    """``value`` by the closed form, with what it ``is``; ``found`` is what the runs gave, if they looked."""

    name: str
    value_is: str
    value: float | None
    found: float | None = None


def attempts(alone: Isolated) -> float:
    """Attempts per call when all fail, mean over the callers by load; what budgets, quotas and deadlines of
    the callers' clients allow."""
    total = sum(alone.point.calls_per_s.values())
    if total <= 0.0:
        return 1.0
    edges = {name: caller.dependencies[0] for name, caller in alone.callers.items()}
    return sum(rate * _attempts(edges[name]) for name, rate in alone.point.calls_per_s.items()) / total


def _attempts(edge: Dependency) -> float:
    budget, deadline_s = value_of(edge, "retry_budget_ratio"), value_of(edge, "deadline_s")
    retries = value_of(edge, "retries")
    if value_of(edge, "retry_mode") != LEGACY:
        return 1.0  # where nothing succeeds, the quota is spent
    if deadline_s > 0.0:  # an attempt is begun while some of it is left, if waits are short
        retries = min(retries, math.ceil(deadline_s / value_of(edge, "timeout_s")) - 1.0)
    return 1.0 + (min(retries, budget) if budget > 0.0 else retries)


def clients_use(alone: Isolated, names: tuple[str, ...]) -> bool:
    """Whether some client has one of these policies: then attempts are no fixed multiple of the load."""
    edges = [caller.dependencies[0] for caller in alone.callers.values()]
    return any(value_of(edge, name) > 0.0 for edge in edges for name in names)


def band(capacity_per_s: float, attempts: float) -> tuple[float, float]:
    """Loads between which a station with zombie work has both a well and a collapsed state: mu/(1+r), mu."""
    return capacity_per_s / attempts, capacity_per_s


def fixed_points(lam: float, mu: float, tau: float, retries: int) -> list[float]:
    """Attempts a second that reproduce themselves, in M/M/1 with time-out ``tau`` and independent attempts.

    ``lam_eff = lam (1 + p + … + p^r)`` with ``p = exp(-(mu - lam_eff) tau)``, 1 from mu on. One root or
    three: stable, tipping point, collapsed. Source: MODELLING 1.1.3.
    """

    def excess(x: float) -> float:
        p = math.exp(-(mu - x) * tau) if x < mu else 1.0
        return lam * sum(p**k for k in range(retries + 1)) - x

    grid = [*np.linspace(lam, mu, 2001), max(mu, lam * (retries + 1.0)) * 1.01]
    values = [excess(x) for x in grid]
    return [
        float(brentq(excess, a, b))
        for (a, fa), (b, fb) in pairwise(zip(grid, values, strict=True))
        if (fa > 0.0) != (fb > 0.0)
    ]


def renewal_goodput_ratio(steps: int, x: float) -> float:
    """Share of the capacity that ends in finished workflows, if an attempt gets ``x`` mean works before it
    must start again. ``steps``: of a workflow; 0 for work of fixed size. Source: MODELLING 1.3.2."""
    if steps == 0:
        return 1.0 if x >= 1.0 else 0.0
    within = float(gamma.cdf(x, steps, scale=1.0 / steps))
    longer = float(gamma.cdf(x, steps + 1, scale=1.0 / steps))
    return within / (longer + x * (1.0 - within)) if x > 0.0 else 0.0


@dataclass(frozen=True)
class Fleet:
    """Numbers of a lease fleet: droplets, capacity (1/s), time-out (s), lapse rate (1/s), steps, shortest
    attempt (s)."""

    droplets: float
    capacity_per_s: float
    timeout_s: float
    lapse_per_s: float
    steps: int
    least_s: float

    @property
    def unit(self) -> float:
        """Capacity × time-out: what can be done before the first attempt times out."""
        return self.capacity_per_s * self.timeout_s

    def drift(self, broken: float) -> float:
        """Droplets a second by which those without lease grow, when ``broken`` are. Source: V22c."""
        done = self.capacity_per_s * renewal_goodput_ratio(self.steps, self.unit / broken)
        return self.lapse_per_s * (self.droplets - broken) - min(done, broken / self.least_s)

    def equilibria(self) -> list[tuple[float, bool]]:
        """(droplets without lease, whether it is stable) where nothing drifts, the smallest first."""
        least = 1e-3 * self.least_s * self.lapse_per_s * self.droplets + 1e-9
        grid = [float(b) for b in np.geomspace(least, self.droplets, 4000)]
        return [
            (float(brentq(self.drift, a, b)), fa > 0.0)
            for (a, fa), (b, fb) in pairwise((b, self.drift(b)) for b in grid)
            if (fa > 0.0) != (fb > 0.0)
        ]


def fleet_of(alone: Isolated) -> Fleet:
    """The numbers of the fleet."""
    names = ("holders_count", "capacity_per_s", "timeout_s", "lapse_per_s")
    d, c, t, e = (alone.value(name) for name in names)
    return Fleet(d, c, t, e, int(alone.value("steps")), alone.value("min_duration_s"))


def laws(alone: Isolated, *, shed: float | None, cleared: float | None) -> list[Law]:
    """The laws of the service's kind. ``shed``: share of the load that may stay, as the runs found it;
    ``cleared``: the largest count from which it recovers."""
    if len(alone.members) > 1:
        return []  # they speak of one service
    by_form: dict[ClosedForm, Callable[[], list[Law]]] = {
        ClosedForm.NONE: list,
        ClosedForm.STATION: lambda: _station(alone, shed),
        ClosedForm.LEASES: lambda: _fleet(alone, cleared),
        ClosedForm.SLOWING_QUEUE: lambda: _slowing(alone, cleared),
    }
    return by_form[alone.about.closed_form]()


def is_plain(alone: Isolated) -> bool:
    """Whether a station works in order, at one speed and without a bound: what the closed forms speak of."""
    usual = {"discipline": 0.0, "half_capacity_backlog_count": 0.0, "throttle_per_s": 0.0, "patience_s": 0.0}
    usual |= {"workers_count": 0.0, "target_utilisation_ratio": 0.0, "instances_count": 0.0}
    as_usual = all(alone.value(name) == value for name, value in usual.items())
    return as_usual and alone.value("buffer_count") >= 1e9


def _station(alone: Isolated, shed: float | None) -> list[Law]:
    mu = capacity_of(alone.record)
    load, tries = alone.load_per_s, attempts(alone)
    if load <= 0.0 or math.isinf(mu) or not is_plain(alone) or clients_use(alone, STOPPERS):
        return []
    low, high = band(mu, tries)
    return [
        Law("well state up to", "calls a second: capacity", high),
        Law("collapsed state from", "calls a second: capacity over attempts", low,
            None if shed is None else shed * load),
    ]  # fmt: skip


def _fleet(alone: Isolated, cleared: float | None) -> list[Law]:
    fleet = fleet_of(alone)
    if alone.value("workflow") == FIFO:
        said = "droplets without lease: 2 × capacity × time-out"
        return [Law("tips beyond", said, 2.0 * fleet.unit, cleared)]
    if fleet.steps == 0 and alone.value("workflow") != RENEWAL:
        return [Law("tips beyond", "droplets without lease: capacity × time-out", fleet.unit, cleared)]
    points = fleet.equilibria()
    unstable = [b for b, stable in points if not stable]
    stable = [b for b, stable in points if stable]
    return [
        Law("tips beyond", f"droplets without lease: renewal law of {fleet.steps} steps",
            unstable[0] if unstable else None, cleared),
        Law("collapsed at", "droplets without lease, where lapses equal goodput",
            stable[-1] if unstable else None),
        Law("capacity × time-out", "droplets", fleet.unit),
    ]  # fmt: skip


def _slowing(alone: Isolated, cleared: float | None) -> list[Law]:
    """A queue whose capacity falls with its length drains from below the backlog at which it equals the
    load."""
    half, load = alone.value("half_capacity_backlog_count"), alone.load_per_s
    mu = alone.value("capacity_per_s") * alone.value("capacity_ratio")
    work = load * alone.value("work_count")
    if half <= 0.0 or work <= 0.0:
        return []
    return [Law("tips beyond", "changes that wait", half * (mu / work - 1.0) if mu > work else 0.0, cleared)]
