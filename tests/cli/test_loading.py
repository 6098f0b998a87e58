"""Whoever loads a large topology at a terminal sees how far that has come."""

import sys
from pathlib import Path

import pytest

import twin.spec.topology as topology_module
from tests.bench.large_graph import large_scenario, large_topology
from twin.base.progress import listening, report_progress
from twin.cli._group import show_progress
from twin.simulation import service_arrays
from twin.simulation.world import build
from twin.spec import load_topology
from twin.spec.tables import write_tables


@pytest.mark.parametrize("at_a_terminal", [True, False])
def test_progress_is_for_terminals(
    at_a_terminal: bool, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    monkeypatch.setattr(sys.stderr, "isatty", lambda: at_a_terminal)
    with listening(show_progress):
        report_progress("rows checked", 500, 1000)
        report_progress("rows checked", 1000, 1000)
    report_progress("rows checked", 0, 1)
    told = "\r500 of 1,000 rows checked \r1,000 of 1,000 rows checked \n"
    assert capsys.readouterr().err == (told if at_a_terminal else "")


def test_loading_and_building_say_how_far_they_are(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(topology_module, "SMALL", 100)
    monkeypatch.setattr(service_arrays, "REPORT_SERVICES", 100)
    write_tables(large_topology(300), tmp_path)
    heard: list[tuple[str, int, int]] = []
    with listening(lambda *said: heard.append(said)):
        build(large_scenario(load_topology(tmp_path)), seed=1)
    for what in ("rows checked", "dependencies read", "services built"):
        *_, (_, done, total) = [said for said in heard if said[0] == what]
        assert done == total > 0
    assert ("services built", 100, 300) in heard
