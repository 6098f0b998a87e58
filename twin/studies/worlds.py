"""What the arms of a study share: the numbers that nobody knows, the noise, the way the model is true.

Each number is drawn by its own name, and not from a list: a draw stays what it is when a study is continued
with more of them, and when a service or a number is added.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass

from twin.ensemble import drawn
from twin.model import Scenario
from twin.numbers import Number, numbers, varies
from twin.rng import DELAY, stable_key, uniform
from twin.spec import vary
from twin.variations import Variant


@dataclass(frozen=True, order=True)
class World:
    """``draw``: which draw of the unsourced numbers, 0 for the shipped ones. ``replicate``: of the noise.
    ``variant``: of the model, '' for the one that is shipped."""

    draw: int = 0
    replicate: int = 0
    variant: str = ""


def worlds(count: int, *, draws: bool = True, variant: str = "", first: int = 1) -> tuple[World, ...]:
    """``count`` worlds, each with noise of its own and, with ``draws``, numbers of its own."""
    return tuple(World(k if draws else 0, k, variant) for k in range(first, first + count))


def places(scenario: Scenario, draw: int) -> dict[Number, float]:
    """Each unsourced number of the scenario, and where in its range this draw puts it, from 0 to 1."""
    return {
        n: uniform(scenario.seed, stable_key(f"prior of {n.target}"), 0, DELAY, draw)
        for n in numbers(scenario)
        if varies(scenario, n)
    }


def placed(scenario: Scenario, world: World, variants: Mapping[str, Variant]) -> Scenario:
    """The scenario in one world, before any arm changes it."""
    if world.variant:
        scenario = vary(scenario, variants[world.variant])
    if not world.draw:
        return scenario
    there = places(scenario, world.draw)
    return drawn(scenario, list(there), list(there.values()))
