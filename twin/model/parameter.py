"""How a kind describes itself: one record a parameter, one line a piece of state.

The same records make the YAML schema, the bounds that a scenario is checked against, the generated
reference in ``twin/kinds/README.md`` and the arrays of a run.
"""

from __future__ import annotations

from dataclasses import dataclass
from types import ModuleType

import numpy as np

UNITS = ("s", "1/s", "count", "ratio", "choice", "switch")
LATE = "late"  # in BREAKS: a time that every caller who waits finds too long

# How any service can be broken. A kind says in BREAKS which of its parameters that means, and what they are
# then: {"down": {"fault_ratio": 1.0}, "slow": {"service_time_s": LATE}}. What it does not name it cannot be.
HOWS = {
    "down": "nothing that it is asked is answered well",
    "slow": "it answers, and later than its callers wait",
    "partial": "half of it is away",
}


@dataclass(frozen=True)
class Param:
    """One parameter of a kind or of a dependency.

    ``unit`` is one of UNITS. ``source`` is an id of ``data/sources.yaml`` or ``assumed: reason``; an assumed
    number has a plausible ``range`` (low, high) in the same unit.
    """

    name: str
    default: float | str | bool
    unit: str
    low: float
    high: float
    meaning: str
    source: str
    range: tuple[float, float] | None = None
    choices: tuple[str, ...] = ()

    def encode(self, value: float | str | bool) -> float:
        """The value as the float that the compiled step reads: a choice is its position, a switch 0 or 1."""
        if self.unit == "choice":
            return float(self.choices.index(str(value)))
        return float(value)


def fault_ratio(meaning: str) -> Param:
    """The share of its work that a fault of a service's own spoils: a knob, and no estimate."""
    why = "assumed: no fault of its own unless a scenario says so"
    return Param("fault_ratio", 0.0, "ratio", 0.0, 1.0, meaning, why, (0.0, 0.0))


def parameter_dtype(kind: ModuleType) -> np.dtype:
    """Record dtype of a kind's parameters: every field float64, in the order of PARAMETERS."""
    return np.dtype((np.record, [(p.name, "f8") for p in kind.PARAMETERS]))


def state_dtype(kind: ModuleType) -> np.dtype:
    """Record dtype of a kind's scalar state. A kind without state gets one unused field."""
    return np.dtype((np.record, list(kind.STATE) or [("unused", "i8")]))
