"""How the command starts: quickly, and from Python as from the shell."""

import resource
import subprocess
import sys
from pathlib import Path

import pytest

import twin as package

from .conftest import Twin

HEAVY = ("numba", "numpy", "pyarrow", "duckdb", "ray", "scipy", "networkx", "pydantic", "rich", "yaml")


@pytest.mark.parametrize("command", [[], ["run"], ["replay"], ["query"]])
def test_help_imports_nothing_heavy(command: list[str]) -> None:
    code = (
        "import sys\nfrom twin.cli import cli\ntry: cli()\n"
        f"except SystemExit: sys.exit(' '.join(m for m in {HEAVY!r} if m in sys.modules))"
    )
    done = subprocess.run([sys.executable, "-c", code, *command, "--help"], capture_output=True, text=True)
    assert done.stderr == "\n" or done.stderr == "", done.stderr
    assert "Usage" in done.stdout


def test_help_is_quick() -> None:
    spent_s = []
    for _ in range(5):
        began_s = used_s()
        subprocess.run([sys.executable, "-m", "twin", "--help"], check=True, capture_output=True)
        spent_s.append(used_s() - began_s)
    assert min(spent_s) < 0.2


def used_s() -> float:
    """Processor time of finished children: the clock on the wall would also see what else runs here."""
    usage = resource.getrusage(resource.RUSAGE_CHILDREN)
    return usage.ru_utime + usage.ru_stime


def test_the_first_run_says_that_it_compiles(twin: Twin, tiny: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("twin.simulation.loop.is_compiled", lambda: False)
    result = twin("run", tiny)
    assert "first run: compiling the engine" in result.stderr and "compiled in" in result.stderr


def test_python_gives_the_same_run_as_the_shell(twin: Twin, tiny: Path) -> None:
    import json

    shell = twin("run", tiny, "--set", "store.service_time_s=30ms", "--move", "store-breaks=+20m", "--json")
    scenario = package.load(tiny, set={"store.service_time_s": "30ms"}, move={"store-breaks": "+20m"})
    run = package.run(scenario)
    found = json.loads(shell.stdout)
    assert (run.run_id, run.digest) == (found["run_id"], found["digest"])
    assert run.sql("select count(*) as n from samples").to_pylist() == [{"n": run.samples.num_rows}]
