"""A control loop: what feedback it acted on, how old and how wrong that was, and what it did.

A kind that has one says so in its ABOUT: it names an Eye, which looks at the service while a run is stepped.
"""

from __future__ import annotations

from dataclasses import dataclass, field
from statistics import median
from typing import Any, NamedTuple, Protocol

import numpy as np

EVERY_S = 60.0  # how often most eyes look; those that wait for an event look at every tick


class Reading(NamedTuple):
    """A loop at one moment.

    ``age_s``: of its feedback, None where it had none. ``wrong``: by how much, in the loop's own unit.
    ``did``: what it did because of it. ``act``: whether that changed something.
    """

    tick: int
    age_s: float | None
    wrong: float
    did: str
    act: bool = False


@dataclass(frozen=True)
class Loop:
    """``feedback``: what it acts on. ``error``: what ``wrong`` counts; ``is_share``: of 1, or a count."""

    name: str
    service: str
    feedback: str
    error: str
    is_share: bool
    readings: list[Reading] = field(default_factory=list)

    @property
    def median_age_s(self) -> float | None:
        """Of all readings with feedback."""
        ages = [r.age_s for r in self.readings if r.age_s is not None]
        return median(ages) if ages else None

    @property
    def oldest(self) -> Reading | None:
        """When its feedback was oldest; the first such moment."""
        aged = [r for r in self.readings if r.age_s is not None]
        return max(aged, key=lambda r: (r.age_s or 0.0, -r.tick), default=None)

    def acts(self, most: int) -> list[Reading]:
        """Its acts on the feedback that was most wrong, in their order; at most ``most``."""
        acts = sorted((r for r in self.readings if r.act), key=lambda r: (-abs(r.wrong), r.tick))
        return sorted(acts[:most], key=lambda r: r.tick)

    @property
    def most_wrong(self) -> Reading | None:
        """When its feedback was most wrong, either way; the first such moment."""
        return max(self.readings, key=lambda r: (abs(r.wrong), -r.tick), default=None)


@dataclass(frozen=True)
class View:
    """What an eye may look at: one service, through views of the arrays that are stepped, so always of now.

    ``p`` parameters, ``s`` state, ``panel`` its row in ``svc``, ``cells`` the kind's own, ``out`` its
    dependencies, ``svc`` the panels of all services.
    """

    service: str
    kind: str
    tick_s: float
    panel: Any
    p: Any
    s: Any
    cells: np.ndarray
    out: np.ndarray
    svc: np.ndarray

    @property
    def every(self) -> int:
        """Ticks from look to look."""
        return max(1, round(EVERY_S / self.tick_s))


class Eye(Protocol):
    """Looks at a loop while a run is stepped."""

    loop: Loop

    def __init__(self, view: View) -> None: ...

    def look(self, tick: int) -> None:
        """The state is that after ``tick`` ticks. Called once a tick, in order."""
        ...
