"""A service in which nothing ends is late, though no call says so; what takes no time can be late, too."""

from __future__ import annotations

from pathlib import Path

import twin
from tests.results.test_backlogs import HERD, STORE


def run_of(text: str, folder: Path) -> twin.Run:
    (folder / "stuck.yaml").write_text(text)
    return twin.run(twin.load(folder / "stuck.yaml"))


def test_callers_of_a_full_store_are_down_because_of_who_empties_it(tmp_path: Path) -> None:
    run = run_of(STORE.replace("WHEN", "block"), tmp_path)
    told = str(run.why("users"))
    assert told.index("users became impaired") < told.index("because api") < told.index("fault pause")
    assert "latency far above the usual" in told, "api takes no time when all is well"
    rows = run.sql("select t, latency_s from samples where service = 'api' and minute(t) between 6 and 8")
    assert min(row["latency_s"] for row in rows.to_pylist()) > 10.0, "from the first minute, before one ends"


def test_who_is_called_in_trouble_only_is_known_by_its_own_work(tmp_path: Path) -> None:
    run = run_of(HERD, tmp_path)
    rows = run.sql("select minute(t) as m, latency_ratio from signals where service = 'config'").to_pylist()
    assert all(row["latency_ratio"] == 1.0 for row in rows if row["m"] < 5)
    assert max(row["latency_ratio"] for row in rows) > 10.0
