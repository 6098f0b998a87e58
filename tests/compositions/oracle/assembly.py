"""From a scenario to the parts that step it."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

from tests.compositions.oracle.capacity import equip
from tests.compositions.oracle.clients import Link, Nature, Steps
from tests.compositions.oracle.groups import Alternatives, Parallel, Single
from tests.compositions.oracle.services import Service
from tests.compositions.oracle.shared import share
from tests.compositions.oracle.sources import LeaseHolders, Users
from tests.compositions.oracle.system import System

PARTS: dict[str, Callable[[System, str], Any]] = {
    "workload": Users,
    "relay": Service,
    "queueing": Service,
    "lease_holders": LeaseHolders,
}
UNKNOWN = {  # numbers that the oracle does not read, and the value at which that does not matter
    "half_capacity_backlog_count": 0.0, "discipline": "fifo", "throttle_per_s": 0.0, "admitted_ratio": 1.0,
    "patience_s": 0.0, "initial_backlog_count": 0.0, "own_per_s": 0.0, "retry_mode": "legacy",
    "client_throttle_ratio": 0.0, "priority": "normal", "delay_s": 0.0, "utilisation_ratio": 0.0,
}  # fmt: skip


def build(system: System) -> None:
    """Services, links between them, and what the requests of a caller share."""
    topology = system.scenario.topology
    for name, service in topology.services.items():
        if service.kind not in PARTS:
            raise NotImplementedError(f"{name}: kind {service.kind}")
        part = system.services[name] = PARTS[service.kind](system, name)
        _refuse_unknown(name, part.numbers)
        links = [Link(system, name, k) for k in range(len(service.dependencies))]
        for link in links:
            _refuse_unknown("->".join(link.key), link.numbers)
            system.links[link.key] = link
        _connect(part, links)
    share(system)
    for link in system.links.values():
        if link.mode == "async":
            link.callee.stores.append(link.shared)


def _refuse_unknown(owner: str, numbers: Any) -> None:
    for name, harmless in UNKNOWN.items():
        if getattr(numbers, name, harmless) != harmless:
            raise NotImplementedError(f"{owner}.{name}")


def _connect(part: Any, links: list[Link]) -> None:
    for link in links:
        if link.dependency.fallback:
            link.fallback = next(other for other in links if other.key[1] == link.dependency.fallback)
    called_otherwise = [link.fallback for link in links if link.fallback]
    apart = ("bootstrap", "new_connections", "lease")
    plain = [link for link in links if link.mode not in apart and link not in called_otherwise]
    if isinstance(part, Service):
        equip(part, [link for link in links if link.mode == "bootstrap"])
        part.pools = [link for link in links if link.mode == "new_connections"]
        part.steps = _steps(plain)
    elif isinstance(part, Users):
        part.steps = _steps(plain)
        for link in links:
            link.is_of_users = True
    else:
        part.links = plain


def _steps(links: list[Link]) -> list[Callable[[Nature], Steps]]:
    """The calls of a request, in the order of the file; a group stands where its first member stands."""
    split = [link for link in links if _may_be_part(link)]
    whole = len(split) > 1 and abs(sum(link.numbers.share for link in split) - 1.0) < 1e-9
    groups: dict[tuple[str, str], list[Link]] = {}
    for link in links:
        d = link.dependency
        if d.parallel:
            key = ("parallel", d.parallel)
        elif d.one_of:
            key = ("one_of", d.one_of)
        else:
            key = ("partition", "") if whole and link in split else ("single", link.key[1])
        groups.setdefault(key, []).append(link)
    return [_step(how, members) for (how, _), members in groups.items()]


def _may_be_part(link: Link) -> bool:
    d = link.dependency
    return link.mode == "hard" and not d.parallel and not d.one_of and link.numbers.share < 1.0


def _step(how: str, links: list[Link]) -> Callable[[], Steps]:
    if how == "parallel":
        return Parallel(links)
    if how == "single":
        return Single(links[0])
    return Alternatives(links, lambda link: link.numbers.share if how == "partition" else link.numbers.weight)
