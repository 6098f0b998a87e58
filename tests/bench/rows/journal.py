"""The journal of a region-wide run: rows to Parquet, the shipped queries, and pandas to CSV beside it."""

from __future__ import annotations

import tempfile
from pathlib import Path

import pyarrow.parquet as pq

from tests.bench.graphs import region
from tests.bench.measure import Bench, Target, expect
from tests.bench.scenarios import shortened
from twin.simulation import inline, journal
from twin.simulation.queries import questions
from twin.simulation.run import FinishedRun, schedule_for, simulate
from twin.simulation.world import build

ROWS, QUERY = Target(least=2e6), Target(most=100.0)
WORK = "journal of a region-wide run"


def measure(bench: Bench) -> None:
    wide = shortened(region(60, 150), 120.0) if bench.is_small else region()
    run = simulate(wide)
    model = build(wide, seed=wide.seed)
    parts = inline.run_inline(model, schedule_for(model, wide), round(wide.duration_s / wide.tick_s)).samples
    rows = sum(map(len, parts))

    def written(n: int) -> tuple[int, int]:
        with tempfile.TemporaryDirectory() as folder:
            table = journal.samples_table(parts, model.names, wide.start, wide.tick_s)
            journal.write_run(Path(folder) / "run", {**run.tables_by_name(), "samples": table}, run.manifest)
            file = Path(folder) / "run" / "samples.parquet"
            return pq.read_metadata(file).num_rows, file.stat().st_size

    sizes = []
    seconds = bench.seconds(written, sizes.extend)
    bench.add(WORK, "twin, rows to Parquet", rows / seconds, "rows/s", ROWS)
    if sizes:
        expect(all(found == rows for found, _ in sizes), f"{sizes[0][0]} rows, expected {rows}")
        bench.add(WORK, "twin, a row", sizes[0][1] / rows, "bytes")
    queries(bench, run)
    pandas(bench, run)


def queries(bench: Bench, run: FinishedRun) -> None:
    """Each shipped view, whole, over a run that is loaded."""
    loaded_s = bench.seconds(lambda n: run.tables())
    bench.add(WORK, "twin, to load it for queries", loaded_s * 1e3, "ms")
    with run.tables() as tables:
        for name in questions():
            spent_s = bench.seconds(lambda n, name=name: tables.ask(f"from {name}"))
            bench.add(WORK, f"query {name}", spent_s * 1e3, "ms", QUERY)


def pandas(bench: Bench, run: FinishedRun) -> None:
    frame = run.samples.to_pandas()

    def written(n: int) -> int:
        with tempfile.TemporaryDirectory() as folder:
            file = Path(folder) / "samples.csv"
            frame.to_csv(file, index=False)
            return file.stat().st_size

    sizes: list[int] = []
    seconds = bench.seconds(written, sizes.extend)
    bench.add(WORK, "pandas to CSV", len(frame) / seconds, "rows/s")
    if sizes:
        bench.add(WORK, "pandas to CSV, a row", sizes[0] / len(frame), "bytes")
