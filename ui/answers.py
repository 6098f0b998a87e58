"""The data of the page, asked of one finished run and cached by its id. Nothing is computed here."""

from __future__ import annotations

import json
import os
from dataclasses import dataclass
from datetime import datetime, timedelta
from pathlib import Path
from typing import Any

import pandas as pd
import streamlit as st

import twin
from twin.api.run import Run
from twin.base.places import RUNS
from twin.simulation import journal
from twin.simulation.runs import SCORECARD, finished_runs

PACIFIC = {-8: "PST", -7: "PDT", 0: "UTC"}  # AWS tells the story of us-east-1 in Pacific time


class LocalClock:
    """Ticks of a run as local times without a zone: a browser would shift times with one."""

    def __init__(self, manifest: dict[str, Any]) -> None:
        self.start = datetime.fromisoformat(manifest["start"])
        self.tick_s = float(manifest["tick_s"])
        self.ticks = round(manifest["duration_s"] / self.tick_s)

    @property
    def zone(self) -> str:
        """'PDT', or the offset where it has no name here."""
        offset = self.start.utcoffset() or timedelta()
        return PACIFIC.get(round(offset / timedelta(hours=1)), f"{self.start:%Z}")

    def at(self, tick: float) -> datetime:
        """Local time of a tick, without zone."""
        return self.start.replace(tzinfo=None) + timedelta(seconds=tick * self.tick_s)

    def local(self, iso: str) -> datetime:
        """Local time of a moment with zone, without zone."""
        return datetime.fromisoformat(iso).astimezone(self.start.tzinfo).replace(tzinfo=None)

    def tick(self, local: datetime) -> int:
        """The tick at a local time."""
        return round((local - self.start.replace(tzinfo=None)).total_seconds() / self.tick_s)


@dataclass(frozen=True)
class Answers:
    """The data of the whole page. Frames have local times without zone where the query has ticks."""

    totals: dict[str, Any]
    lanes: pd.DataFrame
    blast: pd.DataFrame
    inputs: pd.DataFrame
    published: pd.DataFrame
    callers: dict[str, int]
    peak_tick: int


def folder() -> Path:
    """The folder of runs: TWIN_OUT, which ``twin ui --out`` sets, or data/runs."""
    return Path(os.environ.get("TWIN_OUT") or RUNS)


def manifests(runs: Path) -> tuple[dict[str, dict[str, Any]], list[str]]:
    """Run id → manifest, the newest first; and a message for each damaged run."""
    found, damaged = {}, []
    for path in reversed(finished_runs(runs).values()):
        try:
            found[path.name] = journal.read_manifest(path)
        except journal.DamagedRun as error:
            damaged.append(str(error))
    return found, damaged


@st.cache_resource(max_entries=4, show_spinner="Opening the run")
def opened(runs: str, run_id: str) -> Run:
    """The run, kept in memory. Raises journal.DamagedRun."""
    return twin.open_run(Path(runs) / run_id)


@st.cache_data(max_entries=8, show_spinner="Asking the run")
def page_answers(runs: str, run_id: str) -> Answers:
    """All data but the state at a moment. Raises journal.DamagedRun."""
    run = opened(runs, run_id)
    clock = LocalClock(run.manifest)
    with run.tables() as tables:
        (totals,) = tables.rows("from totals")
        (peak,) = tables.rows("select coalesce(min(tick), 0) as tick from blast_radius "
                              "where impaired = (select peak_impaired from totals)")  # fmt: skip
        lanes = tables.rows("from lanes where worst > 0")
        blast = tables.rows("from blast_steps")
        inputs = tables.rows("from interventions")
        callers = {row["service"]: row["callers"] for row in tables.rows("from hubs")}
    return Answers(
        totals=totals,
        lanes=_timed(lanes, clock, "begins", "ends"),
        blast=_timed(blast, clock, "begins", "ends"),
        inputs=_timed(inputs, clock, "begins", "ends"),
        published=published(run.manifest),
        callers=callers,
        peak_tick=peak["tick"],
    )


def published(manifest: dict[str, Any]) -> pd.DataFrame:
    """Outcomes of the published timeline within the run: id, subject, what, direction, at (local)."""
    clock = LocalClock(manifest)
    timeline = manifest["inputs_scenario"].get("published") or {"outcomes": []}
    columns = ["id", "subject", "what", "direction", "at"]
    rows = [{**{k: o[k] for k in columns}, "at": clock.local(o["at"])} for o in timeline["outcomes"]]
    return pd.DataFrame([row for row in rows if row["at"] <= clock.at(clock.ticks)], columns=columns)


@st.cache_data(max_entries=256, show_spinner=False)
def states(runs: str, run_id: str, tick: int) -> dict[str, dict[str, Any]]:
    """Service → its state, error, latency and unreached ratio in the sample interval that a tick is in."""
    rows = opened(runs, run_id).sql(
        "select service::varchar as service, state, error_ratio, latency_ratio, unreached_ratio from states "
        "where tick = (select min(tick) from samples where tick >= $tick)", tick=tick)  # fmt: skip
    return {row["service"]: row for row in rows.to_pylist()}


@st.cache_data(max_entries=256, show_spinner=False)
def causes(runs: str, run_id: str, service: str) -> list[str]:
    """The chain of causes behind the first onset of a service, a line each."""
    return opened(runs, run_id).why(service).lines()


@st.cache_data(max_entries=64, show_spinner=False)
def story(runs: str, run_id: str, service: str) -> pd.DataFrame:
    """What happened to a service, with the cause of each event; times are local."""
    run = opened(runs, run_id)
    rows = run.sql("select tick, event, subject, value, cause_service, cause_event from story "
                   "where service = $service order by tick", service=service)  # fmt: skip
    return _timed(rows.to_pylist(), LocalClock(run.manifest), "tick")


def scorecard(runs: Path, run_id: str) -> dict[str, Any] | None:
    """The scorecard that ``twin replay`` wrote beside the run; None without one."""
    path = runs / run_id / SCORECARD
    try:
        card = json.loads(path.read_text())
    except (OSError, ValueError):
        return None
    return card if card.get("run_id") == run_id else None


def _timed(rows: list[dict[str, Any]], clock: LocalClock, *columns: str) -> pd.DataFrame:
    """A frame in which ``columns`` are local times in place of ticks."""
    frame = pd.DataFrame(rows)
    for column in columns if rows else ():
        frame[column] = pd.to_datetime([None if pd.isna(t) else clock.at(t) for t in frame[column]])
    return frame
