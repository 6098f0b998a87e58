"""The control loops of an event: what feedback each acted on, how old and how wrong that was, what it did.

A run is stepped as ever, and looked at after each tick; nothing is changed by looking. Ages and errors are
read off the state, not off the parameters' meaning: what a loop believed against what was so. Each kind says
which control loop it has.
"""

from __future__ import annotations

from twin.kinds import about
from twin.model.control_loop import Eye, Loop, Reading
from twin.model.scenario import Scenario
from twin.results.control_loops.people import people
from twin.results.control_loops.throttle import Throttle
from twin.results.control_loops.view import views
from twin.simulation import inline
from twin.simulation.by_zone import by_zone
from twin.simulation.run import FinishedRun, record_run, schedule_for
from twin.simulation.world import Model, build

__all__ = ["Loop", "Reading", "watch"]

THROTTLE = "admitted_ratio"


def watch(scenario: Scenario, replicate: int = 0) -> tuple[FinishedRun, list[Loop]]:
    """Run ``scenario``, and look at its control loops meanwhile; loops that it has not are not there."""
    model = build(scenario, seed=scenario.seed, replicate=replicate)
    eyes = eyes_of(scenario, model)

    def look(tick: int, _: int) -> None:
        for eye in eyes:
            eye.look(tick)

    ticks = round(scenario.duration_s / scenario.tick_s)
    rows = inline.run_inline(model, schedule_for(model, scenario), ticks, look, slice_ticks=1)
    done = record_run(scenario, model, rows, scenario.seed, replicate, "inline", None)
    loops = [*(eye.loop for eye in eyes), people(scenario, done)]
    return done, [loop for loop in loops if loop.readings]


def eyes_of(scenario: Scenario, model: Model) -> list[Eye]:
    """An eye for every loop: those that kinds say they have, and each throttle that somebody sets."""
    every = sorted(views(model), key=lambda view: view.kind)
    set_by_people = {target for x in by_zone(scenario).interventions for target in x.set}
    eyes = [eye(view) for view in every if (eye := about(view.kind).control_loop)]
    return [*eyes] + [Throttle(view) for view in every if f"{view.service}.{THROTTLE}" in set_by_people]
