"""Words that only services read which are stepped call by call, at services that are stepped as counts.

And the other way round.
"""

from __future__ import annotations

from collections.abc import Collection, Iterator

from twin.mechanisms.requests.parameters import (
    FAULT_PARAMETERS,
    INSTANCE_PARAMETERS,
    SCALING_PARAMETERS,
    WORKER_PARAMETERS,
)
from twin.spec.declared import Declared, declared, service_numbers
from twin.spec.problems import Problem
from twin.spec.tree import Tree

WORDS = ("parallel", "one_of", "fallback")
NUMBERS = (
    "times", "weight", "failover_count", "fail_fast", "store_count", "when_full", "keys_count", "popularity",
    "zipf_exponent", "coalesce", "hit_s", "flush_ratio", "initial_connections_count", "new_connection_ratio",
    "breaker_failures_count", "retry_budget_count",
)  # fmt: skip
OF_SERVICES = frozenset(
    p.name for group in (WORKER_PARAMETERS, FAULT_PARAMETERS, SCALING_PARAMETERS, INSTANCE_PARAMETERS)
    for p in group
)  # fmt: skip
EXPECTED = "a service that is stepped call by call"
HINT = "this one is stepped as counts, and does not read it"


def only_call_by_call(tree: Tree, overrides: Tree | None, counted: Collection[str]) -> Iterator[Problem]:
    """A problem for each such word or number. ``counted``: services that are stepped as counts."""
    for name, service, edges in declared(tree, overrides):
        if name not in counted:
            yield from _of_counts(edges)
            continue
        for key, (path, place) in service_numbers(name, service, overrides).items():
            if key in OF_SERVICES:
                yield place.problem(path, key, EXPECTED, HINT, at_key=True)
        for edge in edges:
            yield from _of_edge(edge)


def _of_counts(edges: list[Declared]) -> Iterator[Problem]:
    """Sizes of caches in the word that only services read which are stepped as counts."""
    for edge in edges:
        given = edge.numbers.get("connections_count")
        if given is not None and edge.mode == "cached" and "keys_count" not in edge.numbers:
            path, place = given
            hint = "this one is stepped call by call, and its cache has keys"
            yield place.problem(path, "connections_count with mode cached", "keys_count", hint, at_key=True)


def _of_edge(edge: Declared) -> Iterator[Problem]:
    for word in WORDS:
        if (value := edge.tree.get(word)) is not None:
            yield value.problem(f"{edge.path}.{word}", word, EXPECTED, HINT, at_key=True)
    for key, (path, place) in edge.numbers.items():
        if key in NUMBERS:
            yield place.problem(path, key, EXPECTED, HINT, at_key=True)
    if edge.mode == "bootstrap":
        mode = edge.tree.get("mode") or edge.tree
        yield mode.problem(f"{edge.path}.mode", "mode bootstrap", EXPECTED, HINT)
