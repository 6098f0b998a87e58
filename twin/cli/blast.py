"""twin blast: who depends on a service, and what its loss does to them."""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Any

import click

from twin.base.places import LIBRARY, find_file
from twin.cli import _show as show
from twin.cli import _show_blast as radius
from twin.cli._command import all_of, command, headed_option
from twin.cli._errors import BadInput
from twin.cli._options import (
    all_option,
    at_option,
    change_options,
    changed_scenario,
    output_options,
    study_options,
)
from twin.cli._study import settings_of

if TYPE_CHECKING:
    from twin.model.scenario import Scenario


@dataclass(frozen=True)
class Place:
    """What was asked about: a scenario, or a topology as a scenario in which nothing happens."""

    scenario: Scenario
    is_topology: bool


loss_options = all_of(
    headed_option("--service", "services", multiple=True, metavar="NAME",
                  help="Break this service. Repeatable."),
    all_option,
    headed_option("--lasting", "lasting", default="15m", show_default=True, metavar="DURATION",
           help="How long the fault lasts."),
    headed_option(
        "--how", metavar="HOW", default="down", show_default=True, help="The kind of fault.",
        meanings={
            "down": "no call is answered well",
            "slow": "answers come later than callers wait",
            "partial": "half of the calls fail, or of the capacity",
        },
    ),
    at_option,
    headed_option("--watch", default="2h", show_default=True, metavar="DURATION",
           help="How long to watch after the fault."),
    headed_option("--static", is_flag=True, help="Only the graph, without a run."),
    headed_option(
        "--cells", metavar="WHAT", default="minutes", show_default=True,
        help="With --all: the numbers in the table of services.",
        meanings={"minutes": "minutes impaired", "depth": "highest error ratio, in percent"},
    ),
)  # fmt: skip


@command(
    "blast",
    "twin blast topology/us-east-1",
    "twin blast topology/us-east-1 --service dynamodb-dns --static",
    "twin blast topology/us-east-1 --service dynamodb --how slow --lasting 15m",
    "twin blast us-east-1-2025-10-20 --service sts --at +3h",
    "twin blast topology/us-east-1 --all --runner ray --json",
)
@click.argument("where", metavar="SCENARIO|TOPOLOGY")
@loss_options
@change_options
@study_options
@output_options
def blast_command(
    where: str, services: tuple[str, ...], every: bool, lasting: str, how: str, at: str | None, watch: str,
    static: bool, cells: str, as_json: bool, **options: Any,
) -> None:  # fmt: skip
    """Which services fail if one fails, and for how long?

    Without --service or --all it lists the single points of failure, from the graph alone. If A
    needs B through hard dependencies only, A fails when B fails. A soft or asynchronous dependency ends such
    a chain.

    With --service or --all, it runs the model with and without the fault, and compares every service. No
    other fault is active: a topology runs at its daily peak load, and a scenario without its faults and
    actions. The fault begins after ten minutes. With --at it comes at that time, in addition to the events of
    the scenario.
    """
    from twin.experiments import blast as blasting

    place = load_place(where, options)
    chosen = _chosen(place.scenario, services, every)
    for_s, watch_s = _duration("--lasting", lasting, 1.0), _duration("--watch", watch, blasting.LEAST_WATCH_S)
    at_s = _moment(place, at) if at else blasting.WARM_UP_S
    if not chosen or static:
        radius.tell_static(place.scenario, services if not every else (), as_json)
        return
    base = place.scenario if at else blasting.quiet(place.scenario)
    asked = blasting.blast_plan(base, chosen, how, at_s, for_s, watch_s)
    if services and asked.refused:
        raise BadInput("; ".join(asked.refused.values()))
    show.say(f"{len(asked.arms)} to lose, one run each, and one without")
    radius.show_blast(asked, blasting.blasted(asked, settings_of(options)).radii, services, cells, as_json)


def load_place(where: str, changes: dict[str, Any]) -> Place:
    """A scenario (a file, or its name), or a topology (a folder, one of its files, or its name); changed.

    Raises SpecError, BadInput.
    """
    from twin.spec.files import keys_of
    from twin.spec.library import scenario_path

    path, named = find_file(where), LIBRARY / "topology" / where
    if not path.exists() and "/" not in where and where and named.is_dir():
        path = named
    if path.is_dir():
        return _topology(path, changes)
    file = scenario_path(where)
    keys = keys_of(file) if file.is_file() else set()
    if keys and not {"scenario", "start"} & keys:
        if not {"services", "topology"} & keys or {"mitigation", "variant", "what_if"} & keys:
            expected = "a file with scenario: or services:, or a folder like topology/us-east-1"
            raise BadInput(f"{where}: found neither a scenario nor a topology; expected {expected}")
        is_part = (file.parent / "topology.yaml").is_file()
        return _topology(file.parent if is_part else file, changes)
    return Place(changed_scenario(where, changes), False)


def _topology(path: Path, changes: dict[str, Any]) -> Place:
    from twin.experiments.blast import of_topology
    from twin.spec import load_topology

    return Place(changed_scenario(of_topology(load_topology(path, changes["with_files"])), changes), True)


def _chosen(scenario: Scenario, services: tuple[str, ...], every: bool) -> tuple[str, ...]:
    """The services to lose. Raises BadInput."""
    from twin.spec import did_you_mean

    known = list(scenario.topology.services)
    if services and every:
        raise BadInput("--service, --all: found both, expected one of the two")
    unknown = [name for name in services if name not in known]
    if unknown:
        lines = (f"--service: found '{name}', expected a service of {scenario.topology.name} "
                 f"({did_you_mean(name, known) or 'twin list services shows those of a topology'})"
                 for name in unknown)  # fmt: skip
        raise BadInput("\n".join(lines))
    return tuple(sorted(known)) if every else tuple(dict.fromkeys(services))


def _duration(option: str, text: str, least_s: float) -> float:
    from twin.base import units

    try:
        seconds = units.parse_duration(text)
    except units.Refused as refused:
        raise BadInput(f"{option}: found '{text}', {refused}") from None
    if seconds < least_s:
        raise BadInput(f"{option}: found '{text}', expected {units.format_duration(least_s)} or more")
    return seconds


def _moment(place: Place, at: str) -> float:
    from twin.spec import read_moment

    if place.is_topology:
        raise BadInput("--at: nothing happens in a topology, so any time is alike; give it with a scenario")
    return read_moment("at", at, place.scenario)
