"""What is said of a control loop: what it acted on, how old and how wrong that was, what it did."""

from __future__ import annotations

from dataclasses import dataclass, field
from statistics import median
from typing import NamedTuple, Protocol

from twin.results.control_loops.view import View


class Reading(NamedTuple):
    """A loop at one moment. ``age_s``: of its feedback, None where it had none; ``wrong``: by how much, in
    the loop's own unit; ``did``: what it did on that ground; ``act``: an act that changed something, and not
    only what it was at."""

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
        """Its acts on what was most wrong, in their order."""
        acts = sorted((r for r in self.readings if r.act), key=lambda r: (-abs(r.wrong), r.tick))
        return sorted(acts[:most], key=lambda r: r.tick)

    @property
    def most_wrong(self) -> Reading | None:
        """When its feedback was most wrong, either way; the first such moment."""
        return max(self.readings, key=lambda r: (abs(r.wrong), -r.tick), default=None)


class Eye(Protocol):
    """Looks at a loop while a run is stepped."""

    loop: Loop

    def __init__(self, view: View) -> None: ...

    def look(self, tick: int) -> None:
        """The state is that after ``tick`` ticks. Called once a tick, in order."""
        ...
