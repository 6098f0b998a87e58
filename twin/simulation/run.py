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
from twin.model.reach import follow_shares
from twin.model.responders import steps
from twin.model.scenario import Scenario
from twin.simulation import inline, journal
from twin.simulation.by_zone import by_zone
from twin.simulation.code_version import code_version
from twin.simulation.described import as_given, described, identity, services_given
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
    ``requests``: a row for each request of their customers. ``manifest``: inputs, hashes, versions; but not
    the services, which may be many. Times are UTC without zone; units stand in the tables' schema metadata.
    ``inputs``: the scenario of a run that was made here; that of a run on disk is read when asked for.
    """

    events: pa.Table
    samples: pa.Table
    manifest: dict[str, Any]
    folder: Path | None = None
    calls: pa.Table = field(default_factory=journal.no_calls)
    requests: pa.Table = field(default_factory=journal.no_requests)
    inputs: Scenario | None = None

    def __repr__(self) -> str:
        m = self.manifest
        length = units.format_duration(m["duration_s"])
        return f"{type(self).__name__}({m['scenario']}, id {m['run_id'][:8]}, seed {m['seed']}, {length})"

    @cached_property
    def scenario(self) -> Scenario:
        """What was run, every change included. Raises DamagedRun if another version wrote the run."""
        if self.inputs is not None:
            return self.inputs
        given = self.manifest["inputs_scenario"]
        try:
            services = services_given(self._read("topology"))
            return Scenario.model_validate(given | {"topology": given["topology"] | {"services": services}})
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

    @cached_property
    def described(self) -> dict[str, pa.Table]:
        """The tables ``services`` and ``dependencies``. Raises DamagedRun."""
        if self.inputs is not None:
            return described(by_zone(self.inputs).topology)
        return {name: self._read(name) for name in journal.DESCRIBED}

    @cached_property
    def services(self) -> dict[str, dict[str, Any]]:
        """Service → its title, kind, domain, and whether it is visible. Raises DamagedRun."""
        return {row.pop("service"): row for row in self.described["services"].to_pylist()}

    @cached_property
    def dependencies(self) -> list[dict[str, Any]]:
        """The rows of the table ``dependencies``. Raises DamagedRun."""
        return self.described["dependencies"].to_pylist()

    def tables(self) -> Tables:
        """A DuckDB connection that can read this run and nothing else."""
        return Tables({**self._journal(), **self.described}, self.manifest)

    def tables_by_name(self) -> dict[str, pa.Table]:
        """The tables that a folder of the run holds."""
        return {**self._journal(), **self.described, "topology": as_given(self.scenario.topology)}

    def _journal(self) -> dict[str, pa.Table]:
        return {name: getattr(self, name) for name in journal.TABLES}

    def _read(self, name: str) -> pa.Table:
        """A table of the folder of the run."""
        if self.folder is None:
            raise journal.DamagedRun(f"run {self.run_id} is in no folder and without its inputs")
        return journal.read_table(self.folder, name)

    def sql(self, query: str, **parameters: object) -> pa.Table:
        """The answer to ``query`` over the tables events and samples and the views of
        ``twin/simulation/sql``."""
        with self.tables() as tables:
            return tables.ask(query, **parameters)


def run_id(scenario: Scenario, seed: int, replicate: int = 0) -> str:
    """Sixteen hex digits; equal inputs and code give equal ids. The runner is not part of it."""
    rest = [_without_services(scenario), seed, replicate, code_version()]
    total = hashlib.sha256(json.dumps(rest, sort_keys=True).encode())
    for text in identity(scenario.topology.services):
        total.update(text)
    return total.hexdigest()[:16]


def _without_services(scenario: Scenario) -> dict[str, Any]:
    return scenario.model_dump(mode="json", exclude={"topology": {"services"}})


def schedule_for(model: Model, scenario: Scenario) -> Schedule:
    """The scenario's interventions, starting from the values that the model has now."""
    scenario = follow_shares(by_zone(scenario))
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
    done = FinishedRun(events, samples, manifest, None, calls, requests, scenario)
    return done if out is None else keep(done, out)


def keep(run: R, out: Path | str) -> R:
    """The same run, written to a folder of runs. Raises OSError."""
    journal.remove_unfinished(Path(out))
    folder = Path(out) / run.run_id
    journal.write_run(folder, run.tables_by_name(), run.manifest)
    return replace(run, folder=folder)


def describe(scenario: Scenario, rows: Rows, seed: int, replicate: int, runner: str) -> dict[str, Any]:
    """The manifest, but for the digest."""
    stepped = by_zone(scenario)
    return {
        "schema_version": journal.SCHEMA_VERSION,
        "run_id": run_id(scenario, seed, replicate),
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
        "inputs": [input_note(stepped, change) for change in rows.inputs],
        "units": journal.UNITS,
        "inputs_scenario": _without_services(scenario),
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
