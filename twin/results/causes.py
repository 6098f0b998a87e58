"""Why a service broke: the chain of causes behind an onset, as records and as text."""

from __future__ import annotations

import re
from collections.abc import Mapping
from dataclasses import dataclass
from datetime import datetime
from html import escape
from typing import Any

from twin.base.clock import Clock
from twin.base.text import html_table
from twin.results.impact import too_short, well_since
from twin.simulation.queries import Tables
from twin.simulation.run import FinishedRun
from twin.spec.arguments import Moment, read_moment
from twin.spec.problems import argument_problem, did_you_mean

MOST_TIMES = 1000.0  # a larger ratio says only that the usual latency is next to nothing
_ZONE = re.compile(r"@[a-z0-9-]+")
_TROUBLE = {"onset": "became impaired", "first_sign": "showed first signs of trouble"}
INPUTS = ("input", "input_ended", "diagnosed")

_ONSETS = """
select event_id, tick from events where service = $service and event = 'onset'
and ($tick is null or tick <= $tick) order by event_id
"""
_END = """
select min(tick) as tick from events where service = $service and event = 'recovery' and tick > $tick
"""
_OWN = "No cause is recorded behind that: it comes from the service's own mechanism."


@dataclass(frozen=True)
class Cause:
    """One event of a chain. ``at``: when it began."""

    at: datetime
    service: str
    event: str
    subject: str
    value: float
    text: str


@dataclass(frozen=True, repr=False)
class CauseChain:
    """An onset of ``service`` and the events behind it, nearest first. No ``causes``: it was never impaired.

    ``recovery``: the end of the impairment, None if it lasts to the end of the run.
    ``well_since``: then, since when it was well, but too short to call. ``str()`` gives the text.
    """

    service: str
    title: str
    causes: tuple[Cause, ...]
    recovery: datetime | None
    note: str = ""
    well_since: datetime | None = None

    def __str__(self) -> str:
        return "\n".join(self.lines())

    __repr__ = __str__

    def _repr_html_(self) -> str:
        rows = [(_clock(cause.at), cause.service, cause.text) for cause in self.causes]
        ends = f"{self.service} recovered: {self._ends('never')}. "
        text = (ends if self.causes else f"{self.service}: ") + self.note
        return f"<div>{html_table(('time', 'service', 'cause'), rows)}<p>{escape(text)}</p></div>"

    def lines(self) -> list[str]:
        """The chain for people to read."""
        head = f"{self.service}" + (f" ({self.title})" if self.title != self.service else "")
        if not self.causes:
            return [f"{head}: {self.note}"]
        ends = self._ends("never, within this run")
        first, *rest = self.causes
        lines = [f"{_clock(first.at)}  {head} {first.text}; it recovered: {ends}"]
        lines += [f"{_clock(cause.at)}  {'  ' * n}because {cause.text}" for n, cause in enumerate(rest, 1)]
        return lines + ([self.note] if self.note else [])

    def _ends(self, never: str) -> str:
        if self.recovery is not None:
            return _clock(self.recovery)
        return too_short(self.well_since) if self.well_since else never

    def as_json(self) -> dict[str, Any]:
        """The same for machines; times are ISO 8601 with zone."""
        return {
            "service": self.service,
            "recovery": self.recovery.isoformat() if self.recovery else None,
            "well_since": self.well_since.isoformat() if self.well_since else None,
            "note": self.note,
            "chain": [{**vars(cause), "at": cause.at.isoformat()} for cause in self.causes],
        }


def why_impaired(run: FinishedRun, service: str, at: Moment | None = None) -> CauseChain:
    """The causes of the last onset of ``service`` at or before a time; of its first without ``at``.

    ``at`` is "07:50", "+2h" or any other form of ``twin.base.units.parse_moment``. Raises SpecError for a
    service that the run does not have, or a time outside it.
    """
    about = run.services
    if service not in about:
        hint = did_you_mean(service, about)
        raise argument_problem("service", f"'{service}'", "a service of the run", hint)
    tick = None if at is None else int(read_moment("at", at, run.scenario) / run.manifest["tick_s"])
    title = about[service]["title"]
    with run.tables() as tables:
        onset = _onset(tables, service, tick)
        if onset is None:
            when = "in this run" if tick is None else "at or before that time"
            note = f"it was never impaired {when}{_unreached(tables, service, Clock(run.manifest))}"
            return CauseChain(service, title, (), None, note)
        rows = tables.rows("select * from cascade where event_id = $id order by depth", id=onset["event_id"])
        ends = tables.rows(_END, service=service, tick=onset["tick"])[0]["tick"]
        well = well_since(tables, service) if ends is None else None
    causes = tuple(_cause(run, row, rows[n - 1] if n else None) for n, row in enumerate(rows))
    recovery = None if ends is None else Clock(run.manifest).at(ends)
    notes = [] if causes[-1].event in INPUTS else [_OWN]
    if tick is not None and recovery is not None and recovery <= (asked := Clock(run.manifest).at(tick)):
        notes.insert(0, f"At {_clock(asked)}, {service} was not impaired: this is the episode before.")
    since = None if well is None else Clock(run.manifest).at(well)
    return CauseChain(service, title, causes, recovery, " ".join(notes), since)


def _onset(tables: Tables, service: str, tick: int | None) -> Mapping[str, Any] | None:
    """The last onset at or before ``tick``, the first if that is None; None if there is none."""
    onsets = tables.rows(_ONSETS, service=service, tick=tick)
    return onsets[0 if tick is None else -1] if onsets else None


def _cause(run: FinishedRun, row: Mapping[str, Any], effect: Mapping[str, Any] | None) -> Cause:
    at = Clock(run.manifest).at(row["tick"])
    return Cause(at, row["service"], row["event"], row["subject"], row["value"], _text(run, row, effect))


def _text(run: FinishedRun, row: Mapping[str, Any], effect: Mapping[str, Any] | None) -> str:
    event, service = row["event"], row["service"]
    if event in INPUTS:
        return _input_text(run.manifest, row)
    if event == "more_load":
        return _load_text(row)
    if event in _TROUBLE:
        did = f"{_TROUBLE[event]} ({how_bad(row['value'])})"
    elif event == "recovery":
        did = "recovered"
    else:
        did = f"had: {event.replace('_', ' ')}" + (f" ({row['value']:g})" if row["value"] else "")
    return did if effect is None else f"{service}{needed_for(run, effect['service'], service)} {did}"


def how_bad(value: float) -> str:
    """'error ratio 12%', 'latency 4.2 × the usual': an error ratio is never above 1."""
    percent = f"{value:.1%}" if value < 0.01 else f"{value:.0%}"
    if value <= 1.0:
        return f"error ratio {percent}"
    return f"latency {value:.1f} × the usual" if value < MOST_TIMES else "latency far above the usual"


def _load_text(row: Mapping[str, Any]) -> str:
    """'of load from shop: store was offered 3.0 times the usual'."""
    times = f"{row['value']:.1f} times the usual" if row["value"] < 1e6 else "calls that it never gets else"
    return f"of load from {row['subject']}: {row['service']} was offered {times}"


def needed_for(run: FinishedRun, caller: str, callee: str) -> str:
    """', which sts needs for names (hard),' where there is such a dependency."""
    for d in run.dependencies:
        if (d["caller"], d["callee"]) == (caller, callee):
            purpose = f" for {d['for']}" if d["for"] else ""
            return f", which {caller} needs{purpose} ({d['mode'].replace('_', ' ')}),"
    return ""


def _input_text(manifest: Mapping[str, Any], row: Mapping[str, Any]) -> str:
    """'of fault lock-starvation: title (dynamodb-dns.losing_enactor = 3)'."""
    begins = row["event"] != "input_ended"
    for i in manifest["inputs"]:
        if i["id"] == row["subject"] and i["tick"] == row["tick"] and i["begin"] == begins:
            values = _settings(i["set"])
            title = f": {i['title']}" if i["title"] else ""
            if row["event"] == "diagnosed":
                values = f"{row['value']:g} alarms"
            return f"of {'' if begins else 'the end of '}{i['kind']} {i['id']}{title} ({values})"
    return f"of input {row['subject']}"


def _settings(values: Mapping[str, float]) -> str:
    """'dwfm.admission_ratio = 0.5 in each of 6 zones, dynamodb-dns.losing_enactor = 3'."""
    alike: dict[tuple[str, float], list[str]] = {}
    for target, value in values.items():
        alike.setdefault((_ZONE.sub("", target), value), []).append(target)
    return ", ".join(
        f"{whole} = {value:g} in each of {len(targets)} zones"
        if len(targets) > 1
        else f"{targets[0]} = {value:g}"
        for (whole, value), targets in alike.items()
    )


def _clock(at: datetime) -> str:
    return f"{at:%d %b %H:%M:%S}"


def _unreached(tables: Tables, service: str, clock: Clock) -> str:
    """', but from … to … calls failed before they reached it: resolvers-vpc'; '' if all reached it."""
    spans = tables.rows("select begin_tick, end_tick from unreachable where service = $s", s=service)
    ways = tables.rows(
        "select distinct reached_through as way from dependencies "
        "where callee = $s and reached_through is not null order by way", s=service,
    )  # fmt: skip
    if not spans:
        return ""
    begin, end = (_clock(clock.at(spans[0][f"{end}_tick"])) for end in ("begin", "end"))
    through = " or ".join(way["way"] for way in ways)
    return f", but from {begin} to {end} calls to it failed before they reached it, at {through}"
