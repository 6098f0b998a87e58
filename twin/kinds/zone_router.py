"""The regional front of a service that stands in several zones: it shares calls out over them.

The real system. A customer calls EC2's API in the Region. A launch may name a zone. Then it is carried out
there or fails. Or it names none, and is placed in a zone that can carry it out. Other services that stand in
zones are seen as one by reports, by responders and by callers, as DWFM and Network Manager are.

The claim. The loss of one zone costs the calls that name it, and no others. While all zones are alike, the
front changes nothing: as many calls succeed as with one zone of the size of all. When one zone is back before
others, it also gets the calls of others that name no zone.

How. Each dependency of mode hard is a zone, as large as its ``weight``. A call goes to one of them. Which
share goes where is set at the beginning of a signal period, from what the zones then say of themselves. The
share that succeeds is the mean over calls. The loader writes a front for each service with ``per: zone``
(twin/simulation/by_zone.py). Of such a front, calls, capacity and backlog are the sums over its zones, and
latency is the mean by weight (twin/mechanisms/zones.py).

Left out: limits of the front itself, and launches that are tried again in another zone after a failure.
"""

from __future__ import annotations

from twin.base.jit import njit
from twin.base.rng import FAIL
from twin.mechanisms.arrays import HARD
from twin.mechanisms.books import ended_requests
from twin.mechanisms.calls import answer, depend, draw, expose, intake, tally
from twin.mechanisms.draws import declare
from twin.model.kind import About
from twin.model.parameter import Param, fault_ratio

PARAMETERS = (
    Param("elsewhere_ratio", 0.5, "ratio", 0.0, 1.0,
          "share of calls that name no zone, and go where calls succeed",
          "assumed: unpublished; groups of instances name several zones, and single launches name one",
          (0.2, 0.8)),
    fault_ratio("share of calls that fail in the front; faults change it"),
)  # fmt: skip
BREAKS = {"down": {"fault_ratio": 1.0}, "partial": {"fault_ratio": 0.5}}
ABOUT = About(
    fronts_zones=True,
    why_passive="a front keeps nothing: it fails while its zones fail, and is well when they are",
)
DRAWS = declare(failed=FAIL)
STATE: list[tuple[str, str]] = []
EVENTS: tuple[str, ...] = ()


def cells(p, callers, tick_s: float) -> int:
    """A front keeps nothing."""
    return 0


def init(p, s, c, callers, tick_s: float) -> None:
    """Nothing to fill."""


@njit
def share_out(w, i, elsewhere_ratio):
    """Set which share of the calls goes to each zone: by size, and of those that name none by success."""
    panel = w.svc[i]
    size = well = 0.0
    for e in range(panel.out_start, panel.out_end):
        r = w.edge[e]
        if r.mode == HARD:
            size += r.weight
            well += r.weight * max(0.0, r.visible_ok)
    for e in range(panel.out_start, panel.out_end):
        r = w.edge[e]
        if r.mode == HARD and size > 0.0:
            named = r.weight / size
            free = r.weight * max(0.0, r.visible_ok) / well if well > 0.0 else named
            r.share = named + elsewhere_ratio * (free - named)


@njit
def step(t, w, i, p, s, c):
    """One tick: each call goes to one zone, and fails as that one fails."""
    panel = w.svc[i]
    n = intake(t, w, i)
    if panel.is_still == 0 or panel.has_news != 0:
        share_out(w, i, p.elsewhere_ratio)
    ok, wait_s = depend(t, w, i, n)
    works = 1.0 - p.fault_ratio
    expose(w, i, panel.capacity_per_s, panel.backlog, p.fault_ratio)  # as its zones last said
    answer(w, i, ok * works, wait_s)
    done, well = ended_requests(w, i)
    failed = draw(t, w, i, DRAWS.failed, done, 1.0 - well * works)
    tally(w, i, done - failed, failed)


@njit
def check(p, s, c):
    """Nothing to check."""
    return True
