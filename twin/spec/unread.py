"""Numbers that nothing reads: a file gives them, and the run would be the same without them.

Not an error, as a later change may need them. ``twin check`` names each.
"""

from __future__ import annotations

from collections.abc import Collection, Iterator, Mapping
from dataclasses import dataclass

from twin.model.dependency_parameters import EDGE_PARAMETERS
from twin.model.target import Target
from twin.spec.contradictions import MECHANISMS
from twin.spec.declared import Declared, declared, service_numbers
from twin.spec.problems import Problem
from twin.spec.tree import Tree

_EDGE = {p.name: p for p in EDGE_PARAMETERS}
_REPEATS = ("async", "bootstrap", "lease")  # modes that try again without ``retries``
NEEDS_RETRIES = ("backoff_s", "backoff_cap_s", "jitter", "retry_budget_ratio")
NOT_AWAITED = {"timeout_s": ("async", "fire_and_forget"), "deadline_s": ("async", "fire_and_forget")}
NEEDED = {  # parameter of a service → one of these has to be given too
    "slow_s": ("slow_ratio",),
    "burst_count": ("throttle_per_s",),
    "restart_ratio": ("instances_count",),
    "restarts_per_s": ("instances_count",),
    **dict.fromkeys(
        ("evaluation_s", "scale_out_lag_s", "cooldown_s", "least_servers_count", "most_servers_count",
         "scale_in_evaluations_count"),
        ("target_utilisation_ratio",),
    ),
}  # fmt: skip


@dataclass(frozen=True)
class _Given:
    """A number of a dependency or a service, as a file gives or sets it. ``beside``: its siblings."""

    name: str
    path: str
    place: Tree
    beside: frozenset[str]

    def doubt(self, found: str, expected: str, hint: str = "") -> Problem:
        return self.place.problem(self.path, f"{self.name} {found}", expected, hint, at_key=True)


def unread_numbers(
    tree: Tree, overrides: Tree | None, steps: Tree | None, leasing: Collection[str]
) -> Iterator[Problem]:
    """A problem for each. ``steps``: the file whose faults and actions set numbers. ``leasing``: kinds that
    keep leases."""
    settings = _set_by_steps(steps)
    for name, service, edges in declared(tree, overrides):
        numbers = service_numbers(name, service, overrides)
        for given in _given(numbers, settings.get((name, ""), {})):
            yield from _of_service(given)
        keeps_none = service.scalar("kind") not in leasing
        for edge in edges:
            for given in _given(edge.numbers, settings.get((name, edge.on), {})):
                if given.name in _EDGE and not _is_of_sdk(edge, given):
                    yield from _of_edge(edge, given, edge.mode == "lease" and keeps_none)


def _set_by_steps(steps: Tree | None) -> dict[tuple[str, str], dict[str, tuple[str, Tree]]]:
    """(service, callee or '') → number that a fault or an action sets → where."""
    found: dict[tuple[str, str], dict[str, tuple[str, Tree]]] = {}
    for key in ("faults", "actions"):
        for i, step in enumerate(steps.elements(key) if steps is not None else ()):
            for target, value in step.items("set"):
                service, callee, name = Target.parse(target)
                path = f"{key}.{i}.set.{target}"
                found.setdefault((service, callee), {}).setdefault(name, (path, value))
    return found


def _given(
    numbers: Mapping[str, tuple[str, Tree]], settings: Mapping[str, tuple[str, Tree]]
) -> Iterator[_Given]:
    beside = frozenset(numbers) | frozenset(settings)
    for name, (path, place) in {**settings, **numbers}.items():
        yield _Given(name, path, place, beside)


def _of_service(given: _Given) -> Iterator[Problem]:
    if given.name == "capacity_per_s" and "work_s" in given.beside:
        yield given.doubt("beside work_s", "one of the two", "work_s and the servers say the capacity")
    needed = NEEDED.get(given.name, ())
    if needed and not given.beside & set(needed):
        words = " or ".join(needed)
        yield given.doubt(f"without {words}", f"{words} beside it", "nothing reads it")


def _is_of_sdk(edge: Declared, given: _Given) -> bool:
    sdk = edge.tree.get("sdk")
    return sdk is not None and given.place.key == sdk.key


def _of_edge(edge: Declared, given: _Given, is_idle: bool) -> Iterator[Problem]:
    """``is_idle``: the caller's kind does nothing with a dependency of this mode."""
    p = _EDGE[given.name]
    if is_idle and p.modes and edge.mode in p.modes:
        yield given.doubt(f"with mode {edge.mode}", "a kind that keeps leases", "this kind never reads it")
    elif p.modes and edge.mode not in p.modes:
        if edge.mode not in MECHANISMS:  # else it is a contradiction
            expected = f"mode {' or '.join(p.modes)}"
            yield given.doubt(f"with mode {edge.mode}", expected, "this mode never reads it")
    elif edge.mode in NOT_AWAITED.get(p.name, ()):
        yield given.doubt(f"with mode {edge.mode}", "a mode that waits", "nobody waits for the answer")
    elif p.needs and not given.beside & set(p.needs):
        yield given.doubt("alone", f"{' or '.join(p.needs)} beside it", "nothing reads it")
    elif p.name in NEEDS_RETRIES and edge.mode not in _REPEATS and "retries" not in given.beside:
        yield given.doubt("without retries", "retries beside it", "nothing is tried again")
    elif p.name == "weight" and not edge.word("one_of"):
        yield given.doubt("without one_of", "one_of: GROUP beside it", "nothing reads it")
    elif p.name == "zipf_exponent" and edge.value("popularity") != "zipf":
        yield given.doubt("without popularity: zipf", "popularity: zipf beside it", "nothing reads it")
