"""Where the project's files are: scenarios, topologies, data; and where runs go."""

from __future__ import annotations

from pathlib import Path

_PACKAGE = Path(__file__).resolve().parents[1]
ROOT = _PACKAGE.parent if (_PACKAGE.parent / "pyproject.toml").is_file() else Path()
SCENARIOS = ROOT / "scenarios"
TOPOLOGY = ROOT / "topology" / "us-east-1"
RUNS = ROOT / "data" / "runs"
