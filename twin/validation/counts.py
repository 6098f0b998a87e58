"""How many services were impacted, as counts of the dashboard have it, and as the twin has it.

The dashboard counts products: one entry for Lambda, where the twin has four services. An entry is *impacted*
while one of its services is impaired. It is *listed* from its first impairment on, as the dashboard keeps
what is resolved. The twin has a part of all entries, so shares are compared, and not numbers.
"""

from __future__ import annotations

import math
from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from typing import Any

from twin.model.published import Count, Product, Published
from twin.model.scenario import Scenario
from twin.results.of_run import RunArrays

Spans = list[tuple[float, float]]
"""(onset, recovery) in s from the start; the recovery is infinite if it does not come."""


@dataclass(frozen=True)
class CountRow:
    """A published count. ``entries``: how many of its ``whole`` the twin has; ``counted``: of these, how many
    are as the count asks."""

    count: Count
    counted: int
    entries: int
    baseline_counted: int
    baseline_entries: int

    @property
    def share(self) -> float | None:
        """Of the twin's entries; None if there are none."""
        return _share(self.counted, self.entries)

    @property
    def baseline_share(self) -> float | None:
        """Of those of the run without feedback."""
        return _share(self.baseline_counted, self.baseline_entries)

    @property
    def error_ratio(self) -> float | None:
        """Share in the twin less the published one; 0 above a bound."""
        if self.share is None:
            return None
        error = round(self.share - self.count.share, 4)
        return min(error, 0.0) if self.count.at_least else error

    def as_json(self) -> dict[str, Any]:
        """As ``twin replay --json`` prints it."""
        return {
            "id": self.count.id, "at": self.count.at.isoformat(), "what": self.count.what,
            "of": self.count.of,
            "published": self.count.count, "published_whole": self.count.whole,
            "published_share": round(self.count.share, 4), "at_least": self.count.at_least,
            "counted": self.counted, "entries": self.entries, "share": self.share,
            "baseline_share": self.baseline_share, "error_ratio": self.error_ratio,
        }  # fmt: skip


def count_rows(
    scenario: Scenario, published: Published, ours: RunArrays, theirs: RunArrays
) -> tuple[CountRow, ...]:
    """The published counts beside those of the twin and of the baseline."""
    sides = [[_spans(arrays, entry) for entry in published.entries] for arrays in (ours, theirs)]

    def row(count: Count) -> CountRow:
        at_s = (count.at - scenario.start).total_seconds()
        return CountRow(count, *(n for side in sides for n in count_at(side, count, at_s)))

    return tuple(map(row, published.counts))


def count_at(entries: Sequence[Spans], count: Count, at_s: float) -> tuple[int, int]:
    """(entries as the count asks, entries that it is taken of) at a time."""
    listed = [spans for spans in entries if any(begin <= at_s for begin, _ in spans)]
    impacted = [spans for spans in listed if any(begin <= at_s < end for begin, end in spans)]
    whole = listed if count.of == "listed" else entries
    return len(listed if count.what == "listed" else impacted), len(whole)


def state_of_entries(arrays: RunArrays, entries: Iterable[Product], at_s: float) -> dict[str, str]:
    """Product → impacted, resolved or not listed, at a time."""

    def state(spans: Spans) -> str:
        if any(begin <= at_s < end for begin, end in spans):
            return "impacted"
        return "resolved" if any(begin <= at_s for begin, _ in spans) else "not listed"

    return {entry.id: state(_spans(arrays, entry)) for entry in entries}


def _spans(arrays: RunArrays, entry: Product) -> Spans:
    mine = {arrays.names.index(name) for name in entry.names if name in arrays.names}
    tick_s, stretches = arrays.tick_s, [e for e in arrays.episodes if e.service in mine]
    ends = (math.inf if e.recovery_tick is None else e.recovery_tick * tick_s for e in stretches)
    return [(e.onset_tick * tick_s, end) for e, end in zip(stretches, ends, strict=True)]


def _share(part: int, whole: int) -> float | None:
    return round(part / whole, 4) if whole else None
