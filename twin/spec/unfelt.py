"""Calls that do not feel that their callee cannot be reached: a doubt, as the callee says how it is reached.

The caller said ``reached_through: none``. Or the call inherits nothing: it is one of several ways, or its
work waits.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping

from twin.model.reach import INHERITS, NONE, Wiring
from twin.spec.problems import Problem
from twin.spec.reach import KEY
from twin.spec.tree import Tree

_WAITS = {"async": "its work waits in a store", "lease": "a lease is checked by the caller's kind"}


def unfelt_ways(tree: Tree, wiring: Mapping[str, Wiring]) -> Iterator[Problem]:
    """A problem for each call in the services of a tree. ``wiring``: of these and of all below them."""
    for caller, service in tree.items("services"):
        if caller not in wiring:
            continue
        connected = {call.on for call in wiring[caller].calls if call.mode == INHERITS["hard"]}
        ways = {call.on: call.is_way for call in wiring[caller].calls}
        for i, call in enumerate(service.elements("dependencies")):
            callee = str(call.scalar("on"))
            through = wiring[callee].through if callee in wiring else None
            if through is not None and not _has_own(connected, through, wiring):
                path = f"services.{caller}.dependencies.{i}"
                yield from _of_call(call, path, callee, through, ways.get(callee, False))


def _has_own(connected: set[str], through: str, wiring: Mapping[str, Wiring]) -> bool:
    """Whether a caller has a connection of its own to such a service."""
    return any(on in wiring and wiring[on].kind == wiring[through].kind for on in connected)


def _of_call(call: Tree, path: str, callee: str, through: str, is_way: bool) -> Iterator[Problem]:
    mode, own = str(call.scalar("mode")), call.get(KEY)
    if own is not None and own.value == NONE and mode in INHERITS:
        found = f"{KEY}: none with mode {mode}"
        hint = f"this call never fails because {callee} cannot be reached"
        yield own.problem(f"{path}.{KEY}", found, f"the way that {callee} says, {through}", hint, at_key=True)
    elif own is None and (is_way or mode in _WAITS):
        why = "it is one of several ways" if is_way else _WAITS[mode]
        on = call.get("on") or call
        found = f"a call that inherits no way to {callee}, as {why}"
        hint = f"{KEY}: none says that this is meant"
        yield on.problem(f"{path}.on", found, f"a dependency of mode new_connections on {through}", hint)
