"""Whether a source has a number: the figures that data/sources.yaml quotes from it.

A number with ``source: ID`` is only as good as that. A source that tells of an action, but gives no figure,
is the source of the action and not of its numbers.
"""

from __future__ import annotations

from collections.abc import Mapping
from datetime import datetime

from twin.base import units
from twin.base.units import Refused
from twin.model.fields import Value
from twin.model.parameter import Param
from twin.model.source import Figure, Source
from twin.model.step_numbers import is_moment
from twin.spec.values import typed

SAME = 1e-9  # of a value: what units cost


def quoted(
    sources: Mapping[str, Source], id: str, target: str, value: Value, unit: str, start: datetime
) -> Figure | None:
    """The figure of a source that is this number; None if there is none.

    ``target``: as in ``UncertainInput``. ``value``: in SI; a time in seconds from ``start``.
    """
    figures = sources[id].figures if id in sources else ()
    return next((f for f in figures if _is(f, target, value, unit, start)), None)


def _is(figure: Figure, target: str, value: Value, unit: str, start: datetime) -> bool:
    if isinstance(value, bool | str):
        return figure.value == value
    if is_moment(target):
        return _same(_seconds_after(figure, start), value)
    if figure.begin is not None and figure.end is not None:
        return unit == "s" and _same((figure.end - figure.begin).total_seconds(), value)
    return _same(_in_si(figure, unit), value)


def _seconds_after(figure: Figure, start: datetime) -> float | None:
    try:
        return (units.parse_clock(figure.value) - start).total_seconds()
    except Refused:
        return None


def _in_si(figure: Figure, unit: str) -> float | None:
    assert figure.value is not None
    try:
        found = typed(figure.value, Param("figure", 0.0, unit, 0.0, 1e15, "", ""))
    except Refused:
        return None
    return float(found)


def _same(figure: float | None, value: float) -> bool:
    return figure is not None and abs(figure - value) <= SAME * max(1.0, abs(value))
