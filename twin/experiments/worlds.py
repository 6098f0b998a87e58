"""What the arms of a study share: the numbers that nobody knows, the noise, the way the model is true.

Each number is drawn by its own name, and not from a list: a draw stays what it is when a study is continued
with more of them, and when a service or a number is added.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass

import numpy as np
from scipy.stats import qmc

from twin.base.rng import DELAY, stable_key, uniform
from twin.model.changes import Variant
from twin.model.scenario import Scenario
from twin.spec import vary
from twin.spec.inputs import UncertainInput, inputs_of, value_at_quantile, varies, with_inputs


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


def places(scenario: Scenario, draw: int) -> dict[UncertainInput, float]:
    """Each unsourced number of the scenario, and where in its range this draw puts it, from 0 to 1."""
    return {
        n: uniform(scenario.seed, stable_key(f"prior of {n.target}"), 0, DELAY, draw)
        for n in inputs_of(scenario)
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


def draws(scenario: Scenario, n: int, seed: int) -> tuple[tuple[UncertainInput, ...], np.ndarray]:
    """The unsourced numbers, and (n, numbers) places from 0 to 1 in their ranges; both follow from seed."""
    varied = tuple(number for number in inputs_of(scenario) if varies(scenario, number))
    if not varied:
        return (), np.zeros((n, 0))
    return varied, qmc.LatinHypercube(len(varied), rng=seed).random(n)


def drawn(scenario: Scenario, varied: Sequence[UncertainInput], places: Sequence[float]) -> Scenario:
    """The scenario with each number at its place."""
    return with_inputs(scenario, values_at(varied, places))


def values_at(varied: Sequence[UncertainInput], places: Sequence[float]) -> dict[str, float | int]:
    """Target → value of each number at its place."""
    return {n.target: value_at_quantile(n, float(p)) for n, p in zip(varied, places, strict=True)}
