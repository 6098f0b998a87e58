"""A cascade twin of the us-east-1 region: replay an incident, change one thing, compare mitigations.

>>> import twin
>>> scenario = twin.load("scenarios/us-east-1-2025-10-20.yaml")   # doctest: +SKIP
>>> run = twin.run(scenario)                                      # doctest: +SKIP
>>> run.sql("select * from episodes")                             # doctest: +SKIP
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from pathlib import Path
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from twin.model.scenario import Scenario

__all__ = ["load", "open_run", "run"]


def load(
    path: Path | str,
    *,
    set: Iterable[str] | Mapping[str, str] = (),
    drop: Iterable[str] = (),
    move: Iterable[str] | Mapping[str, str] = (),
    with_files: Iterable[Path | str] = (),
    until: str | None = None,
    sample: str | None = None,
    seed: int | None = None,
    mitigate: Iterable[Path | str] = (),
    responders: str | None = None,
    add_action: Iterable[Path | str] = (),
) -> Scenario:
    """The scenario in a file, with changes, as ``twin run`` takes them.

    ``set``: {"service.parameter": "3s"} or ["service.parameter=3s"]; ``drop``: ids of faults and actions;
    ``move``: {"id": "+15m"}, where times are ISO 8601 with zone or relative to the start; ``with_files``:
    services of one's own on top of the topology; ``until``: another end; ``sample``: another sample interval,
    as in "10s"; ``mitigate``: mitigations by name or file, also 'A+B'; ``responders``: "scripted",
    "modelled" or "drawn"; ``add_action``: files with faults and actions to add. Numbers of the result are
    in SI units. Raises SpecError with every problem of the files, then of the changes.
    """
    from twin.spec import load_actions, load_mitigations, load_scenario, override, vary

    scenario = load_scenario(path, with_files)
    for mitigation in load_mitigations(mitigate, scenario):
        scenario = vary(scenario, mitigation)
    for file in add_action:
        scenario = vary(scenario, load_actions(file, scenario))
    return override(
        scenario, sets=_pairs(set), drops=drop, moves=_pairs(move), until=until, sample=sample, seed=seed,
        responders=responders,
    )  # fmt: skip


def _pairs(given: Iterable[str] | Mapping[str, str]) -> list[str]:
    return [f"{k}={v}" for k, v in given.items()] if isinstance(given, Mapping) else list(given)


def __getattr__(name: str) -> Any:
    """run, open_run and Run, imported when they are first used: ``twin --help`` must not wait for Numba."""
    if name in ("run", "open_run", "Run"):
        import importlib

        return getattr(importlib.import_module("twin.simulation.run"), name)
    raise AttributeError(f"module 'twin' has no attribute {name!r}")
