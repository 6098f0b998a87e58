"""twin blast for people, for machines, and for those who ask for what is not there."""

import json
from pathlib import Path

import pytest

from twin.cli.blast import blast_command
from twin.model.parameter import HOWS

from .conftest import Twin

SHOP = """\
topology: shop
title: A shop
services:
  dns: {kind: dns, visible: false}
  store:
    kind: relay
    title: The store
    dependencies:
      - {on: dns, for: its address, mode: soft, evidence: {source: PES, confidence: inferred, note: a guess}}
  site:
    kind: relay
    dependencies:
      - on: store
        for: rows
        mode: hard
        share: {value: 0.5, assumed: a test, range: [0.1, 0.9]}
        evidence: {source: PES, confidence: published, note: they said so}
  people:
    kind: workload
    visible: false
    dependencies: [{on: site, for: pages, mode: hard}]
"""


SHORT = ("--lasting", "5m", "--watch", "35m")


@pytest.fixture(scope="module")
def shop(tmp_path_factory: pytest.TempPathFactory) -> Path:
    folder = tmp_path_factory.mktemp("topology") / "shop"
    folder.mkdir()
    (folder / "topology.yaml").write_text(SHOP)
    return folder


def test_single_points_without_a_run(twin: Twin, shop: Path) -> None:
    result = twin("blast", shop)
    assert result.exit_code == 0, result.output
    lines = result.stdout.splitlines()
    assert "Single points of failure of shop" in lines[0]
    assert [line.split()[:3] for line in lines[2:4]] == [["store", "2", "1"], ["site", "1", "0"]]
    assert "dns" not in result.stdout  # whoever has it for a soft dependency works without it


def test_who_depends_on_it_with_the_evidence(twin: Twin, shop: Path) -> None:
    result = twin("blast", shop, "--service", "dns", "--static")
    assert "3 depend on it; 0 over a hard chain" in result.stdout
    assert "people → site → store ⇢ dns" in result.stdout
    assert "ends at store" in result.stdout
    for words in ("store → dns", "a guess", "inferred", "they said so"):
        assert words in result.stdout
    found = json.loads(twin("blast", shop, "--service", "store", "--static", "--json").stdout)["static"]
    assert found[0]["single_point_of"] == ["people", "site"]
    people = found[0]["dependents"][1]
    assert people["path"] == ["people", "site", "store"] and people["share_ratio"] == 0.5
    assert people["dependencies"][1]["evidence"]["note"] == "they said so"
    assert "Nobody depends on it" in twin("blast", shop, "--service", "people", "--static").stdout


CELLS = """\
topology: cells
title: A router and two cells
services:
  east: {kind: relay}
  west: {kind: relay}
  router:
    kind: queueing
    dependencies:
      - {on: east, for: calls, mode: hard, one_of: cells, evidence: {source: PES, confidence: assumed}}
      - {on: west, for: calls, mode: hard, one_of: cells, evidence: {source: PES, confidence: assumed}}
"""


def test_pairs_that_are_worse_together(twin: Twin, tmp_path: Path) -> None:
    (tmp_path / "topology.yaml").write_text(CELLS)
    result = twin("blast", tmp_path)
    assert "east + west" in result.stdout and "router" in result.stdout, result.output
    found = json.loads(twin("blast", tmp_path, "--json").stdout)
    assert found["pairs"] == [{"lost": ["east", "west"], "also_down": ["router"]}]
    assert not any(loss["single_point_of"] for loss in found["static"])


def test_one_loss(twin: Twin, shop: Path, tmp_path: Path) -> None:
    arguments = ("blast", shop, "--service", "store", *SHORT, "--study", tmp_path / "s")
    result = twin(*arguments)
    assert result.exit_code == 0, result.output
    assert "1 to lose, one run each, and one without\n2 runs planned: about" in result.stderr
    assert "Lost for 5 min: store is down" in result.stdout and "store.fault_ratio = 1" in result.stdout
    assert "None outlives its cause" in result.stdout
    found = json.loads(twin(*arguments, "--json").stdout)
    (loss,) = found["losses"]
    assert (found["how"], found["at_s"], found["for_s"], found["watch_s"]) == ("down", 600.0, 300.0, 2100.0)
    assert loss["set"] == {"store.fault_ratio": 1.0}
    effects = {e["service"]: e for e in loss["effects"]}
    assert set(effects) == {"site", "people"}
    assert effects["site"]["depth_ratio"] == pytest.approx(0.5, abs=0.1)
    assert loss["service_minutes_lost_per_minute"] == pytest.approx(1.5, abs=0.05)
    assert loss["without_hard_chain"] == [] and loss["outlive"] == []


def test_each_in_turn_is_kept_and_not_done_again(twin: Twin, shop: Path, tmp_path: Path) -> None:
    arguments = ("blast", shop, "--all", *SHORT, "--study", tmp_path / "s",
                 "--runner", "inline")  # fmt: skip
    first = twin(*arguments)
    assert first.exit_code == 0, first.output
    assert "3 to lose, one run each, and one without\n4 runs planned: about" in first.stderr
    assert "people cannot be down: kind workload" in first.stdout  # said, not skipped
    assert "Lost (line) and hurt (column): minutes impaired" in first.stdout
    store = next(line for line in first.stdout.splitlines() if line.startswith("store "))
    assert store.split()[1:] == [".", "5", "5", "5"]  # dns, people, site, store
    again = twin(*arguments)
    assert "4 runs planned, all in the folder already" in again.stderr and again.stdout == first.stdout
    deep = twin(*arguments, "--cells", "depth").stdout
    assert next(line for line in deep.splitlines() if line.startswith("store ")).split()[-1] == "100"
    slow = json.loads(twin(*arguments, "--how", "slow", "--json").stdout)
    assert [each["service"] for each in slow["not_lost"]] == ["dns", "people"]


@pytest.mark.long
def test_processes_find_the_same(twin: Twin, shop: Path, tmp_path: Path) -> None:
    arguments = ("blast", shop, "--all", *SHORT, "--json")
    here = twin(*arguments, "--runner", "inline", "--study", tmp_path / "a")
    there = twin(*arguments, "--runner", "process", "--actors", "2", "--study", tmp_path / "b")
    assert here.stdout == there.stdout


def test_a_scenario_is_asked_at_rest_or_on_top_of_its_faults(twin: Twin, tiny: Path, tmp_path: Path) -> None:
    arguments = ("blast", tiny, "--service", "store", *SHORT, "--json")
    at_rest = json.loads(twin(*arguments, "--study", tmp_path / "a").stdout)["losses"][0]
    assert at_rest["own"]["onset_s"] == 0.0
    assert at_rest["own"]["lost_min"] == pytest.approx(5.0, abs=0.05)
    # At +15m half of its calls fail already, until +25m: five minutes of the other half are lost on top.
    on_top = json.loads(twin(*arguments, "--at", "+15m", "--study", tmp_path / "b").stdout)["losses"][0]
    assert on_top["own"]["onset_s"] is None
    assert on_top["own"]["lost_min"] == pytest.approx(2.5, abs=0.2)


def test_what_makes_no_difference_says_so(twin: Twin, shop: Path, tmp_path: Path) -> None:
    """Half a minute is too short to count as trouble of anybody."""
    short = ("--lasting", "30s", "--watch", "35m", "--study", tmp_path / "s")
    result = twin("blast", shop, "--service", "store", *short)
    assert "It makes no difference" in result.stdout and "onset" not in result.stdout


@pytest.mark.parametrize(("arguments", "message"), [
    (["--service", "stoer"], "--service: found 'stoer', expected a service of shop (did you mean store?)"),
    (["--service", "store", "--all"], "--service, --all: found both, expected one of the two"),
    (["--all", "--lasting", "0s"], "--lasting: found '0s', expected 1s or more"),
    (["--all", "--lasting", "15"], "--lasting: found '15'"),
    (["--all", "--watch", "5m"], "--watch: found '5m', expected 35m or more"),
    (["--all", "--how", "sideways"], "'sideways' is not one of 'down', 'slow', 'partial'"),
    (["--service", "people"], "people cannot be down: kind workload knows no such break (ways: none)"),
    (["--service", "dns", "--how", "slow"], "dns cannot be slow: kind dns knows no such break"),
    (["--all", "--at", "+5m"], "--at: nothing happens in a topology"),
    (["--all", "--address", "here:1"], "--address: only with runner ray"),
])  # fmt: skip
def test_bad_input(twin: Twin, shop: Path, arguments: list[str], message: str) -> None:
    result = twin("blast", shop, *arguments)
    assert result.exit_code == 2
    assert message in result.stderr and result.stdout == ""


@pytest.mark.parametrize(("text", "message"), [
    ("mitigation: x\ntitle: y\n", "found neither a scenario nor a topology"),
    ("what_if: x\nservices: {}\n", "found neither a scenario nor a topology"),
    ("topology: t\nservices: {a: {kind: rely}}\n", "found 'rely'"),
    ("[1, 2", "while parsing"),
])  # fmt: skip
def test_a_file_that_is_neither(twin: Twin, tmp_path: Path, text: str, message: str) -> None:
    (tmp_path / "it.yaml").write_text(text)
    result = twin("blast", tmp_path / "it.yaml", "--all")
    assert result.exit_code == 2 and message in result.stderr


def test_what_is_not_there(twin: Twin, tiny: Path, tmp_path: Path) -> None:
    assert "expected a file or the name of a scenario" in twin("blast", "nowhere", "--all").stderr
    assert "no *.yaml in this folder" in twin("blast", tmp_path, "--all").stderr
    late = twin("blast", tiny, "--all", "--at", "+2h")
    assert late.exit_code == 2 and "expected a time within the scenario, up to +1h" in late.stderr


def test_a_folder_of_another_code_is_left_alone(twin: Twin, shop: Path, tmp_path: Path) -> None:
    arguments = ("blast", shop, "--service", "store", "--watch", "35m", "--study", tmp_path / "s")
    twin(*arguments)
    (tmp_path / "s" / "study.json").write_text('{"version": 1, "code": "another"}')
    result = twin(*arguments)
    assert result.exit_code == 2 and "a study of something else" in result.stderr


def test_the_ways_are_those_of_the_kinds() -> None:
    how = next(p for p in blast_command.params if p.name == "how")
    assert tuple(how.type.choices) == tuple(HOWS)  # type: ignore[attr-defined]


def test_the_graph_has_services_of_ones_own(twin: Twin, shop: Path, tmp_path: Path) -> None:
    mine = tmp_path / "mine.yaml"
    mine.write_text("services:\n  kiosk: {kind: relay, dependencies: [{on: site, for: pages, mode: hard}]}\n")
    assert "kiosk" in twin("blast", shop, "--service", "store", "--static", "--with", mine).stdout
    unknown = twin("blast", shop, "--set", "stor.fault_ratio=0.1")
    assert unknown.exit_code == 2 and "--set stor.fault_ratio" in unknown.stderr
