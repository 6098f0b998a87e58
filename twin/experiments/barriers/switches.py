"""Defences as changes to a scenario: switched on, weakened, switched on while the event goes on."""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from itertools import combinations

from twin.experiments.barriers.analysis import AS_IT_WAS, Switches, is_off
from twin.model.changes import Barrier, Variation
from twin.model.fields import Value
from twin.model.scenario import Intervention, Scenario
from twin.model.target import Target
from twin.spec.inputs import parameter_of


def switches_of(barriers: Iterable[Barrier]) -> dict[str, Variation]:
    """Every switch, in the order of the event's path, and the change that it makes."""
    found = {}
    for barrier in barriers:
        found[barrier.name] = barrier.on
        if barrier.off is not None:
            found[f"no-{barrier.name}"] = barrier.off
    return found


def combined(barriers: Iterable[Barrier]) -> Iterator[Switches]:
    """The sides to run: as it was, each switch alone, each two defences that are switched on."""
    switches = switches_of(barriers)
    yield AS_IT_WAS
    yield from (frozenset((name,)) for name in switches)
    yield from map(frozenset, combinations([name for name in switches if not is_off(name)], 2))


def comes_late(on: Variation) -> bool:
    """Whether a defence can be switched on while the event goes on: it only sets parameters."""
    return on.model_copy(update={"set": {}}).is_empty


def switched_on_late(barrier: Barrier, scenario: Scenario, at_s: float) -> Variation:
    """The defence switched on at ``at_s`` s from the start.

    The parameters have its values when the scenario is built, which sizes arrays. They are set back to how
    they stood before the first tick.
    """
    stood = {target: present(scenario, target) for target in barrier.on.set}
    why = {"title": barrier.title, "assumed": "a defence that comes late"}
    steps = [("as-it-stood", 0.0, stood), ("switched-on", at_s, barrier.on.set)]
    actions = tuple(
        Intervention(id=f"{barrier.name}-{name}", at_s=when_s, set=dict(values), **why)
        for name, when_s, values in steps
    )
    return Variation(set=barrier.on.set, actions=actions)


def present(scenario: Scenario, target: str) -> Value:
    """The value of 'service.parameter' or 'caller->callee.number' in a scenario, as a file would say it."""
    caller, callee, name = Target.parse(target)
    service = scenario.topology.services[caller]
    edge = next((d for d in service.dependencies if d.on == callee), None)
    given = service.parameters if edge is None else edge.numbers
    return given[name].value if name in given else parameter_of(scenario, target).default
