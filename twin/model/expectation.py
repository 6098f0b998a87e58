"""What the author of a scenario expects of a run: ``expect:``."""

from __future__ import annotations

from enum import StrEnum

from pydantic import Field, model_validator

from twin.model.fields import Level, MomentS, Record, one_of
from twin.model.signals import Signal


class Occurrence(StrEnum):
    """Whether a signal may be beyond a level: ``is:`` of an expectation."""

    NEVER = "never"
    SOMETIME = "sometime"


class Expectation(Record):
    """An expectation of the scenario's author: the signal is beyond the level never, or at some time."""

    subject: str
    signal: Signal
    above: Level | None = None
    below: Level | None = None
    occurrence: Occurrence = Field(alias="is")
    after_s: MomentS | None = Field(None, alias="after")
    before_s: MomentS | None = Field(None, alias="before")

    @model_validator(mode="after")
    def _one_side(self) -> Expectation:
        return one_of(self, "above", "below")
