"""A fault that comes again, every so often or by chance: its keys, and which of them go together."""

from __future__ import annotations

from typing import TYPE_CHECKING

from pydantic import Field

from twin.base import units
from twin.model.fields import PerSecond, Record, Seconds

if TYPE_CHECKING:  # the record asks this module
    from twin.model.scenario import Intervention


class Chance(Record):
    """Random begins: ``rate_per_s`` while it is not on; each lasts ``for_s``."""

    rate_per_s: PerSecond = Field(alias="rate", description="how often it begins while it is not on")
    for_s: Seconds = Field(alias="for", description="how long it lasts each time")


def check_repeats(x: Intervention) -> None:
    """Raises Refused unless ``every`` and ``times``, or ``random``, have what they need and no more."""
    if (x.every_s is None) != (x.times is None):
        raise units.Refused("every: and times: together", found="one without the other")
    if x.every_s is None and x.random is None:
        return
    word = "every" if x.random is None else "random"
    if x.at_s is None:
        raise units.Refused(f"at: with {word}:", "the first begin, or the earliest", f"{word} without a time")
    if x.every_s is not None and x.random is not None:
        raise units.Refused("one of every, random", found="both")
    if x.random is not None and (x.for_s is not None or x.over_s):
        hint = "random: {rate: 2/h, for: 30s} says how long it lasts each time"
        raise units.Refused("no for: and no over: with random:", hint, "one of them")
    if x.every_s is not None and (x.for_s is None or not x.for_s < x.every_s):
        hint = "it has to end before it begins again"
        raise units.Refused("for:, shorter than every:", hint, "no such for")
    if x.every_s is not None and x.for_s is not None and x.over_s > x.for_s:
        raise units.Refused("over:, no longer than for:", found="a ramp that does not end")
