"""A service with ``per: zone`` → one service a zone, and a front that is the whole of them.

Files, settings and studies speak of one service, as the twin reads it. Only the arrays of a run know its
zones. ``dwfm`` then is a front (``twin/kinds/zone_router.py``) with the sums of ``dwfm@az1`` to ``dwfm@az6``.

    caller      callee      becomes
    zone        per: zone   the same zone
    zone        other       each zone calls it
    other       per: zone   the front; but work that is handed over waits for each zone by itself, and a
                            kind that reads zones reads each

Numbers that are ``divided`` (counts, rates) are those of all zones: each zone gets an equal part. A setting
of ``dwfm@az3.capacity_per_s`` is that zone's own.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from typing import Any

from twin.kinds import kinds_that, registry
from twin.model.dependency_parameters import EDGE_PARAMETERS
from twin.model.fields import Value
from twin.model.scenario import Condition, Dependency, Intervention, Quantity, Scenario, Service
from twin.model.target import AT, Target
from twin.spec.overrides import fold

HANDED_OVER = ("async", "fire_and_forget")
WAITING = ("hard", "soft")
PATIENCE_S = 86_400.0  # of a front that nobody waits for


def by_zone(scenario: Scenario) -> Scenario:
    """The scenario in which each service with ``per: zone`` is a front and its zones; itself without one."""
    topology = scenario.topology
    if not any(service.per for service in topology.services.values()):
        return scenario
    zones = Zones(topology.zones, topology.services)
    services = {each.name: each for service in topology.services.values() for each in zones.of(service)}
    topology = topology.model_copy(update={"zones": (), "services": services})
    update: dict[str, Any] = {"topology": fold(topology, zones.own_numbers())}
    for key in ("faults", "actions"):
        update[key] = tuple(x for step in getattr(scenario, key) for x in zones.steps(step))
    return scenario.model_copy(update=update)


def in_a_zone(scenario: Scenario, service: str) -> str:
    """The first zone of a service that has zones; else the service. Its front keeps nothing by itself."""
    record = scenario.topology.services.get(service)
    return f"{service}{AT}{scenario.topology.zones[0]}" if record is not None and record.per else service


class Zones:
    """The zones of a topology, and which of its services stand in them."""

    def __init__(self, zones: tuple[str, ...], services: Mapping[str, Service]) -> None:
        self.zones, self.services = zones, services
        self.zonal = {name for name, service in services.items() if service.per}
        self.front_kind = kinds_that("fronts_zones")[0]
        self.front_numbers = {p.name for p in registry()[self.front_kind].PARAMETERS}

    def of(self, service: Service) -> Iterator[Service]:
        """What a service becomes."""
        if service.name not in self.zonal:
            calls = tuple(x for d in service.dependencies for x in self._calls(service.kind, d))
            yield service.model_copy(update={"dependencies": calls})
            return
        yield self._front(service)
        for k, zone in enumerate(self.zones):
            yield self._in_zone(service, k, zone)

    def own_numbers(self) -> dict[str, Quantity]:
        """The numbers that single zones have, by target."""
        return {f"{name}{AT}{key}": q for name in sorted(self.zonal)
                for key, q in (self.services[name].in_zone or {}).items()}  # fmt: skip

    def steps(self, x: Intervention) -> Iterator[Intervention]:
        """What an intervention becomes: one that sets the numbers of all zones, or one for each zone."""
        if x.each is None:
            settings = dict(pair for target, value in x.set.items() for pair in self._set(target, value))
            yield x.model_copy(update={"set": settings})
            return
        for k, zone in enumerate(self.zones):
            settings = dict(pair for target, value in x.set.items() for pair in self._set(target, value, k))
            update: dict[str, Any] = {"id": f"{x.id}{AT}{zone}", "group": x.id, "set": settings}
            update["when"] = self._there(x.when, zone) if x.when is not None else None
            update["at_s"] = x.at_s + k * x.apart_s if x.at_s is not None else None
            yield x.model_copy(update=update)

    def _front(self, service: Service) -> Service:
        """The whole of a service: a call to one of its zones for each call."""
        numbers: dict[str, Any] = {"share": _exactly(1.0 / len(self.zones))}
        numbers["timeout_s"] = _exactly(self._patience_s(service.name))
        to_zones = tuple(
            Dependency(on=service.name + AT + zone, purpose=f"the part in {zone}", mode="hard", **numbers)
            for zone in self.zones
        )
        own = self.front_numbers - {p.name for p in registry()[service.kind].PARAMETERS}
        given = {name: q for name, q in service.parameters.items() if name in own}
        update = {"kind": self.front_kind, "parameters": given, "dependencies": to_zones, "in_zone": None}
        return service.model_copy(update={**update, "per": None, "requests": "counted"})

    def _patience_s(self, name: str) -> float:
        """A front waits for its zones as long as its most impatient caller."""
        waits = [d.value("timeout_s") for s in self.services.values() for d in s.dependencies
                 if d.on == name and d.mode in WAITING]  # fmt: skip
        return min((float(w) for w in waits), default=PATIENCE_S)

    def _in_zone(self, service: Service, k: int, zone: str) -> Service:
        params = {p.name: p for p in registry()[service.kind].PARAMETERS}
        numbers = {
            p.name: _quantity(p.default, k, len(self.zones), p.name) for p in params.values() if p.divided
        }
        for name, q in service.parameters.items():
            if name in params:
                numbers[name] = self._part(q, k) if params[name].divided else q
        calls = tuple(self._from_zone(d, k, zone) for d in service.dependencies)
        place = {"name": service.name + AT + zone, "title": f"{service.title or service.name}, {zone}",
                 "domain": (service.domain or service.name) + AT + zone}  # fmt: skip
        return service.model_copy(update={**place, "visible": False, "per": None, "in_zone": None,
                                          "requests": "counted", "parameters": numbers,
                                          "dependencies": calls})  # fmt: skip

    def _calls(self, kind: str, d: Dependency) -> tuple[Dependency, ...]:
        """What a dependency of a service outside of zones becomes."""
        if d.on not in self.zonal or not _goes_to_zones(kind, d.mode):
            return (d,)
        of = len(self.zones) if d.mode in HANDED_OVER else 1
        share = _exactly(float(d.value("share")) / of)
        return tuple(
            d.model_copy(update={**self._parts(d, k), "on": d.on + AT + zone, "share": share})
            for k, zone in enumerate(self.zones)
        )

    def _from_zone(self, d: Dependency, k: int, zone: str) -> Dependency:
        on = d.on + AT + zone if d.on in self.zonal else d.on
        return d.model_copy(update={**self._parts(d, k), "on": on})

    def _parts(self, d: Dependency, k: int) -> dict[str, Quantity]:
        """The numbers of a dependency that are those of all zones together."""
        return {p.name: _quantity(d.value(p.name), k, len(self.zones), p.name)
                for p in EDGE_PARAMETERS if p.divided and p.name in _read(d)}  # fmt: skip

    def _part(self, q: Quantity, k: int) -> Quantity:
        return q.model_copy(update={"value": part_of(q.value, k, len(self.zones))})

    def _set(self, target: str, value: Value, only: int | None = None) -> Iterator[tuple[str, Value]]:
        """The settings that one becomes: of each zone, or of zone number ``only``."""
        caller, callee, name = Target.parse(target)
        outside, meets = caller not in self.zonal, callee in self.zonal
        is_front = outside or (not callee and self._is_of_front(caller, name))
        mode = self._mode(caller, callee)
        handed = outside and meets and mode in HANDED_OVER
        if is_front and not (outside and meets and _goes_to_zones(self._kind(caller), mode)):
            yield target, value
            return
        for k, zone in enumerate(self.zones):
            if only is None or only == k:
                mine = caller if outside else caller + AT + zone
                other = callee + AT + zone if meets else callee
                divided = self._is_divided(caller, callee, name) or (handed and name == "share")
                yield str(Target(mine, other, name)), part_of(value, k, len(self.zones)) if divided else value

    def _is_of_front(self, service: str, name: str) -> bool:
        return name not in {p.name for p in registry()[self.services[service].kind].PARAMETERS}

    def _is_divided(self, caller: str, callee: str, name: str) -> bool:
        params = EDGE_PARAMETERS if callee else registry()[self.services[caller].kind].PARAMETERS
        return any(p.name == name and p.divided for p in params)

    def _kind(self, service: str) -> str:
        return self.services[service].kind if service in self.services else ""

    def _mode(self, caller: str, callee: str) -> str:
        calls = self.services[caller].dependencies if caller in self.services else ()
        return next((d.mode for d in calls if d.on == callee), "")

    def _there(self, when: Condition, zone: str) -> Condition:
        name = when.service + AT + zone if when.service in self.zonal else when.service
        return when.model_copy(update={"service": name})


def _goes_to_zones(kind: str, mode: str) -> bool:
    """Whether a caller outside of zones has a dependency on each zone, and none on the front."""
    return mode in HANDED_OVER or (mode == "lease" and kind in kinds_that("reads_zones"))


def part_of(value: Value, k: int, parts: int) -> Value:
    """The ``k``-th of equal parts; whole numbers add up to the whole."""
    if isinstance(value, int) and not isinstance(value, bool):
        return value * (k + 1) // parts - value * k // parts
    return float(value) / parts


def _read(d: Dependency) -> set[str]:
    return {p.name for p in EDGE_PARAMETERS if p.is_read(d.mode, d.numbers)}


def _quantity(value: Value, k: int, parts: int, name: str) -> Quantity:
    whole = int(value) if name.endswith("_count") and float(value) < 2**53 else value
    return Quantity(value=part_of(whole, k, parts), assumed="its part of all zones")


def _exactly(value: float) -> Quantity:
    return Quantity(value=value, assumed="zones are alike")
