"""A loop of services as a scenario has left it at some time, taken out of there and left to itself.

Who is down at that time because of others comes back once it is alone. Who does not is in a metastable state:
no trigger is left, and its own mechanism keeps it where it is.
"""

from __future__ import annotations

import numpy as np

from twin.analysis.metastability.isolate import Isolated
from twin.analysis.metastability.loads import one_by_one
from twin.kinds import registry
from twin.mechanisms.arrays import BREAKER_SLOTS, CACHE_SLOTS, CACHED, EDGE
from twin.model.scenario import Scenario
from twin.simulation import inline
from twin.simulation.run import schedule_for
from twin.simulation.world import Model, build

PLACES = ("key", "caller", "callee", "cell", "phases", "line", "line_slots")  # of a dependency in its world
EDGE_NUMBERS = ("lease",)  # state that is the number of a dependency: it differs between the two worlds


def samples_of(model: Model, service: str, samples: list[np.ndarray]) -> np.ndarray:
    """The sample rows of one service, in order; SAMPLE[n]."""
    rows = np.concatenate(samples)
    return rows[rows["service"] == model.names.index(service)]


def lived(scenario: Scenario, alone: Isolated, at_s: float) -> tuple[Model, list[np.ndarray]]:
    """The small world at ``at_s``, its loop as the scenario has left it, and each member's samples by then.

    The scenario is run to then, with its faults and actions. Of what they have set at the loop, faults
    are taken back and actions stay. Calls that a caller outside still holds back (async) stay behind.
    """
    if alone.is_single:
        return _left_as_it_is(scenario, alone, at_s)
    scenario = _counted(scenario)
    full = build(scenario, seed=scenario.seed)
    rows = inline.run_inline(full, schedule_for(full, scenario), round(at_s / scenario.tick_s))
    small = build(alone.scenario, seed=scenario.seed)
    inline.advance(small, 0, 1)  # so that what is looked up in the first tick is known
    small.drain()
    sound = {target: small.value(target) for target in _of_faults(scenario, alone)}
    for name in alone.members:
        _take_over(full, small, name)
    for edge in _within(alone):
        _take_over_edge(full, small, edge)
    for target, value in sound.items():
        small.change(target, value, 0)
    return small, [samples_of(full, name, rows.samples) for name in alone.members]


def _counted(scenario: Scenario) -> Scenario:
    """The scenario with all calls counted that counts can tell of, as in the small world."""
    single, before = one_by_one(scenario), scenario.topology.services
    services = {
        n: s if n in single else s.model_copy(update={"requests": "counted"}) for n, s in before.items()
    }
    topology = scenario.topology.model_copy(update={"services": services})
    return scenario.model_copy(update={"topology": topology})


def _left_as_it_is(scenario: Scenario, alone: Isolated, at_s: float) -> tuple[Model, list[np.ndarray]]:
    """The same where calls are stepped one by one: calls under way cannot move to another world, so the
    scenario itself goes on, with all faults taken back and no further intervention."""
    every = scenario.model_copy(update={"sample_s": scenario.topology.signal_period_s})
    full = build(every, seed=scenario.seed)
    sound = {target: full.value(target) for x in scenario.faults for target in x.set}
    rows = inline.run_inline(full, schedule_for(full, every), round(at_s / scenario.tick_s))
    for target, value in sound.items():
        full.change(target, value, 0)
    return full, [samples_of(full, name, rows.samples) for name in alone.members]


def alone_from(small: Model, services: tuple[str, ...], tick: int, ticks: int) -> list[np.ndarray]:
    """What the services do in their small world in the next ``ticks`` ticks: the samples of each."""
    found, t = [], tick
    while t < tick + ticks:
        t = inline.advance(small, t, min(tick + ticks, t + inline.SLICE_TICKS))
        found.append(small.drain().samples)
    return [samples_of(small, name, found) for name in services]


def _within(alone: Isolated) -> list[tuple[str, str]]:
    """Dependencies between members of the loop."""
    return [(m.service, d.on) for m in alone.each for d in m.record.dependencies if d.on in alone.members]


def _of_faults(scenario: Scenario, alone: Isolated) -> set[str]:
    """Parameters of the loop that faults set: triggers, not its state."""
    inside = set(alone.members) | {f"{caller}->{callee}" for caller, callee in _within(alone)}
    return {target for x in scenario.faults for target in x.set if target.rpartition(".")[0] in inside}


def _take_over(full: Model, small: Model, service: str) -> None:
    """Copy parameters, state and cells of the service from one world to the other."""
    in_full, in_small = (model.state.svc[model.names.index(service)] for model in (full, small))
    kind = list(registry())[in_full["kind"]]
    small.parameters[kind][in_small["slot"]] = full.parameters[kind][in_full["slot"]]
    state, kept = small.states[kind], small.states[kind][in_small["slot"]].copy()
    state[in_small["slot"]] = full.states[kind][in_full["slot"]]
    for name in EDGE_NUMBERS:
        if name in (state.dtype.names or ()):
            state[in_small["slot"]][name] = kept[name]
    mine = slice(in_small["cell"], in_small["cell"] + in_small["cells"])
    small.state.cells[mine] = full.state.cells[in_full["cell"] : in_full["cell"] + in_full["cells"]]


def _take_over_edge(full: Model, small: Model, edge: tuple[str, str]) -> None:
    """Copy parameters and state of a dependency, what it caches, its breakers, and outcomes under way."""
    there, here = (model.state.edge[model.edges.index(edge)] for model in (full, small))
    for name in EDGE.names or ():
        if name not in PLACES:
            here[name] = there[name]
    lengths = {"cell": CACHE_SLOTS if there["mode"] == CACHED else 0, "phases": BREAKER_SLOTS}
    for place, length in lengths.items():
        a, b = int(here[place]), int(there[place])
        small.state.cells[a : a + length] = full.state.cells[b : b + length]
    length, a, b = 5 * int(there["line_slots"]), int(here["line"]), int(there["line"])
    small.state.line[a : a + length] = full.state.line[b : b + length]
