"""The seven commands that make many runs: each goes on after a kill, and is the same on Ray."""

import json
import signal
import subprocess
import sys
from pathlib import Path

import pytest
from pyarrow import parquet

from tests.experiments.search.conftest import FILES, SCENARIO
from tests.experiments.search.conftest import write as write_mitigations
from tests.validation.fit.conftest import ROWS
from tests.validation.fit.conftest import write as write_fit

from .conftest import invoke
from .test_barriers import BARRIERS
from .test_what_if import WHAT_IF

# A command that dies before it keeps its n-th run.
DIES = """
import os, signal, sys
from twin.experiments.store import Store
left, keep = int(sys.argv.pop(1)), Store.keep
def keep_or_die(store, row):
    global left
    if not left:
        os.kill(os.getpid(), signal.SIGKILL)
    left -= 1
    keep(store, row)
Store.keep = keep_or_die
from twin.cli import main
main()
"""


@pytest.fixture
def commands(tiny: Path, tmp_path: Path) -> dict[str, tuple[object, ...]]:
    """Name → a small command of each sort."""
    times = dict.fromkeys(ROWS, 30.0)
    fit = write_fit(tmp_path, times, "50m", "30/s")
    two = tmp_path / "two-breaks.yaml"
    two.write_text(SCENARIO)
    folder = write_mitigations(tmp_path / "mitigations", FILES)
    question = tmp_path / "question.yaml"
    question.write_text(WHAT_IF.format(base=tiny))
    defences = tmp_path / "barriers.yaml"
    defences.write_text(BARRIERS.format(base=tiny))
    mitigate = ("--mitigations", folder, "--mitigate", "mend-a", "--mitigate", "mend-b")
    return {
        "compare": ("compare", two, *mitigate, "--worlds", 4),
        "what-if": ("what-if", question, "--worlds", 4),
        "calibrate": ("calibrate", fit, "--budget", 8),
        "replay": ("replay", fit, "--worlds", 4, "--out", tmp_path / "runs"),
        "blast": ("blast", two, "--all"),
        "barriers": ("barriers", tiny, "--barriers", defences),
        "search": ("search", two, "--mitigations", folder, "--goal", "site-a.lost_min < 15", "--budget", 64),
    }


def answer(command: tuple[object, ...], study: Path, runner: str = "inline") -> str:
    """What a command says, without what differs from run to run of the command itself."""
    more = ("--actors", 2) if runner == "ray" else ()
    result = invoke(*command, "--study", study, "--runner", runner, *more, "--json")
    assert result.exit_code == 0, result.output
    document = json.loads(result.stdout)
    if isinstance(document, dict):
        for name in ("engine_seconds", "runner"):
            document.pop(name, None)
    return json.dumps(document)


# All of them make their runs by the same study; a search is the only one that makes several.
USUAL = ("compare", "search")
OTHERS = ("what-if", "calibrate", "replay", "barriers", "blast")
EACH = [*USUAL, *(pytest.param(name, marks=pytest.mark.long) for name in OTHERS)]
ON_RAY = [USUAL[0], *(pytest.param(name, marks=pytest.mark.long) for name in (*USUAL[1:], *OTHERS))]


@pytest.mark.slow
@pytest.mark.parametrize("name", EACH)
def test_a_killed_command_goes_on(name: str, commands: dict[str, tuple[object, ...]], tmp_path: Path) -> None:
    """Killed before its third run is kept, and again two runs later: the same answer, and the same bytes."""
    command, study = commands[name], tmp_path / "killed"
    whole = answer(command, tmp_path / "whole")
    for moment in (2, 2):
        options = ("--study", study, "--runner", "inline", "--json")
        arguments = [sys.executable, "-c", DIES, str(moment), *map(str, (*command, *options))]
        died = subprocess.run(arguments, capture_output=True, text=True)
        assert died.returncode == -signal.SIGKILL, died.stderr
    journal = study / "journal.jsonl"
    kept = len(journal.read_text().splitlines()) if journal.exists() else 0
    kept += sum(parquet.read_metadata(path).num_rows for path in study.glob("*.parquet"))
    assert kept == 4, "every finished run is kept"
    assert answer(command, study) == whole
    assert (study / "runs.parquet").read_bytes() == (tmp_path / "whole" / "runs.parquet").read_bytes()


@pytest.mark.slow
@pytest.mark.ray
@pytest.mark.parametrize("name", ON_RAY)
def test_each_command_is_the_same_on_ray(
    name: str, commands: dict[str, tuple[object, ...]], tmp_path: Path
) -> None:
    inline = answer(commands[name], tmp_path / "inline")
    assert answer(commands[name], tmp_path / "ray", "ray") == inline
    whole, other = (tmp_path / runner / "runs.parquet" for runner in ("inline", "ray"))
    assert whole.read_bytes() == other.read_bytes()
