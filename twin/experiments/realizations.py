"""What the arms of a study share: the sampled uncertain inputs, the noise, and the variant of the model.

Each uncertain input is sampled by a key: its own name, and the number of the draw. So a sample stays what it
is when a study is continued with more draws, and when a service or an input is added.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from typing import Any

from twin.base.rng import DELAY, stable_key, uniform
from twin.model.changes import Variant
from twin.model.scenario import Scenario
from twin.spec import vary
from twin.spec.inputs import UncertainInput, inputs_of, value_at_quantile, varies, with_inputs


@dataclass(frozen=True, order=True)
class Realization:
    """One way in which the world may be.

    ``draw``: which sample of the uncertain inputs, 0 for the shipped values. ``replicate``: of the noise.
    ``variant``: of the model, '' for the shipped one.
    """

    draw: int = 0
    replicate: int = 0
    variant: str = ""


def realizations(
    count: int, *, draws: bool = True, variant: str = "", first: int = 1
) -> tuple[Realization, ...]:
    """``count`` realizations, each with its own noise and, with ``draws``, its own sample of the inputs."""
    return tuple(Realization(k if draws else 0, k, variant) for k in range(first, first + count))


def quantile(scenario: Scenario, number: UncertainInput, draw: int) -> float:
    """The quantile of an input's prior, from 0 to 1, that a draw takes."""
    return uniform(scenario.seed, stable_key(f"prior of {number.target}"), 0, DELAY, draw)


def quantiles(scenario: Scenario, draw: int) -> dict[UncertainInput, float]:
    """Each uncertain input of the scenario → the quantile of its prior in this draw."""
    return {n: quantile(scenario, n, draw) for n in uncertain(scenario)}


def uncertain(scenario: Scenario) -> tuple[UncertainInput, ...]:
    """The inputs that are sampled: without a source, and not fitted. Kept, as each draw asks for them."""
    if _latest.get("scenario") is not scenario:
        found = tuple(n for n in inputs_of(scenario) if varies(scenario, n))
        _latest.update(scenario=scenario, uncertain=found)
    kept: tuple[UncertainInput, ...] = _latest["uncertain"]
    return kept


_latest: dict[str, Any] = {}


def sampled(scenario: Scenario, at: Mapping[UncertainInput, float]) -> Scenario:
    """The scenario with each of these inputs at its quantile."""
    return with_inputs(scenario, {n.target: value_at_quantile(n, p) for n, p in at.items()})


def realized(scenario: Scenario, realization: Realization, variants: Mapping[str, Variant]) -> Scenario:
    """The scenario in one realization, before any arm changes it."""
    if realization.variant:
        scenario = vary(scenario, variants[realization.variant])
    return sampled(scenario, quantiles(scenario, realization.draw)) if realization.draw else scenario


def first_input_s(scenario: Scenario) -> float:
    """Time of the scenario's first fault or action, in s from the start; 0 if none has a time."""
    return min(_times_s(scenario), default=0.0)


def _times_s(scenario: Scenario) -> Iterable[float]:
    return (x.at_s for x in scenario.interventions if x.at_s is not None)
