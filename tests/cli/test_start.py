"""How the command starts: quickly, and from Python as from the shell."""

import subprocess
import sys
from pathlib import Path

import pytest

import twin as package

from .conftest import Twin

# Prints every module outside the standard library that a command's help imports, but for click.
IMPORTED = """
import sys
before = set(sys.modules)
from twin.cli import cli
try:
    cli()
except SystemExit:
    names = {name.partition(".")[0] for name in sys.modules.keys() - before}
    sys.exit(" ".join(sorted(names - sys.stdlib_module_names - {"click", "twin"})))
"""


@pytest.mark.parametrize("command", [[], ["run"], ["replay"], ["query"]])
def test_help_imports_nothing_but_click(command: list[str]) -> None:
    """This is what makes help quick, and it can be counted: a time would depend on the machine."""
    arguments = [sys.executable, "-c", IMPORTED, *command, "--help"]
    done = subprocess.run(arguments, capture_output=True, text=True)
    assert done.stderr.strip() == "", done.stderr
    assert "Usage" in done.stdout


def test_the_first_run_says_that_it_compiles(twin: Twin, tiny: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("twin.simulation.kernels.is_compiled", lambda model: False)
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
