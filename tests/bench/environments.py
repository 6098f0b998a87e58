"""Peers: programs in ``peers/``, each run by a Python that has its library.

SimPy is in the environment of the tests. The others are installed when the bench first needs them, each into
an environment of its own, below ``TWIN_BENCH_ENVIRONMENTS``. None is a dependency of the project. A peer that
cannot be had is skipped, with the reason.
"""

from __future__ import annotations

import json
import os
import shutil
import subprocess
import sys
from dataclasses import dataclass
from functools import cache
from pathlib import Path
from typing import Any

PEERS = Path(__file__).parent / "peers"
DEFAULT = Path.home() / ".cache" / "us-east-1-cascade-twin" / "bench"
INSTALL_S = 900.0
NEWEST = {"happysim": "python3.13"}  # what asks for a newer Python than this one


class Absent(Exception):
    """A peer that cannot be run here; the message says why."""


@dataclass(frozen=True)
class Told:
    """What a program of ``peers/`` said. ``seconds``: processor time of the work alone."""

    seconds: float
    version: str
    answer: dict[str, Any]


def folder() -> Path:
    """Where environments of peers and built files go."""
    return Path(os.environ.get("TWIN_BENCH_ENVIRONMENTS", DEFAULT))


@cache
def python_with(package: str) -> str:
    """A Python that has the package; it is installed if need be. Raises Absent."""
    if package in ("", "simpy"):
        return sys.executable
    there = folder() / package
    python = there / "bin" / "python"
    if not (there / "installed").exists():
        _create(there, package)
    return str(python)


def _create(there: Path, package: str) -> None:
    base = sys.executable
    if package in NEWEST:
        found = shutil.which(os.environ.get("TWIN_BENCH_NEWER_PYTHON", NEWEST[package]))
        if found is None:
            raise Absent(f"{package} needs {NEWEST[package]}, which is not here")
        base = found
    shutil.rmtree(there, ignore_errors=True)
    commands = (
        [base, "-m", "venv", str(there)],
        [str(there / "bin" / "python"), "-m", "pip", "install", "-q", "--disable-pip-version-check", package],
    )
    for command in commands:
        done = subprocess.run(command, capture_output=True, text=True, timeout=INSTALL_S)
        if done.returncode:
            last = (done.stderr.strip().splitlines() or ["no reason given"])[-1]
            raise Absent(f"{package} does not install: {last}")
    (there / "installed").touch()


def ask(
    package: str, program: str, timeout_s: float = 3600.0, env: dict[str, str] | None = None, **asked: Any
) -> Told:  # fmt: skip
    """Run a program of ``peers/``. Raises Absent."""
    python = python_with(package)
    command = [python, str(PEERS / program), json.dumps(asked)]
    done = subprocess.run(command, capture_output=True, text=True, timeout=timeout_s, cwd=PEERS,
                          env=os.environ | (env or {}))  # fmt: skip
    if done.returncode:
        last = (done.stderr.strip().splitlines() or ["no reason given"])[-1]
        raise Absent(f"{program} failed: {last}")
    found = json.loads(done.stdout)
    return Told(found.pop("seconds"), found.pop("version"), found)
