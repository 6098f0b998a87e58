"""What runs show of the published timeline: the question that a fit, a profile and an ensemble ask."""

from __future__ import annotations

import math
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from typing import NamedTuple

from twin.experiments.answers import Answer
from twin.experiments.arms import Arm
from twin.experiments.questions import BREACH, TIMELINE
from twin.experiments.realizations import Realization
from twin.experiments.study import Job, Study
from twin.model.published import Published

SHIPPED = Realization()


@dataclass(frozen=True)
class Simulated:
    """The timeline of one run.

    ``times_min``: outcome id → minutes from the start, infinite if it does not happen. ``breaches_min``: id
    of what must not happen → minutes by which it would have to move, 0 if it does not happen. ``valid``: no
    visible service was impaired before the first input.
    """

    times_min: Mapping[str, float]
    breaches_min: Mapping[str, float]
    valid: bool


class WantedRun(NamedTuple):
    """One run: the values of some inputs, in one realization."""

    values: Mapping[str, float | int]
    realization: Realization = SHIPPED


def timelines_of(study: Study, scenario: str, wanted: Sequence[WantedRun]) -> list[Simulated]:
    """The timeline of each run, in order. A run that the study has is not made again. Raises WorkerLost."""
    published = study.setting.bases[scenario].published
    assert published is not None
    jobs = [Job(scenario, _arm(w.values), w.realization, TIMELINE) for w in wanted]
    found = study.do(jobs).by_job()
    return [simulated(found[job], published) for job in jobs]


def simulated(answer: Answer, published: Published) -> Simulated:
    """The timeline in the answer of a run."""
    return Simulated(
        {o.id: answer.values.get(("", o.id), math.inf) / 60 for o in published.outcomes},
        {ban.id: answer.values.get(("", BREACH + ban.id), 0.0) for ban in published.must_not},
        answer.valid,
    )


def _arm(values: Mapping[str, float | int]) -> Arm:
    items: Iterable[tuple[str, float | int]] = values.items()
    return Arm("(values)", values=tuple(sorted(items))) if values else Arm()
