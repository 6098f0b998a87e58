"""Screening: a realization is invalid if a service that customers see is impaired before the first input.

It contradicts its scenario, in which nothing has happened yet. It is left out, and the next one is taken in
its place. This is the only rule for invalid draws.
"""

from __future__ import annotations

from dataclasses import dataclass

from twin.experiments.arms import Arm
from twin.experiments.questions import SCREENING
from twin.experiments.realizations import Realization, first_input_s, realizations
from twin.experiments.study import Job, Study

TRIES = 4  # realizations that are screened for each one that is needed, before giving up


class NoWorlds(Exception):
    """Nearly every realization is invalid: something is impaired before anything happens."""


@dataclass(frozen=True)
class Screened:
    """The ``valid`` realizations, and the number of ``invalid`` ones among those tried."""

    valid: tuple[Realization, ...]
    invalid: int


def screened(
    study: Study, scenario: str, count: int, *, most: int = 0, draws: bool = True, variant: str = ""
) -> Screened:
    """The first ``count`` valid realizations, of at most ``most`` (TRIES × ``count`` unless given).

    A short run of each, up to the first input, decides. If no input has a time, all are valid. Asked again
    for more, the first ones are the same. Raises NoWorlds, WorkerLost.
    """
    timed = first_input_s(study.setting.bases[scenario]) > 0
    most = most or TRIES * count
    valid: list[Realization] = []
    tried = 0
    while len(valid) < count:
        if tried >= most:
            raise NoWorlds(f"{len(valid)} of {tried} realizations are valid, and {count} are needed")
        new = realizations(count - len(valid), draws=draws, variant=variant, first=tried + 1)
        jobs = [Job(scenario, Arm(), r, SCREENING) for r in new] if timed else []
        invalid = study.do(jobs).invalid()
        valid += [r for r in new if r not in invalid]
        tried += len(new)
    return Screened(tuple(valid), tried - count)
