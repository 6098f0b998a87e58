"""twin numbers: every number of a scenario, by where it comes from."""

from __future__ import annotations

import csv
import json
from io import StringIO
from pathlib import Path
from typing import Any

import pytest

from tests.cli.conftest import Twin

REPLAY = "us-east-1-2025-10-20"
FILE = """\
scenario: shop
start: 2025-10-19T22:00:00-07:00
duration: 1h
services:
  shop: {kind: relay}
  people:
    kind: workload
    parameters:
      rate_per_s: {value: 9/s, measured: our dashboard}
    dependencies:
      - on: shop
        mode: hard
        retries: {value: 2, source: SDK}
        share: {value: 0.5, assumed: half, range: [0.1, 1.0]}
faults:
  - id: breaks
    at: +10m
    for: 15m
    set: {shop.fault_ratio: {value: 50%, chosen: that the shop breaks, range: [20%, 80%]}}
    assumed: it may
"""


@pytest.fixture
def file(tmp_path: Path) -> Path:
    path = tmp_path / "shop.yaml"
    path.write_text(FILE)
    return path


def listed(twin: Twin, *arguments: Any) -> dict[str, Any]:
    answer = json.loads(twin("numbers", *arguments, "--json").stdout)
    assert sum(answer["counts"].values()) >= len(answer["numbers"])
    return {n["number"]: n for n in answer["numbers"]}


def test_each_class_its_value_and_its_line(twin: Twin, file: Path) -> None:
    found = listed(twin, file)
    expected = {
        "people.rate_per_s": ("measured", 9.0, 9),
        "people->shop.retries": ("sourced", 2.0, 13),
        "people->shop.share": ("argued", 0.5, 14),
        "breaks.set.shop.fault_ratio": ("chosen", 0.5, 19),
        "breaks.for": ("open", 900.0, 18),
        "breaks": ("neutral", 600.0, 17),
    }
    for name, (class_, value, line) in expected.items():
        assert (found[name]["class"], found[name]["value"], found[name]["line"]) == (class_, value, line), (
            name
        )
    assert found["breaks.set.shop.fault_ratio"]["range"] == [0.2, 0.8]
    assert Path(found["breaks"]["file"]).name == "shop.yaml"


def test_a_default_counts_once_and_names_its_users(twin: Twin) -> None:
    """It stands in the file of its kind, and that line has its name."""
    found = listed(twin, REPLAY)
    number = found["queueing.service_time_s"]
    assert {"sts", "iam", "sqs"} <= set(number["used_by"]) and number["class"] == "argued"
    text = (Path(__file__).parents[2] / number["file"]).read_text().splitlines()
    assert '"service_time_s"' in text[number["line"] - 1]
    reached = found["dynamodb.reached_through.lifetime_s"]
    assert reached["file"] == "topology/us-east-1/dynamodb.yaml" and "cloudtrail" in reached["used_by"]


def test_one_class(twin: Twin) -> None:
    classes = {n["class"] for n in listed(twin, REPLAY, "--class", "fitted").values()}
    assert classes == {"fitted"}
    text = twin("numbers", REPLAY, "--class", "fitted").stdout
    assert "dwfm.capacity_per_s" in text and "argued" in text.splitlines()[-1] and "sts" not in text
    assert "2025-10-19T23:37:48-07:00" in text, "the begin of a fault is a time of day"


def test_csv_has_the_same_rows(twin: Twin) -> None:
    rows = list(csv.DictReader(StringIO(twin("numbers", REPLAY, "--format", "csv").stdout)))
    assert {row["number"] for row in rows} == set(listed(twin, REPLAY))
    assert all(row["file"] and int(row["line"]) > 0 for row in rows)


def test_another_base_and_services_of_ones_own(twin: Twin) -> None:
    found = listed(twin, "second-race-in-recovery")
    assert found["droplet-throttle.set.dwfm.admission_ratio"]["file"] == f"scenarios/{REPLAY}.yaml"
    assert found["lock-starvation-again"]["file"] == "scenarios/faults/second-race-in-recovery.yaml"
    mine = listed(twin, REPLAY, "--with", "scenarios/examples/my-service.yaml")
    assert mine["checkout.capacity_per_s"]["file"] == "scenarios/examples/my-service.yaml"


def test_wrong_words_have_a_hint(twin: Twin) -> None:
    assert "'chosen'" in twin("numbers", REPLAY, "--class", "chozen").stderr
    assert "expected a file or the name of a scenario" in twin("numbers", "us-east-1").stderr
