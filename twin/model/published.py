"""The published timeline of an incident: what happened when, how well that is known, what did not happen."""

from __future__ import annotations

from datetime import datetime
from typing import Annotated, Literal

from pydantic import Field, StrictBool, StrictInt

from twin.base.text import counted
from twin.model.fields import ClockTime, Level, Minutes, Record, Slug
from twin.model.signals import Signal


class Outcome(Record):
    """One published moment: a signal of a subject crossing a level."""

    id: Slug
    subject: str
    what: str = Field("", description="what happened, in words")
    signal: Signal
    direction: Literal["rising", "falling"]
    level: Level
    episode: Annotated[StrictInt, Field(ge=1)] = 1
    at: ClockTime = Field(alias="published")
    not_before: ClockTime | None = Field(
        None, description="the outcome came between here and the published time, which is a bound"
    )
    source: str
    tolerance_min: Minutes = Field(0.0, description="precision of the published time, in both directions")
    imposed: StrictBool = Field(False, description="a direct result of an input")
    note: str = ""

    @property
    def earliest(self) -> datetime:
        """The published time, or the lower of two bounds."""
        return self.not_before or self.at

    def off_s(self, moment: datetime) -> float:
        """How much later than published a moment is, in s; 0 between two bounds, negative if it is early."""
        late_s, early_s = ((moment - end).total_seconds() for end in (self.at, self.earliest))
        return max(late_s, 0.0) + min(early_s, 0.0)


class Exclusion(Record):
    """Something that must not happen: the signal crosses the level between ``begin`` and ``end``."""

    id: Slug
    subject: str
    what: str = ""
    signal: Signal
    direction: Literal["rising", "falling"]
    level: Level
    begin: ClockTime = Field(alias="from")
    end: ClockTime = Field(alias="to")
    would_come_from: str | None = Field(
        None, description="service whose trouble, or whose repair, would make it happen"
    )
    source: str
    note: str = ""


class Plateau(Record):
    """Something that was partly so for a while: the mean of the signal from ``begin`` to ``end`` lies between
    two levels. It has no time of its own, so an outcome would find it by luck."""

    id: Slug
    subject: str
    what: str = ""
    signal: Signal
    low: Level
    high: Level
    begin: ClockTime = Field(alias="from")
    end: ClockTime = Field(alias="to")
    source: str
    imposed: StrictBool = Field(False, description="a direct result of an input")
    note: str = ""


class Count(Record):
    """How many entries of the dashboard were impacted (or listed: impacted or resolved) at a time."""

    id: Slug
    at: ClockTime
    what: Literal["impacted", "listed"]
    count: Annotated[StrictInt, Field(ge=0)]
    at_least: StrictBool = Field(False, description="the count is a lower bound")
    of: Literal["all", "listed"] = Field("all", description="what whole counts")
    whole: Annotated[StrictInt, Field(ge=1)]
    source: str
    note: str = ""

    @property
    def share(self) -> float:
        """The count over the whole."""
        return self.count / self.whole


class Product(Record):
    """A product that the dashboard counts once, and the services of the topology that are parts of it."""

    id: Slug
    services: str = Field(description="names, with spaces between them")
    note: str = ""

    @property
    def names(self) -> tuple[str, ...]:
        """The names of its services."""
        return tuple(self.services.split())


class Published(Record):
    """The published timeline of an incident, to score a run against."""

    incident: Slug
    title: str = ""
    outcomes: tuple[Outcome, ...]
    must_not: tuple[Exclusion, ...] = ()
    plateaus: tuple[Plateau, ...] = ()
    counts: tuple[Count, ...] = ()
    entries: tuple[Product, ...] = ()

    def __repr__(self) -> str:
        count = counted(len(self.outcomes), "outcome")
        return f"Published({self.incident}: {count}, {counted(len(self.must_not), 'exclusion')})"

    __str__ = __repr__
