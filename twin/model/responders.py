"""How long responders take, and what they wait for, where a scenario models them.

The real system: people and their tools. An alarm fires. People sort the alarms, find the cause (or a wrong
one), agree on a repair, and carry it out.

The claim: people act on what they know. So an earlier diagnosis moves every step that follows from it. A
fault that nobody has noticed is not repaired. A fault that has healed is left alone until it comes back.

Left out: people who tire, are relieved or disagree; two repairs that need the same people.

| responders | act |
|---|---|
| ``scripted`` | at the times that the scenario gives, without knowledge |
| ``modelled`` | after their stages, each as long as the scenario says |
| ``drawn`` | as modelled, but each stage is lognormal with its value as the median |

Draws are keyed by step and stage, so two variants of a scenario have equally quick responders.
"""

from __future__ import annotations

import math
from collections.abc import Collection, Iterator, Mapping
from typing import Any

from twin.model.parameter import Param
from twin.model.scenario import Diagnosis, Intervention, Quantity, Scenario

Step = Intervention | Diagnosis
TRIAGE = ("triage_s", "triage_doubling_s")

STAGE = Param("stage", 0.0, "s", 0.0, 7 * 86400.0, "a stage of a diagnosis or an action", "assumed: none")
CV = Param(
    "stage_cv_ratio", 0.7, "ratio", 0.0, 3.0, "standard deviation of a drawn stage over its mean",
    "assumed: nobody published how delays of people spread; nine of ten within a factor of three", (0.4, 1.0),
)  # fmt: skip


def is_modelled(scenario: Scenario) -> bool:
    """Whether responders act on what they know, rather than at given times."""
    return scenario.responders != "scripted"


def listed(scenario: Scenario) -> tuple[Step, ...]:
    """Every fault, action and diagnosis, for any kind of responders."""
    return scenario.interventions + scenario.diagnoses


def steps(scenario: Scenario) -> tuple[Step, ...]:
    """The steps that can happen in a run.

    Diagnoses, and faults that only mislead, count only if responders are modelled.
    """
    if is_modelled(scenario):
        return listed(scenario)
    return tuple(x for x in scenario.interventions if x.set)


def follows(scenario: Scenario, step: Step) -> str | None:
    """Id of the step that has to happen first; None without one, or if responders are scripted."""
    return step.follows if is_modelled(scenario) else None


def waiting(scenario: Scenario) -> list[Step]:
    """Steps with a condition, in the order in which a run numbers their conditions."""
    return [step for step in steps(scenario) if step.when is not None]


def stages(step: Step) -> Iterator[tuple[str, Quantity]]:
    """(name, duration) of every stage of a step: the times that responders take."""
    if isinstance(step, Diagnosis):
        yield from ((name, getattr(step, name)) for name in TRIAGE if getattr(step, name) is not None)
        yield from step.misled_by.items()
    yield from step.takes.items()


def stage_targets(scenario: Scenario) -> dict[str, Param]:
    """'step.stage' → its Param, for every stage of every step, whether responders are modelled or not."""
    everything = scenario.interventions + scenario.diagnoses
    return {f"{step.id}.{name}": STAGE for step in everything for name, _ in stages(step)}


def with_stages(scenario: Scenario, given: Mapping[str, Quantity]) -> Scenario:
    """The scenario with other stages: 'step.stage' → duration. Other targets are ignored."""
    known = stage_targets(scenario)
    given = {target: quantity for target, quantity in given.items() if target in known}
    if not given:
        return scenario
    actions = tuple(_timed(x, given) for x in scenario.actions)
    diagnoses = tuple(_timed(x, given) for x in scenario.diagnoses)
    return scenario.model_copy(update={"actions": actions, "diagnoses": diagnoses})


def _timed(step: Step, given: Mapping[str, Quantity]) -> Step:
    new = {name: given.get(f"{step.id}.{name}", quantity) for name, quantity in stages(step)}
    update: dict[str, Any] = {"takes": {name: new[name] for name in step.takes}}
    if isinstance(step, Diagnosis):
        update["misled_by"] = {name: new[name] for name in step.misled_by}
        update |= {name: new[name] for name in TRIAGE if name in new}
    return step.model_copy(update=update)


class Delays:
    """How long each step takes in one run: fixed, or drawn by seed and replicate."""

    def __init__(self, scenario: Scenario, seed: int, replicate: int) -> None:
        """``seed`` and ``replicate`` are those of the run."""
        cv = scenario.stage_cv_ratio.value if scenario.stage_cv_ratio else CV.default
        drawn = scenario.responders == "drawn"
        self._sigma = math.sqrt(math.log1p(float(cv) ** 2)) if drawn else 0.0
        self._counts = is_modelled(scenario)
        self._key = seed, replicate

    def triage_s(self, diagnosis: Diagnosis, alarms: int) -> float:
        """Time from the first alarm until ``alarms`` of them are sorted: a + b log2(1 + alarms)."""
        parts = dict(stages(diagnosis))
        fixed, doubling = (_seconds(parts.get(name)) for name in TRIAGE)
        return (fixed + doubling * math.log2(1 + alarms)) * self._factor(diagnosis, "triage")

    def rest_s(self, step: Step, begun: Collection[str]) -> float:
        """Time of a step's stages, with the time lost to misleading faults among ``begun`` (ids).

        0 for scripted responders.
        """
        if not self._counts:
            return 0.0
        lost = step.misled_by if isinstance(step, Diagnosis) else {}
        parts = [(name, q) for name, q in lost.items() if name in begun] + list(step.takes.items())
        return sum(_seconds(quantity) * self._factor(step, name) for name, quantity in parts)

    def _factor(self, step: Step, stage: str) -> float:
        """A factor with median 1."""
        if not self._sigma:
            return 1.0
        from twin.base import rng  # here, because it brings the compiler, which the spec can do without

        seed, replicate = self._key
        entity = rng.stable_key(f"{step.id}.{stage}")
        return float(rng.lognormal(1.0, self._sigma, seed, entity, 0, rng.DELAY, replicate))


def _seconds(quantity: Quantity | None) -> float:
    return 0.0 if quantity is None else float(quantity.value)
