"""The control loops of an event: what feedback each acted on, how old and how wrong that was, what it did.

A run is stepped as ever, and looked at after each tick; nothing is changed by looking. Ages and errors are
read off the state, not off the parameters' meaning: what a loop believed against what was so.
"""

from __future__ import annotations

from twin.model.scenario import Scenario
from twin.results.control_loops.checks import Checks
from twin.results.control_loops.enactors import Enactors
from twin.results.control_loops.leases import Leases
from twin.results.control_loops.people import people
from twin.results.control_loops.propagation import Propagation
from twin.results.control_loops.record import Eye, Loop, Reading
from twin.results.control_loops.throttle import Throttle
from twin.results.control_loops.view import views
from twin.simulation import inline
from twin.simulation.run import FinishedRun, record_run, schedule_for
from twin.simulation.world import Shard, build

__all__ = ["Loop", "Reading", "watch"]

EYES: dict[str, type[Eye]] = {
    "dns": Enactors,
    "lease_fleet": Leases,
    "propagation_queue": Propagation,
    "health_checked_pool": Checks,
}
THROTTLE = "admitted_ratio"


def watch(scenario: Scenario, replicate: int = 0) -> tuple[FinishedRun, list[Loop]]:
    """Run ``scenario``, and look at its control loops meanwhile; loops that it has not are not there."""
    shard = build(scenario, seed=scenario.seed, replicate=replicate)
    eyes = eyes_of(scenario, shard)

    def look(tick: int, _: int) -> None:
        for eye in eyes:
            eye.look(tick)

    ticks = round(scenario.duration_s / scenario.tick_s)
    rows = inline.run(shard, schedule_for(shard, scenario), ticks, look, slice_ticks=1)
    done = record_run(scenario, shard, rows, scenario.seed, replicate, "inline", None)
    loops = [*(eye.loop for eye in eyes), people(scenario, done)]
    return done, [loop for loop in loops if loop.readings]


def eyes_of(scenario: Scenario, shard: Shard) -> list[Eye]:
    """An eye for every loop: by kind, and for each throttle that somebody sets."""
    there = list(views(shard))
    set_by_people = {target for x in scenario.interventions for target in x.set}
    found: list[Eye] = [eye(view) for kind, eye in EYES.items() for view in there if view.kind == kind]
    return found + [Throttle(view) for view in there if f"{view.service}.{THROTTLE}" in set_by_people]
