"""A publication, how far to trust it, and the figures that are quoted from it."""

from __future__ import annotations

from typing import Annotated

from pydantic import Field, StrictFloat, StrictInt, StrictStr, WithJsonSchema, model_validator

from twin.base import units
from twin.model.fields import ClockTime, Record

_FIGURE_SCHEMA = {"anyOf": [{"type": "number"}, {"type": "string"}], "examples": ["15m", "55%", 3]}


class Figure(Record):
    """A figure as the source gives it: a value with its unit, a time, or the time from one to another."""

    value: Annotated[StrictInt | StrictFloat | StrictStr | None, WithJsonSchema(_FIGURE_SCHEMA)] = Field(
        None, alias="figure"
    )
    begin: ClockTime | None = Field(None, alias="from", description="with to: the time between counts")
    end: ClockTime | None = Field(None, alias="to")
    of: str = Field(description="what it is a figure of, in a few words")

    @model_validator(mode="after")
    def _one_form(self) -> Figure:
        is_span = self.begin is not None and self.end is not None
        is_alone = self.begin is None and self.end is None
        if (self.value is None) != is_span or (self.value is not None) != is_alone:
            raise units.Refused("figure:, or from: and to:", found="none of them, or both")
        if self.begin is not None and self.end is not None and self.end <= self.begin:
            raise units.Refused("from: before to:", found="a time that runs backwards")
        return self


class Source(Record):
    """A publication, and how far to trust it. ``figures``: those that files of the project quote."""

    title: str
    url: str | None = None
    kind: str = ""
    trust: str
    note: str = ""
    figures: tuple[Figure, ...] = ()
