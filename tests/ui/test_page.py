"""What the page draws is what the queries and the scorecard say."""

import ast
import json
import re
from datetime import datetime
from pathlib import Path

import pytest
from streamlit.testing.v1 import AppTest

from twin.api.run import Run

from .conftest import UI

pytestmark = pytest.mark.filterwarnings("default")  # what the libraries of the page warn of is their own


@pytest.fixture
def page(runs: Path, monkeypatch: pytest.MonkeyPatch) -> AppTest:
    monkeypatch.setenv("TWIN_OUT", str(runs))
    page = AppTest.from_file(str(UI / "app.py"), default_timeout=300).run()
    assert not page.exception
    return page


def rows(page: AppTest, chart: int, mark: str) -> list[dict]:
    """The rows behind the layers of a chart that have this mark."""
    import pyarrow as pa

    proto = page.get("vega_lite_chart")[chart].proto
    spec = json.loads(proto.spec)
    names = [layer["data"]["name"] for layer in spec["layer"] if layer["mark"]["type"] == mark]
    data = {d.name: d.data.data for d in proto.datasets}
    return [row for name in names for row in pa.ipc.open_stream(data[name]).read_all().to_pylist()]


def test_the_lanes_are_those_of_the_query(page: AppTest, run: Run) -> None:
    asked = run.sql("from lanes where worst > 0 order by lane, begins").to_pylist()
    drawn = rows(page, 1, "bar")
    assert [(r["service"], r["level"]) for r in drawn] == [(r["service"], r["level"]) for r in asked]
    assert {r["service"] for r in drawn} == {"store", "front", "page", "people"}
    assert drawn[0]["begins"].isoformat() == "2025-10-19T22:00:00", "local time, whatever the browser's zone"


def test_the_markers_are_the_inputs_and_the_published_outcomes(page: AppTest, run: Run) -> None:
    inputs = run.sql("select id from interventions").to_pylist()
    assert [r["id"] for r in rows(page, 1, "rule")] == [r["id"] for r in inputs] == ["outage", "relief"]
    published = [r["id"] for r in rows(page, 1, "point")]
    assert published == ["store-fails", "front-fails", "page-fails", "page-back", "names-fail"]


def test_the_headline_is_the_total(page: AppTest, run: Run) -> None:
    (totals,) = run.sql("from totals").to_pylist()
    figures = {m.label: m.value for m in page.metric}
    assert figures["Service-minutes lost"] == f"{totals['service_minutes_lost']:,.0f}"
    assert figures["Impaired at the peak"] == str(totals["peak_impaired"])
    assert re.fullmatch(r"19 Oct 22:3\d", figures["Last recovery (PDT)"])


def test_the_table_is_the_scorecard(page: AppTest, run: Run) -> None:
    card = json.loads((run.folder / "scorecard.json").read_text())
    phases, table = (page.dataframe[n].value for n in (0, 1))
    assert list(phases["phase"]) == [phase["title"] for phase in card["phases"]]
    assert list(phases["within 10 min"]) == [phase["twin"]["within_10_min"] for phase in card["phases"]]
    assert list(table["outcome"]) == [o["id"] for o in card["outcomes"]]
    assert list(table["error, min"].dropna()) == [
        o["error_min"] for o in card["outcomes"] if o["error_min"] is not None
    ]
    assert table["twin"].iloc[-1] == "never"
    assert card["run_id"] == run.run_id and card["digest"] == run.digest


def test_the_graph_shows_the_chosen_moment(page: AppTest) -> None:
    def states() -> dict[str, int]:
        spec = json.loads(page.get("echarts_chart")[0].proto.spec)["series"][0]
        names = [c["name"] for c in spec["categories"]]
        return {n["name"]: names[n["category"]] for n in spec["data"]}

    assert states() == {"store": "impaired", "front": "impaired", "page": "impaired", "people": "impaired",
                        "names": "ok"}  # fmt: skip
    slider = page.slider(key="minute")
    slider.set_value(datetime(2025, 10, 19, 22, 0)).run()
    assert set(states().values()) == {"ok"}


def test_why_tells_the_chain_of_causes(page: AppTest) -> None:
    page.selectbox(key="why").set_value("page").run()
    assert "page (The page) became impaired" in page.code[0].value
    assert "fault outage" in page.code[0].value


def test_a_run_that_is_not_scored_says_so(page: AppTest, run: Run, tmp_path: Path, monkeypatch) -> None:
    import shutil

    shutil.copytree(run.folder, tmp_path / run.run_id, ignore=shutil.ignore_patterns("scorecard.json"))
    monkeypatch.setenv("TWIN_OUT", str(tmp_path))
    page.run()
    assert not page.exception and any("no scorecard" in c.value for c in page.caption)
    (tmp_path / run.run_id / "manifest.json").write_text("{")
    page.run()
    assert not page.exception
    assert "manifest" in page.warning[0].value and "No finished run" in page.info[0].value


def test_the_page_imports_neither_ray_nor_duckdb() -> None:
    for path in UI.glob("*.py"):
        nodes = list(ast.walk(ast.parse(path.read_text())))
        names = {a.name for n in nodes if isinstance(n, ast.Import) for a in n.names}
        names |= {n.module or "" for n in nodes if isinstance(n, ast.ImportFrom)}
        assert not {name.split(".")[0] for name in names} & {"ray", "duckdb", "numpy"}, path
