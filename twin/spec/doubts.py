"""Doubts about a file: nothing that stops a run, but probably not what its author means.

``twin check`` shows them as warnings, each at its place. They are looked for apart from loading, which
costs nothing then; a file with problems still has its doubts about single numbers.
"""

from __future__ import annotations

from collections.abc import Callable, Collection, Iterable, Iterator
from pathlib import Path

from twin.model.scenario import Scenario
from twin.spec.bases import load_scenario
from twin.spec.examples import spread_origin
from twin.spec.idle_steps import idle_steps
from twin.spec.levels import doubtful_levels, lifted_services
from twin.spec.no_queue import waits_nowhere
from twin.spec.only_each import only_call_by_call
from twin.spec.problems import Problem, SpecError
from twin.spec.quiet_trouble import quiet_trouble
from twin.spec.scenario import Whole, build_whole, check_interventions, read_whole
from twin.spec.sources import source_ids
from twin.spec.stores import QuietDay
from twin.spec.too_fast import too_fast
from twin.spec.topology import check_services, lay_file_on_top, read_topology
from twin.spec.tree import Tree, read_tree
from twin.spec.unfelt import unfelt_ways
from twin.spec.unquoted import unquoted_numbers
from twin.spec.unread import unread_numbers
from twin.spec.values import Checker, names_of, names_of_kinds

Counted = Callable[[Scenario], Collection[str]]


def doubts_about_scenario(
    file: Path, with_files: Iterable[Path | str] = (), counted: Counted | None = None
) -> list[Problem]:
    """The doubts about a scenario's file and topology. One with ``base:`` is judged by what it adds.

    ``counted``: a function of a scenario that says which services are stepped as counts; with it, times that
    are too short for a tick are doubted too.
    """
    on_top = tuple(with_files)
    tree = read_tree(file, [])
    if tree is None:
        return []
    spread_origin(tree, [])
    if tree.get("base") is None:
        problems: list[Problem] = []
        whole = read_whole(tree, file, on_top, None, None, problems)
        scenario = build_whole(whole, problems)
        unquoted = unquoted_numbers(scenario, file, on_top) if scenario is not None else ()
        return sorted({*_about_whole(whole, scenario, counted), *unquoted})
    scenario = _loaded(file, on_top)
    return sorted(set(_about_extension(tree, scenario))) if scenario is not None else []


def doubts_about_topology(path: Path, with_files: Iterable[Path | str] = ()) -> list[Problem]:
    """The doubts about the services of a folder or a file."""
    tree = read_topology(path, [])
    for file in with_files:
        lay_file_on_top(tree, Path(file), [])
    checker = Checker(names_of_kinds(None, source_ids(path, [])), [])
    check_services(tree, checker)
    found = {*unread_numbers(tree, None, None, checker.names.leasing)}
    return sorted(found | {*unfelt_ways(tree, checker.names.wiring)})


def _loaded(file: Path, on_top: tuple[Path | str, ...]) -> Scenario | None:
    try:
        return load_scenario(file, on_top)
    except SpecError:
        return None  # its problems are said elsewhere


def _about_whole(whole: Whole, scenario: Scenario | None, counted: Counted | None) -> Iterator[Problem]:
    names = whole.checker.names
    yield from unread_numbers(whole.under, whole.overrides, whole.tree, names.leasing)
    yield from unfelt_ways(whole.under, names.wiring)
    yield from doubtful_levels(whole.tree, lifted_services(whole.under, whole.tree))
    if scenario is not None:
        day = QuietDay.of(whole.under, whole.overrides, names)
        yield from quiet_trouble(whole.under, day)
        if whole.overrides is None:
            yield from waits_nowhere(whole.under, whole.tree, day)
        if counted is not None:
            as_counts = counted(scenario)
            yield from too_fast(whole.under, day, scenario.tick_s, as_counts)
            yield from only_call_by_call(whole.under, whole.overrides, as_counts)
        yield from idle_steps(scenario, whole.tree, names)


def _about_extension(tree: Tree, scenario: Scenario) -> Iterator[Problem]:
    names = names_of(scenario)
    check_interventions(tree, Checker(names, []), scenario.start)
    yield from unfelt_ways(tree, names.wiring)
    yield from doubtful_levels(tree, set(scenario.topology.services))
    yield from idle_steps(scenario, tree, names)
