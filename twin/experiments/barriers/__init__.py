"""An event as its defenders saw it.

``switches`` makes changes of a scenario out of defences, ``inquiry`` has them run, ``analysis`` says what
came of it: which holes had to line up, which pairs do what neither does alone, until when each would have
helped.
"""

from twin.experiments.barriers.analysis import Effect, Findings, Pair, Search, findings, label
from twin.experiments.barriers.inquiry import Inquiry, most_runs
from twin.experiments.barriers.switches import combined, late, switches_of

__all__ = [
    "Effect",
    "Findings",
    "Inquiry",
    "Pair",
    "Search",
    "combined",
    "findings",
    "label",
    "late",
    "most_runs",
    "switches_of",
]
