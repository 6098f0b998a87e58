"""A service without a mechanism: it works when what it depends on works.

The real system. None: this is what a dependency graph alone would say. `twin replay` compares the score of
the model with a model of relays only (without feedback). The claim. Without queues, caches, leases and health
checks an outage ends when its cause ends. Left out. Everything else.
"""

from __future__ import annotations

from twin.base.jit import njit
from twin.base.rng import FAIL
from twin.mechanisms.blocks import at_rest
from twin.mechanisms.books import ended_requests
from twin.mechanisms.calls import answer, depend, expose, intake, tally_by_chance
from twin.mechanisms.dependencies import ENDLESS
from twin.mechanisms.draws import FLOW, declare
from twin.mechanisms.own_calls import work_begins
from twin.mechanisms.requests.parameters import FAULT_PARAMETERS
from twin.model.kind import About
from twin.model.parameter import LATE, Param

PARAMETERS = (
    Param("capacity_per_s", 1000.0, "1/s", 0.001, 1e12, "nominal rate; only printed",
          "assumed: only a scale", (100.0, 10_000.0)),
    Param("service_time_s", 0.02, "s", 0.0, 3600.0, "time that the service itself takes",
          "assumed: a fast API call", (0.005, 0.2)),
    Param("fault_ratio", 0.0, "ratio", 0.0, 1.0, "share of calls that fail here; faults change it",
          "assumed: no fault of its own unless a scenario says so", (0.0, 0.0)),
    Param("own_per_s", 0.0, "1/s", 0.0, 1e12,
          "calls that begin here: those of customers, or of work of its own",
          "assumed: none unless given", (0.0, 0.0)),
    *FAULT_PARAMETERS,
)  # fmt: skip
BREAKS = {
    "down": {"fault_ratio": 1.0},
    "slow": {"service_time_s": LATE},
    "partial": {"fault_ratio": 0.5},
}
ABOUT = About(
    one_by_one="program",
    is_plain=True,
    why_passive="a relay keeps nothing: it fails while what it needs fails, and is well when that is well",
)
DRAWS = declare(own=FLOW, failed=FAIL)
STATE: list[tuple[str, str]] = []
EVENTS: tuple[str, ...] = ()


def cells(p, callers, tick_s: float) -> int:
    """A relay keeps nothing."""
    return 0


def init(p, s, c, callers, tick_s: float) -> None:
    """Nothing to fill."""


@njit
def configure(w, i, p, st):
    """What a relay tells the clockwork of single calls: very many workers, and its faults."""
    st.whole_request, st.base_slots, st.delay_s, st.error_s = 1, -1, p.service_time_s, p.error_s
    st.fault_ratio, st.fails_after, st.silent_ratio = p.fault_ratio, int(p.fails), p.silent_ratio
    st.slow_ratio, st.slow_s, st.places, st.admitted_ratio = p.slow_ratio, p.slow_s, 1e12, 1.0
    st.retry_on_reject, st.rate_per_s = 1, p.own_per_s / st.weight


@njit
def capacity(w, i, p):
    """The calls a second that reports show where calls are stepped one by one."""
    return p.capacity_per_s


@njit
def step(t, w, i, p, s, c):
    """One tick: fail as the dependencies fail."""
    n = intake(t, w, i) + work_begins(t, w, i, DRAWS.own, p.own_per_s)
    w.svc[i].offered = n
    ok, wait_s = depend(t, w, i, n)
    ok *= 1.0 - p.fault_ratio
    expose(w, i, p.capacity_per_s, 0, p.fault_ratio)
    answer(w, i, ok, p.service_time_s + wait_s)
    done, well = ended_requests(w, i)
    tally_by_chance(t, w, i, DRAWS.failed, done, 1.0 - well * (1.0 - p.fault_ratio))
    at_rest(w, i, ENDLESS)


@njit
def check(p, s, c):
    """Nothing to check."""
    return True
