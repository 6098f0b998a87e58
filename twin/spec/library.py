"""The files that come with the project, found by their names; and a scenario loaded with changes."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from pathlib import Path

from twin.base.places import SCENARIOS, find_file
from twin.model.scenario import Scenario
from twin.spec.arguments import Moment, Name, Value, override, several
from twin.spec.bases import load_scenario
from twin.spec.mitigations import load_mitigations
from twin.spec.overrides import vary
from twin.spec.problems import argument_problem, did_you_mean, shown
from twin.spec.tree import read_tree
from twin.spec.variations import load_actions

FOLDERS = (SCENARIOS, SCENARIOS / "faults")  # where a bare name is looked for


def named_scenarios() -> dict[str, Path]:
    """Name → file of every scenario of the project: those of scenarios/, then those of scenarios/faults/."""
    files = [path for folder in FOLDERS for path in sorted(folder.glob("*.yaml"))]
    return {path.stem: path for path in reversed(files)}


@dataclass(frozen=True)
class ScenarioSummary:
    """A scenario of the project: the name that runs it, its file, and what the file says of it."""

    name: str
    path: Path
    title: str
    question: str


def list_scenarios() -> list[ScenarioSummary]:
    """Every scenario of the project, those of scenarios/ first. An unreadable file has no title."""
    paths = sorted(named_scenarios().values(), key=lambda path: (len(path.parts), path.stem))
    return [_summary(path) for path in paths]


def _summary(path: Path) -> ScenarioSummary:
    tree = read_tree(path, [])
    title, question = (str(tree.scalar(key) or "") if tree else "" for key in ("title", "question"))
    return ScenarioSummary(path.stem, path, title, question)


def scenario_path(name: str | Path) -> Path:
    """The path of a file, or of the scenario with this name. Raises SpecError for an unknown name."""
    path = find_file(name)
    if path.exists() or "/" in str(name) or path.suffix:
        return path
    named = named_scenarios()
    if str(name) not in named:
        hint = did_you_mean(name, named) or "twin list scenarios shows them"
        raise argument_problem("scenario", f"'{name}'", "a file or the name of a scenario", hint)
    return named[str(name)]


def load(
    scenario: str | Path | Scenario,
    *,
    set: Mapping[str, Value] | None = None,
    drop: Name | Iterable[Name] = (),
    move: Mapping[str, Moment] | None = None,
    with_files: Name | Iterable[Name] = (),
    until: Moment | None = None,
    sample: str | float | None = None,
    seed: int | None = None,
    mitigate: Name | Iterable[Name] = (),
    responders: str | None = None,
    add_action: Name | Iterable[Name] = (),
) -> Scenario:
    """A scenario with changes: by name, from a file, or one that has been loaded.

    - ``set``: values of parameters and of numbers of dependencies, as in {"dwfm.lease_s": "24h"};
    - ``drop``: ids of faults and actions to leave out;
    - ``move``: id of a fault or action → another time for it;
    - ``with_files``: services of your own on top of the topology;
    - ``until``, ``sample``, ``seed``: another end, sample interval or seed;
    - ``mitigate``: mitigations by name or file, 'A+B' for both;
    - ``responders``: "scripted" (at the scenario's times), "modelled" (when they know enough, after fixed
      delays) or "drawn" (the same with random delays);
    - ``add_action``: files with faults and actions to add.

    A number without a unit is in SI units. A time is "07:50" (the first one after the start, in its zone),
    "+2h", ISO 8601 with a zone, a datetime, a timedelta, or seconds from the start. Raises SpecError with
    every problem of the files, then of the changes.
    """
    loaded = _loaded(scenario, several("with_files", with_files))
    for mitigation in load_mitigations(several("mitigate", mitigate), loaded):
        loaded = vary(loaded, mitigation)
    for file in several("add_action", add_action):
        loaded = vary(loaded, load_actions(file, loaded))
    return override(
        loaded, set=set, drop=drop, move=move, until=until, sample=sample, seed=seed, responders=responders
    )


def _loaded(scenario: str | Path | Scenario, on_top: list[Name]) -> Scenario:
    """The scenario before any change, with the services of the files ``on_top``."""
    if isinstance(scenario, str | Path):
        return load_scenario(scenario_path(scenario), on_top)
    if not isinstance(scenario, Scenario):
        raise argument_problem("scenario", shown(scenario), "a name, a file, or a loaded scenario")
    if on_top:
        raise argument_problem("with_files", "a scenario that is loaded", "its name or its file")
    return scenario
