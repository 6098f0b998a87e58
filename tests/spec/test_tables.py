"""A topology in tables is the same as in YAML, with the same problems at rows in place of lines."""

import re
from pathlib import Path
from typing import Any

import pyarrow as pa
import pyarrow.parquet as pq
import pytest

import twin.spec.topology as topology_module
from tests.bench.large_graph import large_topology
from twin.spec import SpecError, load_topology
from twin.spec.tables import DEPENDENCIES, EDGE_COLUMNS, SERVICE_WORDS, SERVICES, write_tables

PAGE = Path(__file__).parents[2] / "docs/large-topologies.md"
Rows = list[dict[str, Any]]


@pytest.fixture(params=["as trees", "by columns"])
def way(request: pytest.FixtureRequest, monkeypatch: pytest.MonkeyPatch) -> str:
    """A small topology is read as trees, and a large one by columns; here both ways read the same."""
    monkeypatch.setattr(topology_module, "SMALL", 10**9 if request.param == "as trees" else -1)
    return request.param


def rows() -> tuple[Rows, Rows]:
    services: Rows = [{"name": "buyers", "kind": "workload", "rate_per_s": 5.0, "assumed": "a test"},
                      {"name": "shop", "kind": "relay"}, {"name": "store", "kind": "relay"}]  # fmt: skip
    edges: Rows = [{"caller": "buyers", "callee": "shop", "mode": "hard"},
                   {"caller": "shop", "callee": "store", "mode": "hard", "retries": 2,
                    "assumed": "test"}]  # fmt: skip
    return services, edges


def written(under: Path, services: Rows, edges: Rows) -> Path:
    folder = under / "tables"
    folder.mkdir()
    for name, table in ((SERVICES, services), (DEPENDENCIES, edges)):
        columns = {key: [row.get(key) for row in table] for row in table for key in row}
        pq.write_table(pa.table(columns), folder / name)
    return folder


def test_what_is_written_is_read_again(tmp_path: Path, way: str) -> None:
    topology = large_topology(200)
    write_tables(topology, tmp_path)
    assert load_topology(tmp_path).services == topology.services


CASES: list[tuple[str, int, dict[str, Any], str]] = [  # file, row, what is wrong, "row, column: problem"
    (SERVICES, 1, {"kind": "rely"}, "2, kind: .*found 'rely', expected a kind .*did you mean relay"),
    (SERVICES, 1, {"domain": "Shop"}, "2, domain: .*expected a name of lowercase letters"),
    (SERVICES, 2, {"name": "shop"}, "3, name: .*service shop twice"),
    (SERVICES, 0, {"rate_per_s": -1.0}, "1, rate_per_s: .*rate_per_s.value: found -1.0, expected 0/s to"),
    (SERVICES, 0, {"assumed": None}, "1, rate_per_s: .*exactly one of source"),
    (SERVICES, 1, {"rate_per_s": 3.0, "assumed": "a"}, "2, rate_per_s: .*unknown parameter 'rate_per_s'"),
    (SERVICES, 1, {"fault_rate": 0.1}, " found unknown column 'fault_rate'.*did you mean fault_ratio"),
    (DEPENDENCIES, 1, {"callee": "stoer"}, "2, callee: .*found 'stoer', .*service.*did you mean store"),
    (DEPENDENCIES, 1, {"caller": "shoo"}, "2, caller: .*found 'shoo', expected .* services.parquet"),
    (DEPENDENCIES, 1, {"mode": "sync"}, "2, mode: .*found 'sync', expected one of hard"),
    (DEPENDENCIES, 1, {"retries": 2.5}, "2, retries: .*retries.value: found 2.5, expected a whole number"),
    (DEPENDENCIES, 1, {"retries": 99}, "2, retries: .*found 99, expected 0 to 20"),
    (DEPENDENCIES, 1, {"parallel": "a"}, "2, parallel: .*a group of one"),
]  # fmt: skip


@pytest.mark.parametrize(("file", "row", "wrong", "message"), CASES, ids=[str(c[2]) for c in CASES])
def test_each_problem_names_its_row(
    tmp_path: Path, way: str, file: str, row: int, wrong: dict[str, Any], message: str
) -> None:
    services, edges = rows()
    (services if file == SERVICES else edges)[row].update(wrong)
    message = re.sub(r"^(\d), (\w+):", r"row \1, column \2:", message)
    with pytest.raises(SpecError, match=f"{file}:{message}"):
        load_topology(written(tmp_path, services, edges))


def test_all_problems_of_both_tables_are_told(tmp_path: Path, way: str) -> None:
    services, edges = rows()
    services[1]["kind"], edges[0]["mode"], edges[1]["callee"] = "rely", "sync", "stoer"
    services.append({"name": None, "kind": "relay"})
    edges.append({"caller": "shoo", "callee": "shop", "mode": "hard"})
    with pytest.raises(SpecError) as told:
        load_topology(written(tmp_path, services, edges))
    places = {(Path(p.file).name, p.line, p.column_name) for p in told.value.problems}
    assert places >= {
        (SERVICES, 2, "kind"), (SERVICES, 4, "name"), (DEPENDENCIES, 1, "mode"), (DEPENDENCIES, 2, "callee"),
        (DEPENDENCIES, 3, "caller"),
    }  # fmt: skip


def test_a_table_without_a_needed_column_is_told_once(tmp_path: Path, way: str) -> None:
    services, edges = rows()
    with pytest.raises(SpecError) as told:
        load_topology(written(tmp_path, services, [{"caller": e["caller"], "mode": "hard"} for e in edges]))
    assert [p.found for p in told.value.problems if p.file.endswith("parquet")] == ["no column 'callee'"]


def test_an_endless_circle_is_found(tmp_path: Path, way: str) -> None:
    services, edges = rows()
    edges.append({"caller": "store", "callee": "shop", "mode": "hard"})
    with pytest.raises(
        SpecError, match=r"dependencies.parquet:row .*a cycle without delay: shop -> store -> shop"
    ):
        load_topology(written(tmp_path, services, edges))


def test_a_service_of_yaml_lies_on_top(tmp_path: Path, way: str) -> None:
    folder = written(tmp_path, *rows())
    mine = tmp_path / "mine.yml"
    mine.write_text("services: {shop: {kind: relay, dependencies: [{on: buyers, for: x, mode: soft}]}}\n")
    shop = load_topology(folder, [mine]).services["shop"]
    assert {d.on for d in shop.dependencies} == {"store", "buyers"}


def test_the_example_of_the_page_works(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    example = PAGE.read_text().split("```python tables\n")[1].split("```")[0]
    monkeypatch.chdir(tmp_path)
    names: dict[str, Any] = {}
    exec(example, names)
    assert load_topology("my-tables").services.keys() == names["scenario"].topology.services.keys()


def test_the_page_lists_every_column() -> None:
    page = PAGE.read_text()
    for name in (*SERVICE_WORDS, *EDGE_COLUMNS):
        assert f"`{name}`" in page, name
