"""How a service is reached: said once at the service, inherited by every caller.

The real system. A caller of DynamoDB needs its name. On 20 October DynamoDB was well, while its name had no
address. Those with a connection went on. Those who needed a new one asked a resolver, and failed. The
topology says once, at DynamoDB, which resolvers these are (``reached_through``). Each caller then has a
dependency on them, as if it were written there. So the simulator sees ordinary dependencies only.

A missing name hurts a caller as the service itself would. So the mode of the inherited dependency follows the
mode of the call (INHERITS). Nothing is inherited for work that waits (async), for calls that nobody waits
for, and for a kind's own lease.

Left out: a call that is one of several alternatives, or a fallback. A missing name would fail all calls of
that caller, also those that go another way. ``twin check`` warns of it.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from typing import NamedTuple

from twin.model.dependency_parameters import EDGE_PARAMETERS
from twin.model.fields import Value
from twin.model.scenario import Dependency, Quantity, Scenario, Service, Topology

INHERITS = {  # mode of the call → mode of the inherited dependency
    "hard": "new_connections",
    "new_connections": "new_connections",
    "cached": "cached",
    "soft": "soft",
    "bootstrap": "bootstrap",
}
KEY = "reached_through"
NONE = "none"  # reached_through: none, at a call: this caller needs no name
_MODES = {p.name: p.modes for p in EDGE_PARAMETERS}


class Call(NamedTuple):
    """One written dependency. ``through``: what it says itself about the way, or None. ``is_way``: one of
    several alternatives, or a fallback."""

    on: str
    mode: str
    through: str | None = None
    is_way: bool = False


class Wiring(NamedTuple):
    """A service: its kind, the service through which it is reached (or None), and its calls."""

    kind: str
    through: str | None
    calls: tuple[Call, ...]


def ways(services: Mapping[str, Wiring]) -> dict[str, dict[str, Call]]:
    """Caller → what it inherits: {service through which it reaches: call for which it does}.

    A caller that has a connection of its own to a service of the same kind has said it itself.
    """
    found = {name: dict(_inherited(name, services)) for name in services}
    return {name: mine for name, mine in found.items() if mine}


def _inherited(name: str, services: Mapping[str, Wiring]) -> Iterator[tuple[str, Call]]:
    """(through, call). What a caller inherits may itself be reached through something."""
    written = {call.on for call in services[name].calls}
    own = {services[c.on].kind for c in services[name].calls if _connects(c) and c.on in services}
    pending, seen = list(services[name].calls), set[str]()
    for call in pending:
        through = _through(call, services)
        if through is None or through in written | seen or through not in services:
            continue
        if services[through].kind in own and call.through is None:
            continue
        seen.add(through)
        pending.append(Call(through, INHERITS[call.mode]))
        yield through, call


def _connects(call: Call) -> bool:
    return call.mode == INHERITS["hard"]


def _through(call: Call, services: Mapping[str, Wiring]) -> str | None:
    """The service through which a call gets to its callee; None if it needs none."""
    needs_none = call.mode not in INHERITS or call.is_way or call.through == NONE
    if needs_none or call.on not in services:
        return None
    return call.through or services[call.on].through


def way_of(service: Service, call: Dependency, services: Mapping[str, Service]) -> str | None:
    """The dependency of ``service`` over which it reaches the callee of a call; None if it needs none.

    It is the inherited one, or a written connection to the same service or to one of its kind.
    """
    through = call.reached_through or services[call.on].through
    if through is None or through == NONE or call.mode not in INHERITS:
        return None
    mine = [d.on for d in service.dependencies if d.mode == INHERITS[call.mode]]
    alike = [on for on in mine if services[on].kind == services[through].kind]
    return through if through in mine else next(iter(alike), None)


def follow_shares(scenario: Scenario) -> Scenario:
    """The scenario in which a step that sets the share of a call sets it for what the call inherits too."""
    ways = shares_that_follow(scenario)
    update = {}
    for key in ("faults", "actions"):
        steps = getattr(scenario, key)
        update[key] = tuple(x.model_copy(update={"set": _following(x.set, ways)}) for x in steps)
    return scenario.model_copy(update=update)


def shares_that_follow(scenario: Scenario) -> dict[str, str]:
    """The share of a call, as a target → that of what the call inherits."""
    return {
        f"{s.name}->{d.inherited_from}.share": f"{s.name}->{d.on}.share"
        for s in scenario.topology.services.values()
        for d in s.dependencies if d.inherited_from is not None
    }  # fmt: skip


def _following(settings: Mapping[str, Value], ways: Mapping[str, str]) -> dict[str, Value]:
    more = {ways[target]: value for target, value in settings.items() if target in ways}
    return {**settings, **{target: value for target, value in more.items() if target not in settings}}


def inherit(topology: Topology) -> Topology:
    """The topology in which every caller has the dependencies that it inherits, before the call they serve.

    What was inherited before is kept, with its numbers, as long as it is still inherited.
    """
    services = topology.services
    if not any(map(_has_a_way, services.values())):
        return topology
    mine = ways(wiring(topology))
    changed = {name: _with(service, mine.get(name, {}), services) for name, service in services.items()}
    return topology.model_copy(update={"services": changed})


def _has_a_way(service: Service) -> bool:
    """Whether it says how it is reached, or one of its calls says so, or is inherited. Fields that have their
    defaults are not stored."""
    said = service.reached_through is not None
    return said or any(
        "inherited_from" in vars(d) or "reached_through" in vars(d) for d in service.dependencies
    )


def wiring(topology: Topology) -> dict[str, Wiring]:
    """Each service as ``ways`` needs it."""
    return {name: _wiring(service) for name, service in topology.services.items()}


def _wiring(service: Service) -> Wiring:
    said = [vars(d) for d in service.dependencies]  # fields that have their defaults are not stored
    written = [d for d in said if d.get("inherited_from") is None]
    spare = {d.get("fallback") for d in written}
    calls = [
        Call(d["on"], d["mode"], d.get("reached_through"), d.get("one_of") is not None or d["on"] in spare)
        for d in written
    ]
    return Wiring(service.kind, service.through, tuple(calls))


def _with(service: Service, mine: Mapping[str, Call], services: Mapping[str, Service]) -> Service:
    before = {d.on: d for d in service.dependencies if d.inherited_from is not None}
    if not mine and not before:
        return service
    after = [d for d in service.dependencies if d.inherited_from is None]
    for through, call in mine.items():
        n = next(n for n, d in enumerate(after) if d.on == call.on)
        kept = before.get(through)
        if kept is None or kept.inherited_from != call.on or kept.mode != INHERITS[call.mode]:
            kept = _made(after[n], through, services[call.on])
        after.insert(n, kept)
    return service.model_copy(update={"dependencies": tuple(after)})


def _made(call: Dependency, through: str, callee: Service) -> Dependency:
    """The dependency that a call brings with it.

    Its numbers are those of the callee's ``reached_through``. Its share, and the numbers of its mode alone,
    are those of the call.
    """
    mode, way = INHERITS[call.mode], callee.reached_through
    numbers: dict[str, Quantity] = {}
    if way is not None:
        numbers = {name: q for name, q in way.numbers.items() if not _MODES[name] or mode in _MODES[name]}
        if mode != "new_connections":  # lifetime_s: of a connection, and not of a cached answer
            numbers = {name: q for name, q in numbers.items() if not _MODES[name]}
    own = {name: q for name, q in call.numbers.items() if name == "share" or call.mode in _MODES[name]}
    purpose = way.purpose if way is not None and way.purpose else f"the way to {callee.name}"
    evidence = call.evidence or (way.evidence if way is not None else None)
    return Dependency(
        on=through, purpose=purpose, mode=mode, evidence=evidence, inherited_from=callee.name, **numbers | own
    )
