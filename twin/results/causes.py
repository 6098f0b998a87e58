"""Why a service broke: the chain of causes behind an onset, in words."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import Any

from twin.base.thresholds import HOLD_S, RECOVERED_S
from twin.simulation.run import FinishedRun
from twin.spec.problems import Problem, SpecError, did_you_mean

INPUTS = ("input", "input_ended", "diagnosed")


@dataclass(frozen=True)
class Link:
    """One event of the chain. ``at`` is when it began: trouble counts as an onset only after a while."""

    at: datetime
    service: str
    event: str
    subject: str
    value: float
    words: str


@dataclass(frozen=True)
class Chain:
    """An onset of ``service`` and what lies behind it, nearest cause first. No ``links``: there was none."""

    service: str
    title: str
    links: tuple[Link, ...]
    recovery: datetime | None
    note: str = ""

    def lines(self) -> list[str]:
        """The chain for people to read."""
        head = f"{self.service}" + (f" ({self.title})" if self.title != self.service else "")
        if not self.links:
            return [f"{head}: {self.note}"]
        ends = f"{_clock(self.recovery)}" if self.recovery else "never, within this run"
        first, *rest = self.links
        lines = [f"{_clock(first.at)}  {head} {first.words}; it recovered: {ends}"]
        lines += [f"{_clock(link.at)}  {'  ' * n}because {link.words}" for n, link in enumerate(rest, 1)]
        return lines + ([self.note] if self.note else [])

    def as_json(self) -> dict[str, Any]:
        """The same for machines; times are ISO 8601 with zone."""
        return {
            "service": self.service,
            "recovery": self.recovery.isoformat() if self.recovery else None,
            "note": self.note,
            "chain": [{**vars(link), "at": link.at.isoformat()} for link in self.links],
        }


def chain_of(run: FinishedRun, service: str, tick: int | None = None) -> Chain:
    """The chain behind the last onset of ``service`` at or before ``tick``; behind its first if that is None.

    Raises SpecError for a service that the run has not.
    """
    about = run.manifest["services"]
    if service not in about:
        hint = did_you_mean(service, about)
        raise SpecError([Problem("service", 0, 0, "", f"'{service}'", "a service of the run", hint)])
    hold = round(HOLD_S / run.manifest["tick_s"])
    with run.tables() as tables:
        onsets = tables.rows(
            "select event_id, tick from events where service = $service and event = 'onset' "
            "and ($tick is null or tick - $hold <= $tick) order by event_id",
            service=service,
            tick=tick,
            hold=hold,
        )
        if not onsets:
            when = "in this run" if tick is None else "at or before that time"
            return Chain(service, about[service]["title"], (), None, f"it was never impaired {when}")
        onset = onsets[0] if tick is None else onsets[-1]
        rows = tables.rows("select * from cascade where event_id = $id order by depth", id=onset["event_id"])
        ends = tables.rows(
            "select min(tick) as tick from events where service = $service and event = 'recovery' "
            "and tick > $tick",
            service=service,
            tick=onset["tick"],
        )
    links = tuple(_link(run.manifest, row, rows[n - 1] if n else None) for n, row in enumerate(rows))
    recovery = None if ends[0]["tick"] is None else _moment(run.manifest, ends[0]["tick"], "recovery")
    note = (
        ""
        if links[-1].event in INPUTS
        else ("No cause is recorded behind that: it comes from the service's own mechanism.")
    )
    return Chain(service, about[service]["title"], links, recovery, note)


def _link(manifest: Mapping[str, Any], row: Mapping[str, Any], effect: Mapping[str, Any] | None) -> Link:
    at = _moment(manifest, row["tick"], row["event"])
    return Link(at, row["service"], row["event"], row["subject"], row["value"], _words(manifest, row, effect))


def _moment(manifest: Mapping[str, Any], tick: int, event: str) -> datetime:
    """When it began: an onset counts after HOLD_S of trouble, a recovery after RECOVERED_S without."""
    late_s = {"onset": HOLD_S, "recovery": RECOVERED_S}.get(event, 0.0)
    seconds = max(0.0, tick * manifest["tick_s"] - late_s)
    return datetime.fromisoformat(manifest["start"]) + timedelta(seconds=seconds)


def _words(manifest: Mapping[str, Any], row: Mapping[str, Any], effect: Mapping[str, Any] | None) -> str:
    event, service = row["event"], row["service"]
    if event in INPUTS:
        return _input_words(manifest, row)
    if event == "onset":
        did = f"became impaired (error ratio {row['value']:.0%})"
    elif event == "recovery":
        did = "recovered"
    else:
        did = f"had: {event.replace('_', ' ')}" + (f" ({row['value']:g})" if row["value"] else "")
    return did if effect is None else f"{service}{_need(manifest, effect['service'], service)} {did}"


def _need(manifest: Mapping[str, Any], caller: str, callee: str) -> str:
    """', which sts needs for names (hard),' where there is such a dependency."""
    for d in manifest["dependencies"]:
        if (d["caller"], d["callee"]) == (caller, callee):
            purpose = f" for {d['for']}" if d["for"] else ""
            return f", which {caller} needs{purpose} ({d['mode'].replace('_', ' ')}),"
    return ""


def _input_words(manifest: Mapping[str, Any], row: Mapping[str, Any]) -> str:
    """'of fault lock-starvation: title (dynamodb-dns.losing_enactor = 3)'."""
    begins = row["event"] != "input_ended"
    for i in manifest["inputs"]:
        if i["id"] == row["subject"] and i["tick"] == row["tick"] and i["begin"] == begins:
            values = ", ".join(f"{target} = {value:g}" for target, value in i["set"].items())
            title = f": {i['title']}" if i["title"] else ""
            if row["event"] == "diagnosed":
                values = f"{row['value']:g} alarms"
            return f"of {'' if begins else 'the end of '}{i['kind']} {i['id']}{title} ({values})"
    return f"of input {row['subject']}"


def _clock(at: datetime) -> str:
    return f"{at:%d %b %H:%M:%S}"
