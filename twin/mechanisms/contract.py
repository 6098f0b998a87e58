"""The contract of a kind's step: what it calls in every tick, in which order, and what must hold afterwards.

    intake   what is asked of the service           twin/mechanisms/calls.py has all five
    depend   what its dependencies make of its own calls
    expose   its capacity, what waits, its own share in the failures
    answer   what its callers may know
    tally    how many calls ended well, and how many did not

Each of the five notes that it was called; a kind that does the work of one by itself notes it with ``mark``.
In a run with ``debug`` the loop checks every step, and stops at the first breach.
"""

from __future__ import annotations

from twin.base.jit import njit
from twin.mechanisms.books import balanced

CALLS = ("intake", "depend", "expose", "answer", "tally")
INTAKE, DEPEND, EXPOSE, ANSWER, TALLY = range(1, 6)
KEPT = 0o12345  # each of them once, in this order
ROUNDING = 1e-9

CLAUSES = (
    "",
    "calls intake, depend, expose, answer and tally, each once and in this order",
    "exposes a capacity_per_s that is not negative, and a number",
    "exposes an own_blame between 0 and 1",
    "counts nothing below 0: offered, good, failed and backlog",
    "answers with a latency_s that is not negative, and a number",
    "answers with a share ok between 0 and 1",
    "keeps the books: every call that was sent to it is on its way, held by it, or has ended once",
    "keeps its own invariants (check)",
    "ends each call exactly once: what was sent is served, failed, timed out or in flight",
)
ORDER, CAPACITY, BLAME, COUNTS, LATENCY, OUTCOME, BOOKS, INVARIANT, CONSERVATION = range(1, 10)


@njit
def mark(panel, call):
    """Note that the step has come to ``call``, one of INTAKE … TALLY."""
    panel.called = panel.called << 3 | call


@njit
def broken_clause(w, i):
    """Which of CLAUSES the step of service ``i`` has broken in this tick; 0 for none."""
    panel = w.svc[i]
    if panel.called != KEPT:
        return ORDER
    if not panel.capacity_per_s >= 0.0:
        return CAPACITY
    if not -ROUNDING <= panel.own_blame <= 1.0 + ROUNDING:
        return BLAME
    if min(panel.offered, panel.good, panel.failed, panel.backlog) < 0:
        return COUNTS
    if not panel.latency_s >= 0.0:
        return LATENCY
    for n in range(panel.in_start, panel.in_end):
        if not -ROUNDING <= w.edge[w.incoming[n]].ok <= 1.0 + ROUNDING:
            return OUTCOME
    return 0 if balanced(w, i) else BOOKS


def called(panel) -> list[str]:
    """The calls that a step has made, in their order."""
    digits = oct(int(panel["called"]) & (1 << 60) - 1)[2:].lstrip("0")
    return [CALLS[int(digit) - 1] for digit in digits]
