"""Holders of leases that renew them at another service, one by one.

The real system. Servers hold a lease each and renew it at a store, well before it ends. A holder whose lease
has ended does not work. The claim. Renewals are little work while they are spread over time. If many leases
end together, their holders ask together, and again after each time-out. Above some share the store works for
attempts that nobody waits for any more, and the two services stay down together.

    leased ──renew_every_s──▶ asks ──good answer──▶ leased, for lease_s
                               ▲ │ error or time-out
                               └─┘ retry_every_s after the begin of the attempt

What is left out. Work that ends because its lease ends. The kind is stepped one by one only: a scenario in
which its calls are counted is refused. A fleet of millions is a ``lease_fleet``.
"""

from __future__ import annotations

from twin.base.jit import njit
from twin.mechanisms.draws import declare
from twin.model.kind import About, Strike
from twin.model.parameter import Param

PARAMETERS = (
    Param("holders_count", 100, "count", 1, 1_000_000, "holders of a lease; read at the start",
          "assumed: only a scale", (10, 1000)),
    Param("lease_s", 45.0, "s", 0.001, 1e7, "life of a lease, from the good answer",
          "assumed: three renewals in two lives", (45.0, 45.0)),
    Param("renew_every_s", 30.0, "s", 0.001, 1e7, "time from a good answer to the next attempt",
          "assumed: well before the end", (30.0, 30.0)),
    Param("retry_every_s", 5.0, "s", 0.001, 1e7, "time from the begin of a failed attempt to the next one",
          "assumed: a few seconds", (5.0, 5.0)),
    Param("lapse_ratio", 0.0, "ratio", 0.0, 1.0,
          "share of the holders that lose their lease, and ask again, at the moment at which this is set",
          "assumed: none unless a scenario says so", (0.0, 0.0)),
)  # fmt: skip
BREAKS = {"down": {"lapse_ratio": 1.0}}
ABOUT = About(
    one_by_one="holders",
    calls_until_well=lambda value: value("holders_count") / value("retry_every_s"),
    strikes=(Strike("lapse_ratio", "of the leases", "lapse at once"),),
    pace_s=lambda value: value("lease_s"),
)
DRAWS = declare()
STATE: list[tuple[str, str]] = []
EVENTS: tuple[str, ...] = ()


def cells(p, callers, tick_s: float) -> int:
    """The holders have rows of their own, see ``twin/mechanisms/requests/members.py``."""
    return 0


def init(p, s, c, callers, tick_s: float) -> None:
    """Nothing to fill."""


@njit
def configure(w, i, p, st):
    """What the holders tell the clockwork of single calls."""
    st.base_slots, st.whole_request, st.admitted_ratio, st.places = -1, 1, 1.0, 1e12
    st.lease_s, st.renew_s, st.retry_s = p.lease_s, p.renew_every_s, p.retry_every_s
    if p.lapse_ratio > 0.0:
        st.lapse_ratio = p.lapse_ratio
        p.lapse_ratio = 0.0


@njit
def capacity(w, i, p):
    """The holders whose lease is valid."""
    return float(w.stations[i].up * w.stations[i].weight)


@njit
def check(p, s, c):
    """Nothing to check."""
    return True
