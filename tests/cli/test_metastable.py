"""twin metastable for people, for machines, and for those who ask for what is not there."""

import json
from pathlib import Path

import pytest

from .conftest import Twin

STATION = """\
scenario: shop
title: A shop whose clients try again
start: 2025-10-19T22:00:00-07:00
duration: 10m
tick: 500ms
sample: 1s
signal_period: 1s
services:
  shop:
    kind: queueing
    domain: shop
    parameters:
      capacity_per_s: {value: 1000/s, assumed: a test, range: [900/s, 1100/s]}
  site:
    kind: relay
    domain: shop
    dependencies: [{on: shop, mode: hard}]
  people:
    kind: workload
    domain: shop
    visible: false
    parameters: {rate_per_s: {value: 600/s, assumed: a test, range: [500/s, 700/s]}}
    dependencies:
      - on: shop
        mode: hard
        timeout_s: {value: 3s, assumed: a test, range: [1s, 5s]}
        retries: {value: 3, assumed: a test, range: [2, 4]}
faults:
  - id: slow-disk
    at: +4m
    for: 1m
    set: {shop.capacity_ratio: 0.1}
    assumed: a test
"""


@pytest.fixture(scope="module")
def shop(tmp_path_factory: pytest.TempPathFactory) -> Path:
    path = tmp_path_factory.mktemp("shop") / "shop.yaml"
    path.write_text(STATION)
    return path


def test_for_people(twin: Twin, shop: Path) -> None:
    result = twin("metastable", shop, "shop")
    assert result.exit_code == 0, result.output
    assert "shop (queueing) is METASTABLE" in result.stdout
    for heading in ("Smallest triggers", "Ways out", "Hysteresis", "Closed forms", "Markov chain"):
        assert heading in result.stdout
    assert "trigger: capacity" in result.stderr  # what is being tried


def test_for_machines(twin: Twin, shop: Path) -> None:
    found = json.loads(twin("metastable", shop, "shop", "--at", "+3m", "--json").stdout)
    assert (found["class"], found["kind"], found["loop"]) == ("vulnerable", "queueing", ["shop"])
    assert found["heals_within_s"] == 1800.0
    assert found["moment"]["at_s"] == 180.0
    assert found["moment"]["left_alone"]["state"] == "well"
    capacity = next(f for f in found["frontier"] if f["trigger"] == "capacity")
    assert capacity["tips"] and capacity["points"][0]["depth"] == 1.0
    assert found["way_out"][0]["name"] == "shed load"
    law = next(law for law in found["laws"] if law["name"] == "collapsed state from")
    assert law["value"] == 250.0 and law["found_over_law"] == pytest.approx(1.0, abs=0.05)


@pytest.mark.parametrize(("arguments", "verdict"), [
    (["--what-load", "0.4"], "vulnerable"), (["--what-load", "0.4", "--heals-within", "1000h"], "stable"),
    (["--what-load", "0.15"], "stable"), (["--what-load", "1.7"], "overloaded"),
    (["--set", "shop.discipline=deadline_drop"], "stable"), (["--drop", "slow-disk"], "vulnerable"),
])  # fmt: skip
def test_other_operating_points(twin: Twin, shop: Path, arguments: list[str], verdict: str) -> None:
    assert json.loads(twin("metastable", shop, "shop", "--json", *arguments).stdout)["class"] == verdict


def test_a_service_without_a_loop_says_so(twin: Twin, shop: Path) -> None:
    found = json.loads(twin("metastable", shop, "site", "--json").stdout)
    assert found["class"] == "stable"
    assert "nothing in it sustains a failure" in found["reason"]
    assert found["frontier"] == [] and found["moment"]["left_alone"]["state"] == "well"


@pytest.mark.parametrize(("arguments", "message"), [
    (["shopp"], "service: found 'shopp', expected a service of shop (did you mean shop?)"),
    (["shop", "--at", "noon"], "--at: found 'noon'"),
    (["shop", "--at", "+11m"], "expected a time within the scenario, up to +10m"),
    (["shop", "--at", "2025-10-19T21:00:00-07:00"], "expected a time within the scenario"),
    (["shop", "--at", "+3m", "--what-load", "2"], "the scenario has not been at that load"),
    (["shop", "--what-load", "0"], "--what-load"),
    (["shop", "--heals-within", "soon"], "--heals-within: found 'soon', expected a duration"),
    (["shop", "--heals-within", "0s"], "--heals-within"),
    (["shop", "--set", "shop.capacity=1"], "expected a parameter of kind queueing"),
])  # fmt: skip
def test_bad_input(twin: Twin, shop: Path, arguments: list[str], message: str) -> None:
    result = twin("metastable", shop, *arguments)
    assert result.exit_code == 2
    assert message in result.stderr
    assert result.stdout == ""


def test_no_such_scenario(twin: Twin) -> None:
    result = twin("metastable", "nowhere.yaml", "shop")
    assert result.exit_code == 2 and "no such file" in result.stderr
