"""An event as its defenders saw it.

| Module | What it does |
|---|---|
| ``switches`` | turns defences into changes of a scenario |
| ``inquiry`` | makes the runs |
| ``analysis`` | says which holes had to line up, which pairs save more together, and until when each helps |
"""

from twin.experiments.barriers.analysis import (
    Effect,
    Findings,
    Pair,
    PairVerdict,
    SwitchVerdict,
    TurningPoint,
    findings,
    label,
)
from twin.experiments.barriers.inquiry import Inquiry, Inspected, barrier_runs, barriers
from twin.experiments.barriers.switches import combined, switched_on_late, switches_of

__all__ = [
    "Effect", "Findings", "Inquiry", "Inspected", "Pair", "PairVerdict", "SwitchVerdict", "TurningPoint",
    "barrier_runs", "barriers", "combined", "findings", "label", "switched_on_late", "switches_of",
]  # fmt: skip
