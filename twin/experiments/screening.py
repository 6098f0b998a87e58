"""Worlds that begin well: an ill one, in which something is impaired before anything has happened,
contradicts its scenario; it is left out, and another drawn in its place."""

from __future__ import annotations

from twin.experiments.arms import Arm
from twin.experiments.study import Job, Study, beginning_of, first_input_s
from twin.experiments.worlds import World, worlds

TRIES = 4  # worlds drawn for each that is asked for, before giving up


class NoWorlds(Exception):
    """In nearly every draw something is impaired before anything happens."""


def well_begun(
    study: Study, scenario: str, count: int, most: int, *, draws: bool = True, variant: str = ""
) -> tuple[tuple[World, ...], int]:
    """(the first ``count`` worlds that begin well, how many among them were ill), of at most ``most`` drawn.

    A run of each to the first input shows it, and costs little; where nothing has a time, all begin well.
    Asked again, for more, the first ones are the same. Raises NoWorlds, WorkerLost.
    """
    timed = first_input_s(study.setting.bases[scenario]) > 0
    name = beginning_of(scenario)
    good: list[World] = []
    tried = 0
    while len(good) < count:
        if tried >= most:
            raise NoWorlds(f"{len(good)} of {tried} worlds begin well, and {count} are needed")
        new = worlds(count - len(good), draws=draws, variant=variant, first=tried + 1)
        ill = study.do([Job(name, Arm(), w) for w in new]).ill(name) if timed else set()
        good += [w for w in new if w not in ill]
        tried += len(new)
    return tuple(good), tried - count
