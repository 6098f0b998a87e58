"""Both formats of an instance give the same records, and each instance becomes scenarios that load."""

import json
from pathlib import Path

import pytest

from .agreement import load_text, texts
from .families import FAMILIES, title_of
from .instance import Instance, Measure, compact, read_instance, shipped
from .measures import TAKERS

SYSTEM = {
    "services": ["a: own work exponential mean 0.25 s"], "edges": [], "parameters": {"rate_per_s": 4},
}  # fmt: skip
FAULT = {"what": "c has 3 servers (running jobs are finished)"}
NUMBERS = {"expected": 0.1, "stderr": 0.01, "tolerance": 0.04}
SERIES = {"bin_s": 30, "expected": [[30, 1.0], [60, 2.0]], "stderr": [0.0, 0.1], "tolerance": [1.0, 1.0]}
MEASURES = {
    "users.failed_share.before": {"definition": "STARTED in [60,300) s that failed", **NUMBERS},
    "users.error_share.before": {"definition": "as failed_share, of one kind", **NUMBERS},
    "edge a->b.sent_rate.before": {"definition": "on edge a->b: attempts in [70,300) s", **NUMBERS},
    "users.last_bad_instant": {"definition": "the last bin at or after 360 s", **NUMBERS},
    "c.queue_series": {"definition": "time average over [t, t+bin)", **SERIES},
}
ORIGINAL = {"id": "C20-x", "system": SYSTEM, "fault": FAULT, "measure": MEASURES}


@pytest.fixture
def instance(tmp_path: Path) -> Instance:
    path = tmp_path / "C20-x.json"
    path.write_text(json.dumps(ORIGINAL))
    return read_instance(path)


def test_what_sentences_say_becomes_numbers(instance: Instance) -> None:
    assert instance.facts == {"own_mean_s": 0.25, "fault_servers": 3.0}
    assert instance.measures["users.failed_share.before"] == Measure(0.1, 0.04, 0.01, window=(60.0, 300.0))
    assert instance.measures["edge a->b.sent_rate.before"].window == (70.0, 300.0)
    assert instance.measures["edge a->b.sent_rate.before"].edge == ("a", "b")
    assert instance.measures["users.last_bad_instant"].from_s == 360.0
    assert instance.measures["c.queue_series"] == Measure((1.0, 2.0), (1.0, 1.0), bin_s=30, first_s=30)


def test_a_measure_without_a_window_has_that_of_its_label(instance: Instance) -> None:
    assert instance.measures["users.error_share.before"].window == (60.0, 300.0)


def test_the_compact_format_keeps_everything(instance: Instance, tmp_path: Path) -> None:
    path = tmp_path / "compact.json"
    path.write_text(compact(instance))
    assert read_instance(path) == instance


def test_each_family_has_an_instance() -> None:
    assert {read_instance(path).family for path in shipped().values()} == FAMILIES.keys()
    assert all(title_of(family) for family in FAMILIES)


@pytest.mark.parametrize("name", shipped())
def test_each_measure_can_be_taken(name: str) -> None:
    measures = read_instance(shipped()[name]).measures
    assert not [m for m in measures if not any(pattern.fullmatch(m) for pattern, _ in TAKERS)]


@pytest.mark.parametrize("name", shipped())
def test_each_instance_becomes_scenarios(name: str) -> None:
    for text in texts(read_instance(shipped()[name])).values():
        assert load_text(text).requests == "each"
