"""A tiny outage of an hour, run once, and the command line in this process."""

import re
from collections.abc import Callable
from pathlib import Path

import pytest
from click.testing import CliRunner, Result

from twin.cli import cli

TINY = """\
scenario: tiny
title: A tiny outage
question: Does the site follow the store?
start: 2025-10-19T22:00:00-07:00
duration: 1h
seed: 7
services:
  store: {kind: relay, title: The store}
  site:
    kind: relay
    title: The site
    dependencies: [{on: store, for: rows, mode: hard}]
  people:
    kind: workload
    visible: false
    parameters: {rate_per_s: {value: 10/s, measured: a test}}  # few, as each is stepped by itself
    dependencies: [{on: site, for: pages, mode: hard}]
faults:
  - id: store-breaks
    title: the store fails half of its calls
    at: +10m
    until: +25m
    set: {store.fault_ratio: 0.5}
    assumed: for the test
"""

Twin = Callable[..., Result]


def invoke(*arguments: object, **options: object) -> Result:
    """Run a command here; a traceback instead of an exit code fails the test."""
    result = CliRunner().invoke(cli, [str(a) for a in arguments], **options)  # type: ignore[arg-type]
    assert result.exception is None or isinstance(result.exception, SystemExit), result.exception
    assert "Traceback" not in result.output
    return result


@pytest.fixture(scope="session")
def tiny(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """The scenario file."""
    path = tmp_path_factory.mktemp("scenario") / "tiny.yaml"
    path.write_text(TINY)
    return path


@pytest.fixture(scope="session")
def finished(tiny: Path) -> Path:
    """A folder of runs with one finished run. Tests must not change it: they copy it."""
    out = tiny.parent / "runs"
    result = invoke("run", tiny, "--out", out, "--debug", "--json")
    assert result.exit_code == 0, result.output
    return out


@pytest.fixture
def twin(finished: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Twin:
    """Invoke a command with the finished run in the folder of runs, which the test may spoil."""
    import shutil

    shutil.copytree(finished, tmp_path / "runs")
    monkeypatch.setenv("TWIN_OUT", str(tmp_path / "runs"))
    return invoke


@pytest.fixture
def run_folder(twin: Twin, tmp_path: Path) -> Path:
    """The folder of the finished run."""
    (folder,) = (tmp_path / "runs").iterdir()
    return folder


COLUMNS = 80


@pytest.fixture(autouse=True)
def pipe(monkeypatch: pytest.MonkeyPatch) -> None:
    """A pipe of the default width, whatever the terminal of the tests has."""
    monkeypatch.delenv("COLUMNS", raising=False)


@pytest.fixture
def narrow(pipe: None, monkeypatch: pytest.MonkeyPatch) -> None:
    """A pipe of COLUMNS."""
    monkeypatch.setenv("COLUMNS", str(COLUMNS))


def assert_fits(text: str, *names: str) -> None:
    """No line is wider than COLUMNS, nothing is cut off, and these names are whole."""
    wide = [line for line in text.splitlines() if len(line.rstrip()) > COLUMNS]
    assert not wide, "\n".join(wide)
    assert not re.search(r"\w…", text), text
    for name in names:
        assert name in text, text
