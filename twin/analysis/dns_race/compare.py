"""Compares explorations: what each guard prevents, and which drift of the design allows the race."""

from collections.abc import Callable, Iterable, Mapping
from dataclasses import dataclass
from typing import Any

from twin.analysis.dns_race.explore import Exploration
from twin.mechanisms.dns_state import GUARDS, Config, config

# Each guard alone, and those that are known to belong together. protect-rollback guards nothing by itself.
GUARD_SETS: tuple[tuple[str, ...], ...] = (
    (),
    ("recheck",),
    ("recheck-in-lock",),
    ("cas",),
    ("cleanup-check",),
    ("cleanup-atomic",),
    ("cleanup-atomic", "blind-apply"),
    ("cleanup-atomic", "protect-rollback"),
    ("cas", "cleanup-atomic", "protect-rollback"),
    ("big-lock",),
    ("big-lock-lease",),
    ("one-batch",),
    ("tolerate-missing",),
    ("blind-apply",),
    ("no-zero-answers",),
)
assert {name for names in GUARD_SETS for name in names} == set(GUARDS)


@dataclass(frozen=True)
class Drift:
    """A design between the original and the one that failed, and its settings of the machine."""

    name: str
    check_apart: bool  # the freshness check is a step of its own, before the walk
    walk_apart: bool  # each endpoint is written by a step of its own
    guards: tuple[str, ...]
    design: str


# A walk in steps whose every batch checks again what it replaces is a walk whose check has not drifted: CAS.
DRIFTS = (
    Drift("original: check and walk are one step", False, False, (), "original"),
    Drift("the walk in steps, each with its check", False, True, ("cas",), "drifted"),
    Drift("the check apart from a walk in one step", True, False, ("one-batch",), "drifted"),
    Drift("drifted: the check apart, the walk in steps", True, True, (), "drifted"),
)

Explore = Callable[[Config], Exploration]
Size = Mapping[str, Any]


def by_guards(explore: Explore, size: Size, lock_steps: bool) -> Iterable[tuple[Config, Exploration]]:
    """Each set of guards with its exploration; `size` is enactors, endpoints, plans, keep_last."""
    for names in GUARD_SETS:
        cfg = config(**size, guards=names, lock_steps=lock_steps)
        yield cfg, explore(cfg)


def by_drifts(explore: Explore, size: Size) -> Iterable[tuple[Drift, Config, Exploration]]:
    """Each design from the original to the one that failed, with its exploration."""
    for drift in DRIFTS:
        cfg = config(**size, guards=drift.guards, design=drift.design)
        yield drift, cfg, explore(cfg)


def which_drift_matters(found: Iterable[tuple[Drift, Config, Exploration]]) -> str:
    """The answer in a sentence."""
    rows = [(drift, result.empty_states > 0) for drift, _, result in found]
    names = {"the check apart from the walk": "check_apart", "the walk in steps": "walk_apart"}
    if not any(empty for _, empty in rows):
        return "At this size no drift empties a record."
    alone = [words for words, field in names.items()
             if all(empty == getattr(drift, field) for drift, empty in rows)]  # fmt: skip
    if alone:
        return f"The drift that matters: {alone[0]}. With it a record can be emptied, without it none can."
    return "No single drift decides: " + "; ".join(drift.name for drift, empty in rows if empty)


def guard_names(cfg: Config) -> tuple[str, ...]:
    """The guards of a machine, by name."""
    return tuple(name for name, bit in GUARDS.items() if cfg.guards & bit)
