"""Whoever loads a large topology at a terminal sees how far that has come."""

import sys

import pytest

from twin.base.progress import listening, report_progress
from twin.cli._group import show_progress


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
