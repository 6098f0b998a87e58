"""Members that are checked in rounds, and turn after enough contrary results in a row.

A *pool* is 2 × RUNS cells from ``a``. The first half holds the members in service, by failed rounds in a row;
the second half the others, by passed rounds in a row. Only counts are kept; members of a cell are
exchangeable.

    in service        0 ─fail─▶ 1 ─fail─▶ …  unhealthy_count in a row ─time-out─▶ out of service, 0
                      ▲─────── pass ──────┘
    out of service    0 ─pass─▶ 1 ─pass─▶ …  ─pass, healthy_count in a row───▶ in service, 0
                      ▲─────── fail ──────┘

A check passes at once and fails by its time-out. So a round has two parts: ``check_round``, and a time-out
later ``take_out``.
"""

from __future__ import annotations

from twin.base.jit import njit
from twin.kinds.health_checked_pool.parameters import DRAWS, RUNS
from twin.mechanisms.calls import draw_cohort


@njit
def check_round(t, w, i, c, a, fail, back_count):
    """The checks of one round of the pool at ``a``. Returns how many came back."""
    back, passed, failed = 0, 0, 0
    for k in range(RUNS - 1, -1, -1):  # from the longest run, so that nobody is checked twice
        n = c[a + k]
        if n > 0:
            bad = draw_cohort(t, w, i, DRAWS.checked, a + k, n, fail)
            c[a + k] = 0
            c[a + min(k + 1, RUNS - 1)] += bad
            passed += n - bad
        n = c[a + RUNS + k]
        if n > 0:
            bad = draw_cohort(t, w, i, DRAWS.checked, a + RUNS + k, n, fail)
            good = n - bad if k + 1 >= back_count else 0
            c[a + RUNS + k] = 0
            c[a + RUNS + min(k + 1, RUNS - 1)] += n - bad - good
            back += good
            failed += bad
    c[a] += passed + back
    c[a + RUNS] += failed
    return back


@njit
def take_out(c, a, leave_count, may_leave):
    """Members in service with ``leave_count`` failed checks in a row leave, at most ``may_leave``.

    Returns how many."""
    left = 0
    for k in range(RUNS - 1, int(leave_count) - 1, -1):
        gone = min(c[a + k], max(0, may_leave - left))
        c[a + k] -= gone
        left += gone
    c[a + RUNS] += left
    return left


@njit
def merge(t, w, i, c, a, target, chance):
    """Members of the pool at ``a`` change to that at ``target``, each by ``chance``, and keep their runs."""
    for k in range(2 * RUNS):
        if c[a + k] > 0:
            moved = draw_cohort(t, w, i, DRAWS.settled, a + k, c[a + k], chance)
            c[a + k] -= moved
            c[target + k] += moved


@njit
def remove(c, a, pools, total, n):
    """Take ``n`` of the ``total`` members of ``pools`` pools from ``a`` on, from each cell in proportion."""
    for k in range(2 * RUNS * pools):
        if n == 0:
            return
        have = c[a + k]
        gone = n * have // total
        total -= have
        c[a + k] -= gone
        n -= gone


@njit
def total(c, a, length):
    """Members of ``length`` cells from ``a`` on."""
    n = 0
    for k in range(length):
        n += c[a + k]
    return n
