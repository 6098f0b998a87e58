"""How a run is scored against a published timeline: phases, and the outcomes that numbers may be fitted to.

It stands in the scenario, beside the name of the timeline, so that it can be read before a score is. Phases
end with a published outcome and not at a time: times of outcomes stand in ``data/published`` only.
"""

from __future__ import annotations

from typing import Annotated

from pydantic import Field, model_validator

from twin.base.units import Refused
from twin.model.fields import Record, Slug


class Phase(Record):
    """A part of the event. The outcomes that are published up to that of ``through`` belong to it, as far as
    no earlier phase has them."""

    id: Slug
    title: str = ""
    through: Slug | None = Field(None, description="id of its last outcome; the last phase has none")


class Scoring(Record):
    """``phases``: in order of time. ``fit_domains``: numbers may be fitted to outcomes of services of these
    domains only; without the key, to all. ``units``: in which losses of a service are told. ``matched``: a
    world in which all of these outcomes happen is *matched* to the event."""

    phases: Annotated[tuple[Phase, ...], Field(description="parts of the event, scored one by one")] = ()
    fit_domains: Annotated[
        tuple[Slug, ...], Field(description="domains whose outcomes numbers may be fitted to; none: all")
    ] = ()

    units: Annotated[
        dict[Slug, str], Field(description="service → what its calls are, in the plural; others are calls")
    ] = {}  # noqa: RUF012 (a field of pydantic is copied)
    matched: Annotated[
        tuple[Slug, ...],
        Field(description="outcomes that must happen in a world for it to count as one like the event"),
    ] = ()

    @model_validator(mode="after")
    def _last_is_open(self) -> Scoring:
        ends = [phase.through for phase in self.phases]
        if None in ends[:-1] or (ends and ends[-1] is not None):
            expected = "through: in every phase but the last"
            raise Refused(expected, found=f"{ends.count(None)} of {len(ends)} phases without it")
        return self
