"""Scenario, seed and runner → a run. The only place that puts them together."""

from __future__ import annotations

import hashlib
import json
import platform
from dataclasses import dataclass, field, replace
from functools import cached_property
from pathlib import Path
from typing import Any, TypeVar

import pyarrow as pa
from pydantic import ValidationError

from twin.base import units
from twin.kinds import registry
from twin.mechanisms.arrays import INPUT_ENDED, REPLICATE, SEED
from twin.model.reach import follow_shares, way_of
from twin.model.responders import steps
from twin.model.scenario import Scenario
from twin.simulation import inline, journal
from twin.simulation.code_version import code_version
from twin.simulation.inline import Progress, Rows
from twin.simulation.queries import Tables
from twin.simulation.schedule import Change, Schedule
from twin.simulation.world import Model, build
from twin.spec.arguments import check_runner

R = TypeVar("R", bound="FinishedRun")


@dataclass(frozen=True, repr=False)
class FinishedRun:
    """The records of a run that has ended.

    ``events``: Arrow table of what happened (tick, t, event_id, cause_id, service, event, subject, value,
    origin). ``samples``: Arrow table, a row a service and sample interval (tick, t, service, offered_per_s,
    goodput_per_s, capacity_per_s, backlog_count, error_ratio, latency_s, waiting_count, busy_count).
    ``calls``: a row a sample interval and dependency of the services that are stepped one by one.
    ``requests``: a row for each request of their customers. ``manifest``: inputs, hashes, versions. Times are
    UTC without zone; units stand in the tables' schema metadata.
    """

    events: pa.Table
    samples: pa.Table
    manifest: dict[str, Any]
    folder: Path | None = None
    calls: pa.Table = field(default_factory=journal.no_calls)
    requests: pa.Table = field(default_factory=journal.no_requests)

    def __repr__(self) -> str:
        m = self.manifest
        length = units.format_duration(m["duration_s"])
        return f"{type(self).__name__}({m['scenario']}, id {m['run_id'][:8]}, seed {m['seed']}, {length})"

    @cached_property
    def scenario(self) -> Scenario:
        """What was run, every change included. Raises DamagedRun if another version wrote the run."""
        try:
            return Scenario.model_validate(self.manifest["inputs_scenario"])
        except ValidationError as error:
            message = f"run {self.run_id} is of another version of the twin, with other keys: run it again"
            raise journal.DamagedRun(message) from error

    @property
    def run_id(self) -> str:
        """Hash of everything that can change a row: scenario, seed, overrides, code."""
        return self.manifest["run_id"]

    @property
    def digest(self) -> str:
        """SHA-256 of all rows; equal for the same run on any runner."""
        return self.manifest["digest"]

    def tables(self) -> Tables:
        """A DuckDB connection that can read this run and nothing else."""
        return Tables(self.tables_by_name(), self.manifest)

    def tables_by_name(self) -> dict[str, pa.Table]:
        """The tables that a folder of the run holds."""
        return {name: getattr(self, name) for name in journal.TABLES}

    def sql(self, query: str, **parameters: object) -> pa.Table:
        """The answer to ``query`` over the tables events and samples and the views of
        ``twin/simulation/sql``."""
        with self.tables() as tables:
            return tables.ask(query, **parameters)


def run_id(scenario: Scenario, seed: int, replicate: int = 0) -> str:
    """Sixteen hex digits; equal inputs and code give equal ids. The runner is not part of it."""
    return _run_id(scenario.model_dump(mode="json"), seed, replicate)


def _run_id(dumped: dict[str, Any], seed: int, replicate: int) -> str:
    identity = [dumped, seed, replicate, code_version()]
    return hashlib.sha256(json.dumps(identity, sort_keys=True).encode()).hexdigest()[:16]


def schedule_for(model: Model, scenario: Scenario) -> Schedule:
    """The scenario's interventions, starting from the values that the model has now."""
    scenario = follow_shares(scenario)
    targets = {target for x in scenario.interventions for target in x.set}
    present = {target: model.value(target) for target in sorted(targets)}
    clock = model.state.clock
    return Schedule(scenario, present, int(clock[SEED]), int(clock[REPLICATE]))


def simulate(
    scenario: Scenario, *, seed: int | None = None, replicate: int = 0, runner: str = "inline",
    actors: int = 2, address: str | None = None, out: Path | str | None = None, debug: bool = False,
    progress: Progress | None = None, digest: bool = True,
) -> FinishedRun:  # fmt: skip
    """Step ``scenario`` to its end.

    ``runner``: "ray" (over ``actors`` shards, on the cluster at ``address`` or a local one), or one of
    "inline", "process" and "auto". These three run in this process: one run of this size is faster there.
    ``out``: folder of runs to write to; None keeps the run in memory. ``debug`` checks every invariant after
    each signal period. ``digest=False`` saves the hash of all rows, for one of many runs. Raises SpecError
    for an unknown runner, InvariantBroken, OSError.
    """
    check_runner(runner, address)
    runner = "ray" if runner == "ray" else "inline"
    seed = scenario.seed if seed is None else seed
    model = build(scenario, seed=seed, replicate=replicate, debug=debug)
    schedule = schedule_for(model, scenario)
    ticks = round(scenario.duration_s / scenario.tick_s)
    if runner == "ray":
        from twin.simulation import on_ray

        rows = on_ray.run_on_ray(scenario, model, schedule, ticks, actors=actors, address=address,
                                 progress=progress)  # fmt: skip
    else:
        rows = inline.run_inline(model, schedule, ticks, progress)
    return record_run(scenario, model, rows, seed, replicate, runner, out, digest)


def record_run(
    scenario: Scenario, model: Model, rows: Rows, seed: int, replicate: int, runner: str,
    out: Path | str | None, digest: bool = True,
) -> FinishedRun:  # fmt: skip
    """Turn rows into tables and, where ``out`` is given, into a folder."""
    kinds = tuple(tuple(module.EVENTS) for module in registry().values())
    start, tick_s = scenario.start, scenario.tick_s
    events = journal.events_table(rows.events, rows.inputs, model.names, kinds, start, tick_s)
    samples = journal.samples_table(rows.samples, model.names, start, tick_s)
    calls = journal.calls_table(rows.books, model.edges, start, tick_s)
    requests = journal.requests_table(rows.requests, model.edges)
    manifest = describe(scenario, rows, seed, replicate, runner)
    manifest["digest"] = journal.digest(events, samples, calls, requests) if digest else ""
    done = FinishedRun(events, samples, manifest, None, calls, requests)
    return done if out is None else keep(done, out)


def keep(run: R, out: Path | str) -> R:
    """The same run, written to a folder of runs. Raises OSError."""
    journal.remove_unfinished(Path(out))
    folder = Path(out) / run.run_id
    journal.write_run(folder, run.tables_by_name(), run.manifest)
    return replace(run, folder=folder)


def describe(scenario: Scenario, rows: Rows, seed: int, replicate: int, runner: str) -> dict[str, Any]:
    """The manifest, but for the digest."""
    dumped = scenario.model_dump(mode="json")
    return {
        "schema_version": journal.SCHEMA_VERSION,
        "run_id": _run_id(dumped, seed, replicate),
        "scenario": scenario.name,
        "title": scenario.title,
        "start": scenario.start.isoformat(),
        "tick_s": scenario.tick_s,
        "sample_s": scenario.sample_s,
        "duration_s": scenario.duration_s,
        "seed": seed,
        "replicate": replicate,
        "runner": runner,
        "code": code_version(),
        "python": platform.python_version(),
        "engine_seconds": round(rows.engine_seconds, 3),
        "notes": rows.notes,
        "services": {
            s.name: {"title": s.title or s.name, "kind": s.kind, "visible": s.visible,
                     "domain": s.domain or s.name}
            for s in scenario.topology.services.values()
        },
        "dependencies": [
            {"caller": s.name, "callee": d.on, "for": d.purpose, "mode": d.mode,
             "share": d.value("share"), "inherited_from": d.inherited_from,
             "reached_through": way_of(s, d, scenario.topology.services),
             "evidence": d.evidence.model_dump() if d.evidence else None}
            for s in scenario.topology.services.values() for d in s.dependencies
        ],
        "inputs": [input_note(scenario, change) for change in rows.inputs],
        "units": journal.UNITS,
        "inputs_scenario": dumped,
    }  # fmt: skip


def input_note(scenario: Scenario, change: Change) -> dict[str, Any]:
    """One change as the manifest lists it."""
    x = next(x for x in steps(scenario) if x.id == change.name)
    begin = change.code != INPUT_ENDED
    return {"id": x.id, "kind": x.kind, "title": x.title, "tick": change.tick, "begin": begin,
            "set": dict(change.values)}  # fmt: skip


def read_run(folder: Path | str) -> FinishedRun:
    """The run in a folder. Raises journal.DamagedRun where a row differs from what was written."""
    folder = Path(folder)
    manifest = journal.read_manifest(folder)
    tables = {name: journal.read_table(folder, name) for name in journal.TABLES}
    if journal.digest(*tables.values()) != manifest["digest"]:
        raise journal.DamagedRun(f"{folder}: its rows are not those that were written; run it again")
    return FinishedRun(manifest=manifest, folder=folder, **tables)
