"""What machines read is JSON as its standard has it."""

import json
import math
import os
import subprocess
import sys

import numpy as np
import pytest

from twin.cli import _show as show


def strict(text: str) -> object:
    """As any other reader of JSON takes it."""

    def refuse(constant: str) -> object:
        raise ValueError(f"not JSON: {constant}")

    return json.loads(text, parse_constant=refuse)


def test_what_never_ends_is_null(capsys: pytest.CaptureFixture[str]) -> None:
    said = {"a": math.inf, "b": [1.5, (-math.inf, {"c": math.nan})], "d": np.float64("inf"), "e": "inf"}
    with pytest.raises(ValueError, match="not JSON: Infinity"):
        strict(json.dumps(said))
    show.document(said)
    expected = {"a": None, "b": [1.5, [None, {"c": None}]], "d": None, "e": "inf"}
    assert strict(capsys.readouterr().out) == expected


def test_all_else_stays(capsys: pytest.CaptureFixture[str]) -> None:
    said = {"n": 3, "x": 0.1, "yes": True, "none": None, "text": "∞", "list": [], "zero": np.float64(0.25)}
    show.document(said)
    assert strict(capsys.readouterr().out) == said


@pytest.mark.parametrize("line", ["list kinds", "--help", "list --help", "list kinds --json"])
def test_a_closed_pipe_is_no_missed_expectation(line: str) -> None:
    """The reader has gone before anything is written."""
    read, write = os.pipe()
    os.close(read)
    command = [sys.executable, "-m", "twin", *line.split()]
    done = subprocess.run(command, stdout=write, stderr=subprocess.PIPE, text=True)
    os.close(write)
    assert (done.returncode, done.stderr) == (141, "")


@pytest.mark.parametrize(("columns", "widest"), [("60", 60), ("100", 100), (None, 120)])
def test_a_pipe_is_as_wide_as_columns_says(
    columns: str | None, widest: int, capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.delenv("COLUMNS", raising=False)
    if columns:
        monkeypatch.setenv("COLUMNS", columns)
    show.table(["text"], [["word " * 100]])
    longest = max(len(line.rstrip()) for line in capsys.readouterr().out.splitlines())
    assert widest - 10 < longest <= widest
