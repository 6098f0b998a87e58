"""Losses in units of their own, and a sum that does not depend on how a chain of relays is cut."""

import json
from pathlib import Path

import pytest

import twin
from tests.cli.conftest import invoke
from twin.results.losses import Window, losses_of, windows

SCENARIO = """\
scenario: chain
start: 2025-01-01T00:00:00+00:00
duration: 1h
seed: 3
noise: mean
requests: counted
assumed: example
services:
  users:
    kind: workload
    visible: false
    parameters: {{rate_per_s: 100/s}}
    dependencies: [{{on: front, mode: hard}}, {{on: other, mode: hard, share: 0.5}}]
  other: {{kind: relay}}
{chain}
  store: {{kind: relay}}
faults:
  - {{id: outage, at: +10m, for: 20m, set: {{store.fault_ratio: 0.7}}}}
  - {{id: more, at: +40m, for: 5m, set: {{other.fault_ratio: 0.5}}}}
"""
LINK = "  {name}: {{kind: relay, dependencies: [{{on: {to}, mode: hard}}]}}\n"


def chain(folder: Path, *names: str, halves: bool = False):
    """users → the first of these relays → … → store, which fails."""
    links = "".join(LINK.format(name=a, to=b) for a, b in zip(names, [*names[1:], "store"], strict=True))
    text = SCENARIO.format(chain=links)
    if halves:  # two relays beside each other, each with half of the calls
        both = "{on: front, mode: hard, share: 0.5}, {on: second, mode: hard, share: 0.5}"
        text = text.replace("{on: front, mode: hard}", both)
        text = text.replace("  other:", LINK.format(name="second", to="store") + "  other:")
    path = folder / f"{len(names)}{halves}.yaml"
    path.write_text(text)
    return twin.load(path)


def lost(scenario) -> float:
    return losses_of(twin.run(scenario), scenario).requests[-1].failed


def test_splitting_and_merging_relays_changes_the_sum_by_nothing(tmp_path: Path) -> None:
    """The same customers fail for as long. Each link delays both the begin and the end, by a tick."""
    one = lost(chain(tmp_path, "front"))
    assert one == pytest.approx(20 * 60 * 100 * 0.7 + 5 * 60 * 100 * 0.25, rel=0.02)
    for names in (("front", "b"), ("front", "b", "c", "d")):
        assert lost(chain(tmp_path, *names)) == pytest.approx(one, rel=1e-6)


def test_service_minutes_do_change(tmp_path: Path) -> None:
    """The red version: why there is another sum."""
    one, four = (
        twin.run(chain(tmp_path, *names)).impact().service_minutes_lost
        for names in (("front",), ("front", "b", "c", "d"))
    )
    assert four > 1.9 * one


def test_a_service_in_two_halves_loses_as_much_per_call(tmp_path: Path) -> None:
    """Beside each other: the calls of both halves together are those of the whole."""
    whole, halves = (chain(tmp_path, "front", halves=h) for h in (False, True))

    def failed(scenario, *names: str) -> float:
        each = losses_of(twin.run(scenario), scenario).services
        return sum(loss.failed for loss in each if loss.service in names)

    assert failed(halves, "front", "second") == pytest.approx(failed(whole, "front"), rel=1e-6)


def test_each_service_has_its_own_count(tmp_path: Path) -> None:
    scenario = chain(tmp_path, "front")
    found = {loss.service: loss for loss in losses_of(twin.run(scenario), scenario).services}
    assert set(found) == {"front", "store", "other"}
    assert found["store"].failed == pytest.approx(20 * 60 * 100 * 0.7, rel=0.02)
    assert found["store"].asked == pytest.approx(3600 * 100, rel=0.01)
    assert found["other"].failed == pytest.approx(5 * 60 * 50 * 0.5, rel=0.03)
    assert found["other"].unit == "calls" and found["other"].late == 0.0


def test_phases_are_those_of_the_scenario_and_cover_the_run(tmp_path: Path) -> None:
    from tests.validation.score import conftest as store

    text = store.SCENARIO.replace("scoring:\n", "scoring:\n  units: {page: pages}\n")
    files = {"s.yaml": text, "topology.yaml": store.TOPOLOGY, "store.csv": store.PUBLISHED}
    for name, content in files.items():
        (tmp_path / name).write_text(content)
    scenario = twin.load(tmp_path / "s.yaml")
    assert windows(scenario) == [Window("the outage", 0.0, 31 * 60.0), Window("after", 31 * 60.0, 90 * 60.0)]
    found = losses_of(twin.run(scenario), scenario)
    first, second, both = found.requests
    assert first.failed + second.failed == pytest.approx(both.failed)
    assert first.asked + second.asked == pytest.approx(both.asked)
    assert {loss.unit for loss in found.services if loss.service == "page"} == {"pages"}
    document = json.loads(invoke("replay", tmp_path / "s.yaml", "--out", tmp_path / "runs", "--json").stdout)
    assert [r["phase"] for r in document["losses"]["requests"]] == ["the outage", "after", "all"]


def test_work_that_waits_is_late(tmp_path: Path) -> None:
    path = tmp_path / "late.yaml"
    path.write_text(
        "scenario: late\nstart: 2025-01-01T00:00:00+00:00\nduration: 30m\nnoise: mean\nrequests: counted\n"
        "assumed: example\nservices:\n"
        "  users:\n    kind: workload\n    parameters: {rate_per_s: 10/s}\n"
        "    dependencies: [{on: mover, mode: async}]\n"
        "  mover: {kind: propagation_queue, parameters: {capacity_per_s: 20/s}}\n"
        "faults:\n  - {id: stop, at: +5m, for: 10m, set: {mover.capacity_ratio: 0.05}}\n"
    )
    scenario = twin.load(path)
    (mover,) = (x for x in losses_of(twin.run(scenario), scenario).services if x.service == "mover")
    assert 10 * 60 * 10 * 0.8 < mover.late < mover.asked


def test_zones_of_a_service_are_no_customers() -> None:
    """The whole of a zonal service calls its zones, and is called by other zones only."""
    from types import SimpleNamespace

    from twin.results.of_run import RunArrays

    edges = [
        ("users", "launch"), ("launch", "launch@a"), ("launch", "launch@b"), ("launch@a", "lease@a"),
        ("launch@b", "lease@b"), ("lease", "lease@a"), ("lease", "lease@b"), ("lease@a", "store"),
    ]  # fmt: skip
    names = sorted({name for edge in edges for name in edge})
    rows = [dict(zip(("caller", "callee"), edge, strict=True)) for edge in edges]
    arrays = RunArrays.__new__(RunArrays)
    arrays.run, arrays.names = SimpleNamespace(dependencies=rows), names
    assert [names[n] for n in arrays.top] == ["users"]
