"""Customers: calls that come from outside, independently of their results.

The real system. Millions of independent clients of a Region; none of them knows of the others.

The claim. First tries arrive at random (a Poisson process). The rate follows the hour of the day, and
failures do not change it. Set retries in the dependency, not in this kind. The headroom of a service depends
on the hour too. A service is sized for its peak, and ``utilisation_ratio`` of a dependency is meant at the
peak. So a loss that hurts nobody at night may hurt at noon.

Left out. The week, and people who come back later because they failed (a scenario may raise the rate).
"""

from __future__ import annotations

from twin.base.jit import njit
from twin.base.rng import ARRIVE, FAIL
from twin.mechanisms.blocks import at_rest
from twin.mechanisms.books import ended_requests
from twin.mechanisms.calls import answer, depend, expose, intake, tally_by_chance
from twin.mechanisms.dependencies import ENDLESS
from twin.mechanisms.draws import declare
from twin.mechanisms.own_calls import customers_come
from twin.model.kind import About
from twin.model.parameter import Param

PARAMETERS = (
    Param("rate_per_s", 100.0, "1/s", 0.0, 1e12, "calls per second, at the peak of the day",
          "assumed: only a scale", (10.0, 10_000.0)),
    Param("rate_ratio", 1.0, "ratio", 0.0, 1000.0, "multiplies the rate: a spike, or customers who stay away",
          "assumed: the usual load unless a scenario says otherwise", (1.0, 1.0)),
    Param("batch_count", 0.0, "count", 0.0, 1e12, "calls that all come at the moment at which this is set",
          "assumed: none unless given", (0.0, 0.0)),
    Param("swing_ratio", 0.0, "ratio", 0.0, 1.0,
          "how far load falls below its peak twelve hours later; read at the start",
          "assumed: the same at all hours unless given", (0.0, 0.0)),
    Param("peak_s", 0.0, "s", 0.0, 86_400.0, "time of day, in UTC, at which load peaks; read at the start",
          "assumed: means nothing without a swing", (0.0, 0.0)),
)  # fmt: skip
BREAKS: dict[str, dict[str, float]] = {}  # nobody depends on customers
ABOUT = About(
    is_customers=True,
    one_by_one="customers",
    why_passive="customers keep nothing: they call whatever becomes of it",
)
DRAWS = declare(came=ARRIVE, failed=FAIL)
STATE: list[tuple[str, str]] = []
EVENTS: tuple[str, ...] = ()


def cells(p, callers, tick_s: float) -> int:
    """Customers keep nothing."""
    return 0


def init(p, s, c, callers, tick_s: float) -> None:
    """Nothing to fill."""


@njit
def configure(w, i, p, st):
    """What customers tell the clockwork of single calls: their rate, and a herd that comes at this moment."""
    st.base_slots, st.whole_request = -1, 1
    st.rate_per_s = p.rate_per_s * p.rate_ratio * w.svc[i].load_ratio / st.weight
    if p.batch_count > 0.0:
        st.batch += int(p.batch_count / st.weight + 0.5)
        p.batch_count = 0.0


@njit
def capacity(w, i, p):
    """The requests a second that come, where calls are stepped one by one."""
    return p.rate_per_s * p.rate_ratio * w.svc[i].load_ratio


@njit
def step(t, w, i, p, s, c):
    """One tick: call, and count which calls came back well."""
    panel = w.svc[i]
    rate_per_s = p.rate_per_s * p.rate_ratio * panel.load_ratio
    n = intake(t, w, i) + customers_come(t, w, i, DRAWS.came, rate_per_s)
    n += int(p.batch_count)
    p.batch_count = 0.0
    panel.offered = n
    ok, wait_s = depend(t, w, i, n)
    expose(w, i, rate_per_s, 0, 0.0)
    answer(w, i, ok, wait_s)
    done, well = ended_requests(w, i)
    tally_by_chance(t, w, i, DRAWS.failed, done, 1.0 - well)
    at_rest(w, i, ENDLESS)


@njit
def check(p, s, c):
    """Nothing to check."""
    return True
