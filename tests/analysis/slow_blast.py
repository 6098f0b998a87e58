"""What a loss does, in the plainest form: one loss, sets of names, again and again until nothing changes."""

from collections.abc import Mapping

from twin.model.scenario import Service

NEEDED = ("hard", "cached", "new_connections", "lease")


def lost(services: Mapping[str, Service], loss: tuple[str, ...]) -> tuple[frozenset[str], frozenset[str]]:
    """(down, touched), each with the services that are taken away."""
    down = set(loss)
    while more := {name for name, s in services.items() if name not in down and _fails(s, down)}:
        down |= more
    touched = set(down)
    while more := {
        name
        for name, s in services.items()
        if name not in touched and any(d.on in touched for d in s.dependencies)
    }:
        touched |= more
    return frozenset(down), frozenset(touched)


def _fails(service: Service, down: set[str]) -> bool:
    calls = service.dependencies
    spare = {d.fallback for d in calls}
    for d in calls:
        if d.mode not in NEEDED or d.on in spare or d.on not in down:
            continue
        if d.one_of is not None:
            if all(other.on in down for other in calls if other.one_of == d.one_of and other.mode in NEEDED):
                return True
        elif _has_no_way(d.fallback, {x.on: x.fallback for x in calls}, down):
            return True
    return False


def _has_no_way(other: str | None, fallbacks: dict[str, str | None], down: set[str]) -> bool:
    return other is None or (other in down and _has_no_way(fallbacks[other], fallbacks, down))
