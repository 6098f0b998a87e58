"""Every number of a scenario with its origin: published, assumed or fitted.

A number that no file gives has the default of its kind or dependency, and the origin of that default.
"""

from __future__ import annotations

import math
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from typing import Any

from twin.kinds import about, registry
from twin.model.dependency_parameters import EDGE_PARAMETERS
from twin.model.fields import Value
from twin.model.parameter import Param
from twin.model.responders import STAGE, is_modelled, stages, steps, with_stages
from twin.model.scenario import Intervention, Quantity, Scenario, Service
from twin.spec.overrides import fold

LOGARITHMIC = 10.0  # if high / low is at least this, quantiles are spread on a logarithmic scale


@dataclass(frozen=True)
class UncertainInput:
    """One number of a scenario.

    ``target``: 'service.parameter'; 'caller->callee.number'; the id of an intervention, for its time in
    seconds from the start; or 'step.stage', for a time that responders take. ``service``: its owner, '' for
    the last two. ``range``: (low, high) in the same unit. ``given``: a file gives it. ``sourced``: it is
    published or measured.
    """

    target: str
    service: str
    value: Value
    unit: str
    sourced: bool = False
    fitted_to: tuple[str, ...] = ()
    range: tuple[float, float] | None = None
    given: bool = True

    @property
    def is_unsourced(self) -> bool:
        """Neither published, measured nor fitted, with a range that has a width."""
        return (
            not self.sourced
            and not self.fitted_to
            and self.range is not None
            and self.range[0] < self.range[1]
        )


def inputs_of(scenario: Scenario) -> list[UncertainInput]:
    """All numbers of the scenario's topology, then the times of its interventions and its responders."""
    services = sorted(scenario.topology.services.items())
    of_services = [number for _, service in services for number in inputs_of_service(service)]
    return of_services + list(_of_interventions(scenario)) + list(_of_responders(scenario))


def inputs_of_service(service: Service) -> list[UncertainInput]:
    """The parameters of a service, then the numbers of its dependencies in the order of callees."""
    inputs = list(_of(service.name, service.name, registry()[service.kind].PARAMETERS, service.parameters))
    for d in sorted(service.dependencies, key=lambda d: d.on):
        read = tuple(p for p in EDGE_PARAMETERS if p.is_read(d.mode, d.numbers))
        inputs += _of(f"{service.name}->{d.on}", service.name, read, d.numbers)
    return inputs


def varies(scenario: Scenario, number: UncertainInput) -> bool:
    """Whether an ensemble draws it: unsourced, and neither part of the event (``holds_event``) nor a control.

    A control is what an intervention sets and no file gives: before, it stands where it does nothing.
    """
    service = scenario.topology.services.get(number.service)
    controls = {target for x in scenario.interventions for target in x.set}
    is_control = not number.given and number.target in controls
    return number.is_unsourced and not is_control and not (service and is_given(service))


def is_given(service: Service) -> bool:
    """Whether its kind holds the event (see About). Baselines keep it; ensembles do not vary it."""
    return about(service.kind).holds_event


def _of(
    owner: str, service: str, params: tuple[Param, ...], given: Mapping[str, Quantity]
) -> Iterator[UncertainInput]:
    for p in params:
        target, q = f"{owner}.{p.name}", given.get(p.name)
        if q is None:
            sourced = not p.source.startswith("assumed")
            yield UncertainInput(
                target, service, p.default, p.unit, sourced, (), _ends(p, p.range), given=False
            )
        else:
            yield UncertainInput(
                target, service, q.value, p.unit, _is_known(q), q.fitted_to or (), _ends(p, q.range)
            )


def _is_known(given: Quantity | Intervention) -> bool:
    return given.source is not None or given.measured is not None


def _ends(p: Param, ends: tuple[Value, Value] | None) -> tuple[float, float] | None:
    """A range as numbers; choices and switches have none."""
    is_number = p.unit not in ("choice", "switch")
    return (float(ends[0]), float(ends[1])) if ends is not None and is_number else None


def _of_interventions(scenario: Scenario) -> Iterator[UncertainInput]:
    for x in scenario.interventions:
        if x.at_s is not None:
            yield UncertainInput(x.id, "", x.at_s, "s", _is_known(x), x.fitted_to or (), x.range)
        elif x.fitted_to:
            yield UncertainInput(x.id, "", x.after_s, "s", False, x.fitted_to)


def _of_responders(scenario: Scenario) -> Iterator[UncertainInput]:
    """The times that responders take. Drawn times have a spread of their own, so their range is left out."""
    for step in steps(scenario) if is_modelled(scenario) else ():
        for name, q in stages(step):
            ends = _ends(STAGE, q.range) if scenario.responders == "modelled" else None
            yield UncertainInput(f"{step.id}.{name}", "", q.value, "s", _is_known(q), q.fitted_to or (), ends)


def value_at_quantile(number: UncertainInput, quantile: float) -> float | int:
    """The value at a quantile of its range, from 0 (low) to 1 (high)."""
    assert number.range is not None
    low, high = number.range
    value = low * (high / low) ** quantile if _is_logarithmic(low, high) else low + (high - low) * quantile
    return round(value) if number.unit == "count" else value


def quantile_of(number: UncertainInput) -> float:
    """The position of a number in its range: the inverse of ``value_at_quantile``, 0 if the width is 0."""
    assert number.range is not None and not isinstance(number.value, str)
    low, high = number.range
    if low >= high:
        return 0.0
    if _is_logarithmic(low, high):
        return math.log(max(number.value, low) / low) / math.log(high / low)
    return (number.value - low) / (high - low)


def _is_logarithmic(low: float, high: float) -> bool:
    return low > 0 and high / low >= LOGARITHMIC


def with_inputs(scenario: Scenario, values: Mapping[str, float | int]) -> Scenario:
    """The scenario with other values, by the targets of ``UncertainInput``."""
    when = {x.id: values[x.id] for x in scenario.interventions if x.id in values}
    given = {t: Quantity(value=_plain(v), assumed="drawn") for t, v in values.items() if t not in when}
    update: dict[str, Any] = {"topology": fold(scenario.topology, given)}
    for key in ("faults", "actions"):
        before = getattr(scenario, key)
        update[key] = tuple(x.model_copy(update={"at_s": when[x.id]}) if x.id in when else x for x in before)
    return with_stages(scenario.model_copy(update=update), given)


def _plain(value: float | int) -> Value:
    return value if isinstance(value, int) else float(value)
