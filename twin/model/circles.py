"""Dependencies that come back to where they began."""

from __future__ import annotations

from collections.abc import Iterable


def circles(pairs: Iterable[tuple[str, str]]) -> set[tuple[str, str]]:
    """Those of the (caller, callee) whose callee reaches the caller."""
    left = set(pairs)
    while True:  # mostly nothing is left when those that call nobody, or are not called, have been taken away
        callers, callees = {a for a, _ in left}, {b for _, b in left}
        inner = {(a, b) for a, b in left if a in callees and b in callers}
        if len(inner) == len(left):
            return {(a, b) for a, b in inner if a in _reached(b, inner)}
        left = inner


def _reached(service: str, pairs: set[tuple[str, str]]) -> set[str]:
    """The services that ``service`` calls, or has called."""
    found: set[str] = set()
    front = {service}
    while front := {b for a, b in pairs if a in front} - found:
        found |= front
    return found
