"""twin run --trace: the simulator makes exactly the moves that the explorer has found."""

import json
from pathlib import Path

import numpy as np
import pytest

import twin
from tests.cli.conftest import invoke
from twin.analysis.dns_race.traces import MOVE_S, load_trace, script
from twin.kinds.dns import TIMERS
from twin.mechanisms.dns_state import slot_cell
from twin.simulation import inline
from twin.simulation.run import schedule_for
from twin.simulation.world import build

SCENARIO = """\
scenario: scripted
title: A name, its resolver and a site
start: 2025-10-19T22:00:00-07:00
duration: 40m
seed: 7
services:
  dns: {kind: dns}
  resolver:
    kind: resolver
    dependencies: [{on: dns, for: the name, mode: hard}]
  site:
    kind: relay
    dependencies: [{on: resolver, for: the name, mode: new_connections}]
  people:
    kind: workload
    visible: false
    dependencies: [{on: site, for: pages, mode: hard}]
faults:
  - id: starved
    title: an Enactor loses its locks
    at: +10m
    until: +20m
    set: {dns.losing_enactor: 1}
    assumed: for the test
"""


@pytest.fixture(scope="module")
def folder(tmp_path_factory: pytest.TempPathFactory) -> Path:
    path = tmp_path_factory.mktemp("trace")
    (path / "scenario.yaml").write_text(SCENARIO)
    (path / "race.json").write_text(invoke("explore", "--json").stdout)
    return path


def events(run, name: str) -> list[dict]:  # type: ignore[no-untyped-def]
    return [row for row in run.events.to_pylist() if row["event"] == name]


@pytest.mark.parametrize(
    "options", [(), ("--lock-steps",), ("--guard", "cleanup-check"), ("--guard", "recheck")]
)
def test_the_machine_goes_through_exactly_those_states(folder: Path, options: tuple[str, ...]) -> None:
    path = folder / "some.json"
    path.write_text(invoke("explore", "--json", *options).stdout)
    story = load_trace(path)
    scenario = script(twin.load(folder / "scenario.yaml"), path, at="+5m")
    model = build(scenario, seed=1)
    schedule = schedule_for(model, scenario)
    service = model.state.svc[model.names.index("dns")]
    machine = model.state.cells[int(service["cell"]) :][: int(service["cells"])][TIMERS:]
    shared, slots = 2 + 2 * story.cfg.endpoints, slot_cell(story.cfg)
    for t in range(300 + round(MOVE_S) * len(story.moves)):
        inline.apply(model, schedule.due(t))
        inline.advance(model, t, t + 1)
        then = story.states[0 if t < 300 else (t - 300) // round(MOVE_S) + 1]
        assert np.array_equal(machine[:shared], then[:shared]), f"tick {t}"
        if "cleanup-check" not in options:  # an Enactor that lists trees has a cell for each slot
            assert np.array_equal(machine[:slots], then[:slots])
            assert set(machine[slots:]) == set(then[slots:]) | {0}


def test_the_cascade_follows(folder: Path) -> None:
    """The record empties when the fault that it replaces would end; customers fail, and it stays so."""
    scenario = script(twin.load(folder / "scenario.yaml"), folder / "race.json")
    assert "starved" not in [x.id for x in scenario.faults]
    run = twin.run(scenario, debug=True)
    (emptied,) = events(run, "endpoint_emptied")
    assert emptied["tick"] == 20 * 60
    assert not events(run, "endpoint_restored")
    assert {row["value"] for row in events(run, "enactor_wedged")} == {1.0, 2.0, 3.0}
    impaired = {row["service"] for row in run.sql("from impact").to_pylist()}
    assert "site" in impaired


def test_a_self_healing_protocol_heals_at_the_next_plan(folder: Path) -> None:
    path = folder / "healing.json"
    path.write_text(invoke("explore", "--json", "--guard", "tolerate-missing").stdout)
    run = twin.run(script(twin.load(folder / "scenario.yaml"), path), debug=True)
    (emptied,), (restored,) = events(run, "endpoint_emptied"), events(run, "endpoint_restored")
    assert 0 < restored["tick"] - emptied["tick"] < 180


def test_the_journal_tells_the_trace(folder: Path) -> None:
    result = invoke("run", folder / "scenario.yaml", "--trace", folder / "race.json", "--json",
                    "--out", folder / "runs", "--trace-at", "+3m")  # fmt: skip
    assert result.exit_code == 0, result.output
    manifest = json.loads((Path(json.loads(result.stdout)["folder"]) / "manifest.json").read_text())
    titles = [x["title"] for x in manifest["inputs"] if x["id"].startswith("trace-")]
    assert titles[6] == "A applies plan 1 to endpoint 1 (stale overwrite)"
    assert manifest["inputs"][0]["tick"] == 180 and len(titles) == 10


@pytest.mark.long  # what a trace adds is a schedule, as any
@pytest.mark.ray
def test_it_is_the_same_on_ray(folder: Path) -> None:
    scenario = script(twin.load(folder / "scenario.yaml"), folder / "race.json")
    assert twin.run(scenario).digest == twin.run(scenario, runner="ray", actors=2).digest


def changed(folder: Path, **update: object) -> Path:
    path = folder / "changed.json"
    path.write_text(json.dumps(json.loads((folder / "race.json").read_text()) | update))
    return path


@pytest.mark.parametrize(
    ("update", "words"),
    [
        ({"moves": []}, "no path leads to an empty endpoint"),
        ({"moves": ["planner", *"AAAAA"]}, "moves.5: found 'A', expected an actor that can move then"),
        ({"moves": ["planner", "Z"]}, "moves.1: found 'Z'"),
        ({"moves": ["planner", "somebody"]}, "'somebody'"),
        ({"moves": "planner"}, "moves"),
        ({"guards": ["luck"]}, "unknown guard 'luck'"),
        ({"guards": ["big-lock"]}, "moves.4: found 'B'"),
        ({"design": "final"}, "design"),
        ({"keep": 0}, "keep"),
        ({"plans": None}, "plans"),
    ],
)  # fmt: skip
def test_a_trace_that_cannot_be_run_is_refused(folder: Path, update: dict, words: str) -> None:
    path = changed(folder, **update)
    result = invoke("run", folder / "scenario.yaml", "--trace", path, "--out", folder / "none")
    assert result.exit_code == 2 and words in result.stderr and "changed.json:" in result.stderr


@pytest.mark.parametrize(
    ("arguments", "words"),
    [
        (("--trace-at", "+1h"), "give it with --trace FILE"),
        (("--trace", "no.json"), "no.json"),
        (("--trace", "race.json", "--trace-at", "+39m"), "of the scenario left to go"),
        (("--trace", "race.json", "--trace-at", "noon"), "--trace-at"),
        (("--trace", "scenario.yaml"), "moves"),
    ],
)  # fmt: skip
def test_a_trace_at_no_time_is_refused(
    folder: Path, arguments: tuple[str, ...], words: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.chdir(folder)
    result = invoke("run", "scenario.yaml", *arguments, "--out", "none")
    assert result.exit_code == 2 and words in result.stderr


def test_a_scenario_without_the_automation_has_nothing_to_drive(tiny: Path, folder: Path) -> None:
    result = invoke("run", tiny, "--trace", folder / "race.json", "--out", folder / "none")
    assert result.exit_code == 2 and "one service of kind dns" in result.stderr
