"""How a kind describes itself: one record for each parameter, one line for each piece of state.

These records make the YAML schema, the checks of scenarios, the reference in ``twin/kinds/README.md`` and the
arrays of a run.
"""

from __future__ import annotations

from dataclasses import dataclass
from types import ModuleType

import numpy as np

UNITS = ("s", "1/s", "count", "ratio", "choice", "switch")
LATE = "late"  # in BREAKS: a time longer than any caller waits

# Parameters that act at the moment at which they are set, and are 0 again after it: nothing stays in force.
MOMENTARY = ("restart_ratio", "flush_ratio", "batch_count")

# The ways in which a service can be broken. BREAKS of a kind gives the parameters for each way that it has:
# {"down": {"fault_ratio": 1.0}, "slow": {"service_time_s": LATE}}.
HOWS = {
    "down": "every call fails",
    "slow": "it answers later than its callers wait",
    "partial": "half of the calls fail, or half of the capacity is gone",
}


@dataclass(frozen=True)
class Param:
    """One parameter of a kind or of a dependency.

    ``unit`` is one of UNITS. ``source`` is an id of ``data/sources.yaml`` or ``assumed: reason``; an assumed
    number has a plausible ``range`` (low, high) in the same unit. ``divided``: it is that of all zones
    together, and each zone has its part.
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
    divided: bool = False

    def encode(self, value: float | str | bool) -> float:
        """The value as the float that the compiled step reads: a choice is its position, a switch 0 or 1."""
        if self.unit == "choice":
            return float(self.choices.index(str(value)))
        return float(value)


def fault_ratio(meaning: str) -> Param:
    """The share of a service's work that fails by its own fault. Scenarios set it; it is no estimate."""
    why = "assumed: no fault of its own unless a scenario says so"
    return Param("fault_ratio", 0.0, "ratio", 0.0, 1.0, meaning, why, (0.0, 0.0))


def parameter_dtype(kind: ModuleType) -> np.dtype:
    """Record dtype of a kind's parameters: every field float64, in the order of PARAMETERS."""
    return np.dtype((np.record, [(p.name, "f8") for p in kind.PARAMETERS]))


def state_dtype(kind: ModuleType) -> np.dtype:
    """Record dtype of a kind's scalar state. A kind without state gets one unused field."""
    return np.dtype((np.record, list(kind.STATE) or [("unused", "i8")]))
