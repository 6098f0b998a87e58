"""What a service meets while nothing is wrong: calls a second over each dependency, and latencies.

A run counts whole calls, so a rate that is read off it is wrong by up to a call over the time that it counts.
The counts therefore only tell which law a dependency obeys, and the law gives the number:

- The rate of customers, and of work that begins in a service, is a parameter.
- A service calls its callee ``share × times`` times for each call that it gets.
- A pool of connections, or of cached answers, renews each of them once in its lifetime.

Where the counts obey none of these, they are the answer. Calls that are stepped one by one obey them always.
"""

from __future__ import annotations

import math
from collections.abc import Mapping
from dataclasses import dataclass

import numpy as np

from twin.kinds import about, registry
from twin.model.dependency_parameters import EDGE_PARAMETERS
from twin.model.scenario import Dependency, Quantity, Scenario, Service
from twin.simulation import inline
from twin.simulation.levels import call_rates, connected_sets, stepped_each
from twin.simulation.run import schedule_for
from twin.simulation.world import build

UNDISTURBED_S = 600.0  # so long a scenario runs undisturbed before its loads are taken
NOISY_PERIODS, NOISY_TICKS = 600, 6000  # the same, at most, where chance has to average out
PERIODS = 6  # signal periods over which they are counted
SIGMAS = 4.0  # by how much a count may differ by chance
SLACK = 2.0  # calls by which a count and a law may differ: one for each end of the time
POOLS = ("new_connections", "cached")  # modes in which a pool calls, and not each request
OF_ITS_OWN = ("rate_per_s", "own_per_s")  # parameters that say how many calls begin in a service

SINGLE = (
    "work_s",
    "workers_count",
    "instances_count",
    "target_utilisation_ratio",
)  # counts read none of these
SINGLE_MODES = ("soft", "fire_and_forget", "bootstrap")  # modes of which counts know little

Calls = dict[tuple[str, str], float]  # (caller, callee) → calls a second


@dataclass(frozen=True)
class Loads:
    """First tries a second over each dependency, and the latency in s that its caller sees, undisturbed."""

    calls_per_s: Calls
    latency_s: Calls

    def into(self, service: str) -> float:
        """First tries a second that reach ``service``."""
        return sum(rate for (_, callee), rate in self.calls_per_s.items() if callee == service)


def undisturbed(scenario: Scenario) -> Scenario:
    """Without faults, people and night, and long enough to become quiet; without luck, unless calls are
    stepped one by one."""
    before = scenario.topology.services
    services = {n: _at_peak(s) if about(s.kind).is_customers else s for n, s in before.items()}
    update = {
        "topology": scenario.topology.model_copy(update={"services": services}), "faults": (), "actions": (),
        "diagnoses": (), "expect": (), "responders": "scripted", "duration_s": UNDISTURBED_S,
        "noise": "exact" if one_by_one(scenario) else "mean",
    }  # fmt: skip
    return scenario.model_copy(update=update)


def _at_peak(record: Service) -> Service:
    return with_values(record, {"swing_ratio": 0.0}, "the peak of the day")


def with_values(record: Service, values: Mapping[str, float], why: str) -> Service:
    """The service with other values of some parameters."""
    changed = {name: Quantity(value=value, assumed=why) for name, value in values.items()}
    return record.model_copy(update={"parameters": {**record.parameters, **changed}})


def value_of(record: Service | Dependency, name: str) -> float:
    """A parameter of a service, or a number of a dependency, as the step reads it."""
    if isinstance(record, Service):
        params, given = registry()[record.kind].PARAMETERS, record.parameters
    else:
        params, given = EDGE_PARAMETERS, record.numbers
    param = next(p for p in params if p.name == name)
    return float(param.encode(given[name].value if name in given else param.default))


def one_by_one(scenario: Scenario) -> set[str]:
    """The services whose calls are stepped one by one, and have to be: counts do not know what they do."""
    services, each = scenario.topology.services, stepped_each(scenario)
    sets = connected_sets(services, each)
    return {name for group in sets if any(_beyond_counts(services[n]) for n in group) for name in group}


def _beyond_counts(record: Service) -> bool:
    known = {p.name for p in registry()[record.kind].PARAMETERS}
    if about(record.kind).one_by_one == "holders" or record.requests == "each":
        return True
    if any(value_of(record, name) > 0.0 for name in SINGLE if name in known):
        return True
    words = [(d.parallel, d.one_of, d.fallback) for d in record.dependencies]
    modes = {d.mode for d in record.dependencies}
    times = any(value_of(d, "times") > 1.0 for d in record.dependencies)
    return times or any(any(word) for word in words) or bool(modes & set(SINGLE_MODES))


def loads_of(scenario: Scenario) -> Loads:
    """The loads of the whole scenario, once it has become quiet."""
    quiet = undisturbed(scenario)
    counted, latency_s, span_s = _counts(quiet)
    services = quiet.topology.services
    known = _known(services, stepped_each(quiet))
    return Loads(exact(services, counted | known, span_s, quiet.noise == "exact"), latency_s)


def _known(services: Mapping[str, Service], single: set[str]) -> Calls:
    """Calls a second over the dependencies of services whose calls are stepped one by one."""
    rates = call_rates(services) if single else {}
    found: Calls = {}
    for caller in single:
        for edge in services[caller].dependencies:
            asked = rates[caller] * value_of(edge, "share") * value_of(edge, "times")
            stock = "keys_count" if edge.mode == "cached" else "connections_count"
            renewed = value_of(edge, stock) / value_of(edge, "lifetime_s")
            found[caller, edge.on] = min(asked, renewed) if edge.mode in POOLS else asked
    return found


def _counts(quiet: Scenario) -> tuple[Calls, Calls, float]:
    """(calls a second over each dependency by count, its latency in s, seconds over which it was counted)."""
    model = build(quiet, seed=quiet.seed)
    world, period = model.state, max(1, round(quiet.topology.signal_period_s / quiet.tick_s))
    t = round(UNDISTURBED_S / quiet.tick_s / period) * period
    inline.run_inline(model, schedule_for(model, quiet), t)
    is_noisy = quiet.noise == "exact"
    ticks = max(PERIODS * period, min(NOISY_TICKS, NOISY_PERIODS * period) if is_noisy else 0)
    calls, waits_s = np.zeros(len(model.edges)), np.zeros(len(model.edges))
    for _ in range(ticks):
        t = inline.advance(model, t, t + 1)
        waits_s += world.edge["visible_latency_s"]
        calls += world.edge["sent_calls"] / np.where(world.edge["cross_domain"] != 0, period, 1)
        model.drain()
    span_s = ticks * quiet.tick_s
    waits_s = waits_s / ticks if is_noisy else world.edge["visible_latency_s"]
    rates, waits = (calls / span_s).tolist(), waits_s.tolist()
    counted, latency_s = (dict(zip(model.edges, column, strict=True)) for column in (rates, waits))
    return counted, latency_s, span_s


def exact(services: Mapping[str, Service], counted: Calls, span_s: float, noisy: bool = False) -> Calls:
    """The rates that the laws give, for each dependency that obeys one; the counted rate for the others.

    ``noisy``: the counts are by chance.
    """
    places = list(counted)
    own = {name: _begun(record) for name, record in services.items()}
    into = {name: [n for n, (_, b) in enumerate(places) if b == name] for name in services}
    gains, fixed = np.zeros((len(places), len(places))), np.array([counted[place] for place in places])
    for k, (caller, callee) in enumerate(places):
        edge = next(d for d in services[caller].dependencies if d.on == callee)
        reaching = own[caller] + sum(counted[places[n]] for n in into[caller])
        for gain, pool in _laws(edge):
            slack = SLACK + gain * (1.0 + len(into[caller]))
            slack += SIGMAS * math.sqrt(gain * reaching * span_s) if noisy else 0.0
            if abs(counted[caller, callee] - gain * reaching - pool) * span_s <= slack:
                fixed[k] = gain * own[caller] + pool
                gains[k, into[caller]] = gain
                break
    if not len(places) or max(abs(np.linalg.eigvals(gains))) >= 1.0:  # a cycle whose calls never end
        return counted
    rates = np.linalg.solve(np.eye(len(places)) - gains, fixed)
    return dict(zip(places, rates.tolist(), strict=True))


def _begun(record: Service) -> float:
    """Calls a second that begin in the service, at the peak of the day."""
    known = {p.name for p in registry()[record.kind].PARAMETERS}
    rate_ratio = value_of(record, "rate_ratio") if "rate_ratio" in known else 1.0
    return sum(rate_ratio * value_of(record, name) for name in OF_ITS_OWN if name in known)


def _laws(edge: Dependency) -> list[tuple[float, float]]:
    """What may hold: (calls for each call that the caller gets, calls a second beside that)."""
    if edge.mode in POOLS:
        return [(0.0, value_of(edge, "connections_count") / value_of(edge, "lifetime_s"))]
    share = value_of(edge, "share")
    return [(share * value_of(edge, "times"), 0.0), (share, 0.0)]
