"""The quick start works as written, in a copy that holds nothing but the project's files."""

import os
import subprocess
import sys
import sysconfig
from pathlib import Path

import pytest

from .rules import quick_start
from .tree import ROOT, read_tree, write_tree

# What an activated environment and the make above leave in the surroundings.
SHELL = ("VIRTUAL_ENV", "PYTHONPATH", "MAKE", "MFLAGS")


def test_continuous_integration_makes_test() -> None:
    script = (ROOT / ".ci" / "run").read_text()
    assert script.startswith("#!/usr/bin/env bash\n") and script.endswith("\nmake test\n")
    assert subprocess.run(["bash", "-n", ROOT / ".ci" / "run"]).returncode == 0


@pytest.mark.slow
@pytest.mark.ray(own=True)
@pytest.mark.parametrize("fetched", [False, pytest.param(True, marks=pytest.mark.long)])
def test_the_first_command_works_in_a_fresh_copy(tmp_path: Path, fetched: bool) -> None:
    """`make replay` builds the environment, runs on two Ray actors and prints the scorecard.

    Unless all packages are fetched anew, those of this environment count as installed. `make test` is not run
    from here: it is what runs this test.
    """
    tree = read_tree()
    first = next(command for command in quick_start(tree["README.md"]) if command.startswith("make "))
    assert first == "make replay"
    write_tree(tree, tmp_path)
    if not fetched:
        lend_packages(tmp_path / ".venv")
    outside = {name: value for name, value in os.environ.items() if not name.startswith(SHELL)}
    done = subprocess.run(first.split(), cwd=tmp_path, env=outside, capture_output=True, text=True)
    assert done.returncode == 0, done.stdout + done.stderr
    assert "predicted" in done.stdout, done.stdout
    manifests = list((tmp_path / "data" / "runs").glob("*/manifest.json"))
    assert len(manifests) == 1


def lend_packages(environment: Path) -> None:
    """Make a virtual environment that sees the packages of this one."""
    subprocess.run([sys.executable, "-m", "venv", environment], check=True)
    (packages,) = environment.glob("lib/python*/site-packages")
    (packages / "lent.pth").write_text(sysconfig.get_path("purelib") + "\n")
