"""How the services of a scenario are stepped, in words: call by call, or as counts."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass

from twin.base.text import counted
from twin.base.units import format_duration
from twin.model.scenario import Scenario
from twin.simulation.levels import stepped_each, weights

MOST_NAMES = 8  # more services are counted, not named


@dataclass(frozen=True)
class Stepping:
    """``each``: service → how many calls one simulated call stands for. ``counts``: the other services.
    ``hops``: dependencies between them that cross domains, 'caller->callee'."""

    each: dict[str, int]
    counts: tuple[str, ...]
    hops: tuple[str, ...]
    tick_s: float
    signal_period_s: float

    def lines(self) -> Iterator[str]:
        """A line for each way of stepping, and one for calls that a border delays."""
        for weight in sorted(set(self.each.values())):
            names = [name for name, of in self.each.items() if of == weight]
            group = "" if weight == 1 else f", one for {weight} as there are too many"
            yield f"call by call{group}: {_named(names)}"
        if self.counts:
            yield f"as counts, in ticks of {format_duration(self.tick_s)}: {_named(list(self.counts))}"
        if self.hops:
            period = format_duration(self.signal_period_s)
            hops = counted(len(self.hops), "call path")
            yield f"{hops} between domains: news over each may be up to {period} late"


def stepped_as_counts(scenario: Scenario) -> set[str]:
    """The services that are not stepped call by call."""
    return set(scenario.topology.services) - stepped_each(scenario)


def stepping_of(scenario: Scenario) -> Stepping:
    """How each service of a scenario is stepped."""
    services, each = scenario.topology.services, weights(scenario)
    hops = tuple(
        f"{name}->{d.on}" for name, service in sorted(services.items()) for d in service.dependencies
        if d.on not in each and service.domain != services[d.on].domain
    )  # fmt: skip
    counts = tuple(sorted(set(services) - set(each)))
    return Stepping(each, counts, hops, scenario.tick_s, scenario.topology.signal_period_s)


def _named(names: list[str]) -> str:
    return ", ".join(names) if len(names) <= MOST_NAMES else counted(len(names), "service")
