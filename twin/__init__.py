"""A cascade twin of the us-east-1 region: replay an incident, change one thing, compare mitigations.

>>> import twin
>>> scenario = twin.load("scenarios/us-east-1-2025-10-20.yaml")   # doctest: +SKIP
>>> run = twin.run(scenario)                                      # doctest: +SKIP
>>> run.sql("select * from episodes")                             # doctest: +SKIP
"""

from __future__ import annotations

from typing import Any

__all__ = ["load", "open_run", "run"]


def __getattr__(name: str) -> Any:
    """load, run and open_run, imported when they are first used: ``twin --help`` must not wait for Numba."""
    if name == "load":
        from twin.spec import load_scenario

        return load_scenario
    if name in ("run", "open_run", "Run"):
        import importlib

        return getattr(importlib.import_module("twin.runs"), name)
    raise AttributeError(f"module 'twin' has no attribute {name!r}")
