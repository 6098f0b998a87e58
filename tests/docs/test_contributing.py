"""The examples of CONTRIBUTING.md and of scenarios/examples do what is said of them."""

import os
import re
import shutil
import subprocess
import sys
from pathlib import Path

import pytest

import twin

ROOT = Path(__file__).resolve().parents[2]
REPLAY = ROOT / "scenarios" / "us-east-1-2025-10-20.yaml"
ANY_SIZE = ROOT / "scenarios" / "examples" / "fleet-of-any-size.yaml"
MY_SERVICE = ROOT / "scenarios" / "examples" / "my-service.yaml"
NIGHT = 8 * 3600.0  # s from the scenario's start: DynamoDB's outage and its immediate consequences


def block(language: str, name: str) -> str:
    """The fenced block that is marked ```language name in CONTRIBUTING.md."""
    text = (ROOT / "CONTRIBUTING.md").read_text(encoding="utf-8")
    (found,) = re.findall(rf"(?ms)^```{language} {name}\n(.*?)^```$", text)
    return found


def write(folder: Path, name: str, text: str) -> Path:
    path = folder / name
    path.write_text(text, encoding="utf-8")
    return path


def test_a_service_lies_on_top_of_any_scenario(tmp_path: Path) -> None:
    mine = write(tmp_path, "mailer.yaml", block("yaml", "service"))
    scenario = twin.load(REPLAY, with_files=[mine])
    added = scenario.topology.services.keys() - twin.load(REPLAY).topology.services.keys()
    assert added == {"mailer"}


def test_a_scenario_with_its_own_services_runs_and_meets_its_expectation(tmp_path: Path) -> None:
    from twin.results.expectations import Expected, check_expected

    scenario = twin.load(write(tmp_path, "store-breaks.yaml", block("yaml", "scenario")))
    run = twin.run(scenario, debug=True)
    assert [e.state for e in check_expected(scenario, run)] == [Expected.HELD]
    assert "site" in run.sql("select service::varchar as service from episodes").column("service").to_pylist()


def test_a_mitigation_changes_parameters(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    write(tmp_path, "compare-and-swap.yaml", block("yaml", "mitigation"))
    (tmp_path / "scenarios").symlink_to(ROOT / "scenarios")
    (tmp_path / "topology").symlink_to(ROOT / "topology")
    (tmp_path / "data").symlink_to(ROOT / "data")
    monkeypatch.chdir(tmp_path)
    names: dict = {}
    exec(block("python", "mitigation"), names)
    before, after = (names[name].topology.services["dynamodb-dns"] for name in ("scenario", "guarded"))
    assert "guard_cas" not in before.parameters
    assert after.parameters["guard_cas"].value is True


def test_a_what_if_is_answered(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    from twin.experiments.whatif import what_if

    for folder in ("scenarios", "topology", "data"):
        (tmp_path / folder).symlink_to(ROOT / folder)
    monkeypatch.chdir(tmp_path)
    (answer,) = what_if(write(tmp_path, "faster-rescue.yaml", block("yaml", "what-if")), variants="none")
    assert answer.cases == ["override", "short-ttl"]
    assert [result.case for result in answer.results] == ["override", "short-ttl", "override", "short-ttl"]
    assert answer.agrees is not None


KIND_SCENARIO = """\
scenario: gate
title: A gate is closed for a while
question: Does a kind that nothing names work?
start: 2025-10-19T22:00:00-07:00
duration: 10m
seed: 7
services:
  gate: {kind: gate}
  people:
    kind: workload
    dependencies: [{on: gate, for: entry, mode: hard}]
faults:
  - {id: closed, title: half closed, at: +5m, set: {gate.open_ratio: 50%}, assumed: for the test}
"""
KIND_RUN = """\
import twin
from twin.report.reference import kinds_reference

run = twin.run(twin.load("gate.yaml"), debug=True)
causes = run.sql("select cause_id is not null from events where event = 'onset'")
failed = run.sql("select avg(error_ratio) from samples where service = 'people' and tick > 300")
print(twin.__file__, "## gate" in kinds_reference(), causes.column(0).to_pylist(), failed.column(0)[0])
"""


def test_a_kind_is_one_file(tmp_path: Path) -> None:
    """In a copy of the package, uncompiled: compiling another loop would take a minute."""
    package = shutil.copytree(ROOT / "twin", tmp_path / "twin", ignore=shutil.ignore_patterns("__pycache__"))
    write(package / "kinds", "gate.py", block("python", "kind"))
    write(tmp_path, "gate.yaml", KIND_SCENARIO)
    surroundings = os.environ | {"NUMBA_DISABLE_JIT": "1", "PYTHONPATH": str(tmp_path)}
    surroundings["TWIN_CACHE_DIR"] = str(tmp_path / "cache")
    command = [sys.executable, "-c", KIND_RUN]
    done = subprocess.run(command, cwd=tmp_path, env=surroundings, capture_output=True, text=True)
    assert done.returncode == 0, done.stderr
    where, documented, caused, failed = re.fullmatch(r"(\S+) (\w+) (\[.*\]) (\S+)\n", done.stdout).groups()
    assert Path(where).is_relative_to(tmp_path)
    assert documented == "True"
    assert caused == "[True, True]"  # of the gate and of the people, each with a cause
    assert float(failed) == pytest.approx(0.5, abs=0.02)


def test_a_step_that_breaks_its_contract_is_named(tmp_path: Path) -> None:
    """By the command that CONTRIBUTING.md recommends while a kind is written."""
    package = shutil.copytree(ROOT / "twin", tmp_path / "twin", ignore=shutil.ignore_patterns("__pycache__"))
    kind = block("python", "kind")
    without = kind.replace("    ok, wait_s = depend(t, w, i, passed)", "    ok, wait_s = 1.0, 0.0")
    assert without != kind
    write(package / "kinds", "gate.py", without)
    write(tmp_path, "gate.yaml", KIND_SCENARIO)
    surroundings = os.environ | {"NUMBA_DISABLE_JIT": "1", "PYTHONPATH": str(tmp_path)}
    command = [sys.executable, "-m", "twin", "run", "gate.yaml", "--debug", "--out", "runs"]
    done = subprocess.run(command, cwd=tmp_path, env=surroundings, capture_output=True, text=True)
    assert done.returncode == 3, done.stderr
    message = " ".join(block("text", "breach").split())
    assert message in " ".join(done.stderr.split())


def test_the_example_service_is_hurt_by_the_event_and_well_before() -> None:
    scenario = twin.load(REPLAY, with_files=[MY_SERVICE], until=f"+{NIGHT / 3600:g}h")
    assert {"shoppers", "checkout"} <= scenario.topology.services.keys()
    run = twin.run(scenario)
    (first,) = run.sql(
        "select onset_tick, lost_min from episodes where service = 'checkout' order by onset_tick limit 1"
    ).to_pylist()
    assert first["onset_tick"] > 3600 and first["lost_min"] > 0


def test_the_example_service_changes_nobody_elses_noise() -> None:
    """What it does not call, and what does not call it, is as before, draw for draw."""
    without = twin.run(twin.load(REPLAY, until="+1h"))
    beside = twin.run(twin.load(REPLAY, until="+1h", with_files=[MY_SERVICE]))
    query = "select offered_per_s, error_ratio from samples where service = 'other-regions' order by tick"
    assert without.sql(query).equals(beside.sql(query))


def test_a_fleet_of_any_size_gives_room_to_a_number_and_changes_no_row() -> None:
    incident = ROOT / "scenarios" / "us-east-1-2025-10-20.yaml"
    plain, laid = (twin.load(incident, with_files=files, until="+3h") for files in ([], [ANY_SIZE]))
    low, high = laid.topology.services["dwfm"].parameters["holders_count"].range
    assert low < high
    assert twin.run(laid).samples.equals(twin.run(plain).samples)
