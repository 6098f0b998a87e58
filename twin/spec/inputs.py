"""Every number of a scenario with its origin: published, measured, argued, chosen or fitted.

A number that no file gives has the default of its kind or dependency, and the origin of that default.
"""

from __future__ import annotations

import math
from collections.abc import Iterator, Mapping
from dataclasses import dataclass, replace
from typing import Any

from twin.kinds import about, kinds_that, registry
from twin.model.dependency_parameters import EDGE_PARAMETERS
from twin.model.fields import Value
from twin.model.parameter import Param
from twin.model.responders import CV, STAGE, Step, is_modelled, stages, steps, with_stages
from twin.model.scenario import ORIGINS, Intervention, Quantity, Scenario, Service
from twin.model.step_numbers import SET, numbers_of, with_step_numbers
from twin.model.target import AT, Target
from twin.spec.overrides import fold

SPREAD = "responders.stage_cv_ratio"
MOMENT = Param("at", 0.0, "s", 0.0, math.inf, "seconds from the start", "")
OWN_CLOCK = "the scenario's own clock: it replays no published times"
LOGARITHMIC = 10.0  # if high / low is at least this, quantiles are spread on a logarithmic scale


@dataclass(frozen=True)
class UncertainInput:
    """One number of a scenario.

    ``target``: 'service.parameter'; 'caller->callee.number'; the id of an intervention, for its time in
    seconds from the start; 'step.number', for a number of a fault, an action or a diagnosis, as
    'step.set.service.parameter' or 'step.when.for'; or 'step.stage', for a time that responders take.
    ``service``: its owner, '' for the last three. ``origin``: one of ORIGINS, '' for none; ``why`` is its
    text. ``range``: (low, high) in the same unit. ``given``: a file gives it.
    """

    target: str
    service: str
    value: Value
    unit: str
    origin: str = "assumed"
    fitted_to: tuple[str, ...] = ()
    range: tuple[float, float] | None = None
    given: bool = True
    why: str = ""

    @property
    def sourced(self) -> bool:
        """Whether it is published or measured."""
        return self.origin in ("source", "measured")

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
    of_people = [*_of_interventions(scenario), *_of_steps(scenario), *_of_responders(scenario)]
    return of_services + of_people


def inputs_of_service(service: Service) -> list[UncertainInput]:
    """The parameters of a service, then the numbers of its dependencies in the order of callees."""
    inputs = list(_of(service.name, service.name, params_of(service), service.parameters))
    for d in sorted(service.dependencies, key=lambda d: d.on):
        read = tuple(p for p in EDGE_PARAMETERS if p.is_read(d.mode, d.numbers))
        inputs += _of(f"{service.name}->{d.on}", service.name, read, d.numbers)
    return inputs


def varies(scenario: Scenario, number: UncertainInput) -> bool:
    """Whether an ensemble draws it: unsourced, and neither of the event (``holds_event``) nor a control."""
    service = scenario.topology.services.get(number.service)
    is_control = not number.given and number.target in controls_of(scenario)
    return number.is_unsourced and not is_control and not (service and is_given(service))


def controls_of(scenario: Scenario) -> frozenset[str]:
    """What interventions set. Where no file gives such a number, it stands where it does nothing."""
    return frozenset(target for x in scenario.interventions for target in x.set)


def is_given(service: Service) -> bool:
    """Whether its kind holds the event (see About). Baselines keep it; ensembles do not vary it."""
    return about(service.kind).holds_event


def _of(
    owner: str, service: str, params: tuple[Param, ...], given: Mapping[str, Quantity]
) -> Iterator[UncertainInput]:
    for p in params:
        target, q = f"{owner}.{p.name}", given.get(p.name)
        if q is None:
            origin, why = origin_of_default(p)
            ends = _ends(p, p.range)
            yield UncertainInput(target, service, p.default, p.unit, origin, (), ends, False, why)
        else:
            yield _given(target, service, q.value, p, q)


def origin_of_default(p: Param) -> tuple[str, str]:
    """(one of ORIGINS, its text) of the default of a kind or a dependency."""
    for origin in ("assumed", "chosen"):
        if p.source.startswith(f"{origin}:"):
            return origin, p.source.removeprefix(f"{origin}:").strip()
    return "source", p.source


def _given(target: str, service: str, value: Value, p: Param, q: Quantity) -> UncertainInput:
    """A number that a file gives."""
    origin, why = _origin(q)
    return UncertainInput(
        target, service, value, p.unit, origin, q.fitted_to or (), _ends(p, q.range), why=why
    )


def _origin(given: Quantity | Intervention) -> tuple[str, str]:
    """(one of ORIGINS, its text)."""
    origin = next(name for name in ORIGINS if getattr(given, name) is not None)
    text = getattr(given, origin)
    return origin, text if isinstance(text, str) else ", ".join(text)


def parameter_of(scenario: Scenario, target: str) -> Param:
    """The record behind ``service.parameter`` or ``caller->callee.number``."""
    parsed = Target.parse(target)
    if parsed.is_dependency:
        return next(p for p in EDGE_PARAMETERS if p.name == parsed.name)
    service = _owner(scenario, parsed.service)
    return next(p for p in params_of(service) if p.name == parsed.name)


def _owner(scenario: Scenario, name: str) -> Service:
    """The service of a name; for that of one zone, the whole of them, unless the zones have been made."""
    services = scenario.topology.services
    return services[name] if name in services else services[name.partition(AT)[0]]


def params_of(service: Service) -> tuple[Param, ...]:
    """The parameters of a service: of its kind, and of the front if it stands in zones."""
    own = registry()[service.kind].PARAMETERS
    names = {p.name for p in own}
    fronts = kinds_that("fronts_zones") if service.per else ()
    return (*own, *(p for kind in fronts for p in registry()[kind].PARAMETERS if p.name not in names))


def _ends(p: Param, ends: tuple[Value, Value] | None) -> tuple[float, float] | None:
    """A range as numbers; choices and switches have none."""
    is_number = p.unit not in ("choice", "switch")
    return (float(ends[0]), float(ends[1])) if ends is not None and is_number else None


def _of_interventions(scenario: Scenario) -> Iterator[UncertainInput]:
    for x in scenario.interventions:
        origin, why = _origin(x)
        if (q := x.numbers.get("at")) is not None and x.at_s is not None:
            yield _given(x.id, "", x.at_s, MOMENT, q)
        elif x.at_s is not None and scenario.published is None and x.range is None and not x.fitted_to:
            ends = (x.at_s, x.at_s)
            yield UncertainInput(x.id, "", x.at_s, "s", "assumed", (), ends, why=OWN_CLOCK)
        elif x.at_s is not None:
            yield UncertainInput(x.id, "", x.at_s, "s", origin, x.fitted_to or (), x.range, why=why)
        elif x.fitted_to:
            yield UncertainInput(x.id, "", x.after_s, "s", origin, x.fitted_to, why=why)


def _of_steps(scenario: Scenario) -> Iterator[UncertainInput]:
    """The numbers of the steps that can happen. One without an origin of its own has that of its step."""
    for step in steps(scenario):
        for key, value, param in numbers_of(step):
            target = f"{step.id}.{key}"
            p = param or parameter_of(scenario, key.removeprefix(SET))
            if (q := step.numbers.get(key)) is not None:
                yield _given(target, "", value, p, q)
            elif key.startswith(SET) and value == value_before(scenario, key.removeprefix(SET), p):
                yield UncertainInput(
                    target, "", value, p.unit, range=_ends(p, (value, value)), why="as before"
                )
            else:
                origin, why = _inherited(step)
                yield UncertainInput(target, "", value, p.unit, origin, why=why)


def value_before(scenario: Scenario, target: str, p: Param) -> Value:
    """The value that a target has without any step."""
    parsed = Target.parse(target)
    service = _owner(scenario, parsed.service)
    given = service.parameters
    if parsed.is_dependency:
        given = next(d for d in service.dependencies if d.on == parsed.callee.partition(AT)[0]).numbers
    return given[p.name].value if p.name in given else p.default


def _inherited(step: Step) -> tuple[str, str]:
    """The origin of a number that has none of its own. Of a fitted step, only the time is fitted."""
    is_fitted = isinstance(step, Intervention) and step.fitted_to is not None
    return ("", "") if is_fitted or not isinstance(step, Intervention) else _origin(step)


def _of_responders(scenario: Scenario) -> Iterator[UncertainInput]:
    """The times that responders take. Drawn times have a spread of their own, so their range is left out."""
    for step in steps(scenario) if is_modelled(scenario) else ():
        for name, q in stages(step):
            number = _given(f"{step.id}.{name}", "", q.value, STAGE, q)
            yield number if scenario.responders == "modelled" else replace(number, range=None)
    if scenario.responders == "drawn":
        yield from spread_of(scenario)


def spread_of(scenario: Scenario) -> Iterator[UncertainInput]:
    """The spread of the times that drawn responders take, if the scenario gives it."""
    if (cv := scenario.stage_cv_ratio) is not None:
        yield _given(SPREAD, "", cv.value, CV, cv)


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
    update: dict[str, Any] = {"stage_cv_ratio": given.pop(SPREAD, scenario.stage_cv_ratio)}
    for key in ("faults", "actions"):
        before = getattr(scenario, key)
        update[key] = tuple(x.model_copy(update={"at_s": when[x.id]}) if x.id in when else x for x in before)
    return with_quantities(scenario.model_copy(update=update), given)


def with_quantities(scenario: Scenario, given: Mapping[str, Quantity]) -> Scenario:
    """The scenario with other quantities, by their targets; the times of interventions are none."""
    folded = scenario.model_copy(update={"topology": fold(scenario.topology, given)})
    return with_step_numbers(with_stages(folded, given), given)


def _plain(value: float | int) -> Value:
    return value if isinstance(value, int) else float(value)
