"""A cascade twin of the us-east-1 region: replay an incident, change one thing, compare mitigations.

>>> import twin
>>> run = twin.run("us-east-1-2025-10-20")                        # doctest: +SKIP
>>> run.sql("select * from episodes")                             # doctest: +SKIP

Importing it is quick: a name is imported with what it needs (Numba, DuckDB) when it is first used.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from twin.api.compare import Comparison, compare
    from twin.api.run import Run, open_run, run
    from twin.experiments.whatif import what_if
    from twin.model.scenario import Scenario
    from twin.spec.library import load
    from twin.spec.problems import SpecError

    __version__: str

__all__ = [
    "Comparison", "Run", "Scenario", "SpecError", "__version__", "compare", "load", "open_run", "run",
    "what_if",
]  # fmt: skip

_HOME = {
    "Comparison": "twin.api.compare",
    "Run": "twin.api.run",
    "Scenario": "twin.model.scenario",
    "SpecError": "twin.spec.problems",
    "compare": "twin.api.compare",
    "load": "twin.spec.library",
    "open_run": "twin.api.run",
    "run": "twin.api.run",
    "what_if": "twin.experiments.whatif",
}


def __getattr__(name: str) -> Any:
    """A name of the API, imported when it is first used: ``twin --help`` must not wait for Numba."""
    import importlib

    if name == "__version__":
        from importlib.metadata import version

        return version("us-east-1-cascade-twin")
    if name not in _HOME:
        raise AttributeError(f"module 'twin' has no attribute {name!r}")
    return getattr(importlib.import_module(_HOME[name]), name)


def __dir__() -> list[str]:
    return sorted(__all__)
