"""Numbers that name a source which, as far as data/sources.yaml quotes it, does not have them."""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from pathlib import Path

from twin.model.scenario import Scenario
from twin.spec.figures import quoted
from twin.spec.inputs import inputs_of
from twin.spec.number_places import number_places
from twin.spec.problems import Problem
from twin.spec.sources import find_sources, load_sources

EXPECTED = "a number that data/sources.yaml quotes from it"
HINT = "the source of an action need not have its numbers: write {value: V, assumed: WHY, range: [low, high]}"


def unquoted_numbers(scenario: Scenario, path: Path, with_files: Iterable[Path | str]) -> Iterator[Problem]:
    """A problem for each such number in the scenario's files, if the source is quoted at all."""
    file = find_sources(path)
    sources = load_sources(file) if file is not None else {}
    places = number_places(path, with_files)
    for n in inputs_of(scenario):
        if n.origin != "source" or n.target not in places or isinstance(n.value, bool | str):
            continue
        figures = sources[n.why].figures if n.why in sources else ()
        if figures and quoted(sources, n.why, n.target, n.value, n.unit, scenario.start) is None:
            found = f"{n.value:g} from {n.why}"
            yield Problem(*places[n.target], n.target, found, EXPECTED, HINT)
