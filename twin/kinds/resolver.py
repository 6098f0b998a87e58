"""Resolver populations: how long a wrong answer outlives its repair.

The real system. Clients in us-east-1 do not ask DynamoDB's zone; they ask a recursive resolver, which keeps
an answer for its TTL. It keeps an empty answer without error (NODATA) too, for the smaller of the SOA's own
TTL and its MINIMUM. That is 900 s with Route 53's default SOA. Resolvers cut a long one to
`negative_ttl_cap_s`. Two populations mattered on 20 October: the resolvers of the internal network, which
operators overrode at 01:15, and all others.

The claim. An empty answer is a fresh answer, and replaces the good one within seconds. After the repair the
empty answers leave in a straight line over the negative TTL, because caches asked at different, evenly
distributed times. So 15 minutes pass between the repair and the last customer, whatever anybody does
meanwhile.

A *wrong* answer has addresses, behind which nothing is. It is kept for the TTL of a good one, and clients
cannot distinguish the two. So clients that use their last addresses when an answer is empty use a wrong
answer.

Events. ``answers_empty``: a hundredth of the clients gets an empty or a wrong answer; ``answers_back``: fewer
do.

Left out: single names and query types, SERVFAIL, resolvers that ignore TTLs. Serve-stale is left out because
it does not apply to a valid answer. Clients that keep negative answers of their own are one extra layer
(``client_negative_s``). Two parameters change only who is hurt. With ``last_good_ratio`` some clients go on
with their last addresses, which are taken to work. With ``zone_share_ratio`` clients use
several DNS zones, and only one of them breaks.
"""

from __future__ import annotations

import math

from twin.base.jit import njit
from twin.base.rng import FAIL, LOOKUP, OPEN
from twin.base.thresholds import DEGRADED_RATIO
from twin.mechanisms.calls import answer, draw, expose, intake, tally
from twin.mechanisms.causes import begin_own, behind, end_own
from twin.mechanisms.contract import DEPEND, mark
from twin.mechanisms.dependencies import miss_ratio
from twin.mechanisms.draws import declare
from twin.model.kind import About
from twin.model.parameter import Param, fault_ratio

PARAMETERS = (
    Param("caches_count", 100_000, "count", 1, 1e12, "resolver caches in the population",
          "assumed: large enough that shares are smooth", (1e4, 1e6)),
    Param("queries_per_s", 0.01, "1/s", 1e-6, 1e6, "questions a second that one cache gets for the name",
          "chosen: that customers come back over a quarter of an hour; since a first replay",
          (0.002, 1.0)),
    Param("positive_ttl_s", 5.0, "s", 0.001, 86400, "TTL of the endpoint's address records",
          "MEM", (1.0, 60.0)),
    Param("negative_ttl_s", 900.0, "s", 0.001, 86400,
          "how long an empty answer is kept: min(SOA TTL, MINIMUM)", "ROUTE53", (300.0, 900.0)),
    Param("negative_ttl_cap_s", 10_800.0, "s", 0.001, 86_400.0,
          "longest time that the resolvers keep an empty answer, whatever its TTL says; 1 to 3 h are usual",
          "RFC2308", (3600.0, 10_800.0)),
    Param("client_negative_s", 0.0, "s", 0, 86400,
          "negative answers kept by clients behind the resolver; 0 for none",
          "assumed: client caches respect the remaining TTL, so they add no delay", (0.0, 10.0)),
    Param("zone_share_ratio", 1.0, "ratio", 0.0, 1.0,
          "share of the clients that use the modelled DNS zone; the others use other zones",
          "assumed: one zone for the whole Region, as it was", (1.0, 1.0)),
    Param("last_good_ratio", 0.0, "ratio", 0.0, 1.0,
          "share of the clients that go on with the addresses they last had when an answer is empty",
          "assumed: an empty answer is a valid answer, so nobody does", (0.0, 0.0)),
    Param("override", False, "switch", 0, 1,
          "answer the name from a response policy zone, whatever the authority says", "PE"),
    Param("override_rollout_s", 600.0, "s", 0.001, 86400, "time until the last resolver has the override",
          "chosen: that services come back soon after the override; since a first replay", (120.0, 1200.0)),
    fault_ratio("share of clients that get no answer; faults change it"),
)  # fmt: skip
BREAKS = {"down": {"fault_ratio": 1.0}, "partial": {"fault_ratio": 0.5}}
ABOUT = About(why_passive="caches forget by themselves: a wrong answer leaves within its time to live")
DRAWS = declare(asked=LOOKUP, answered=OPEN, misled=OPEN, well=FAIL)
STATE = [
    ("valid", "i8"), ("empty", "i8"), ("expired", "i8"), ("wrong", "i8"),
    ("well", "i8"), ("unserved", "i8"), ("behind", "i8"), ("overridden", "f8"),
]  # fmt: skip
EVENTS = ("answers_empty", "answers_back")
ANSWERS_EMPTY, ANSWERS_BACK = range(2)


@njit
def negative_s(p):
    """How long a resolver keeps an empty answer."""
    return min(p.negative_ttl_s, p.negative_ttl_cap_s)


def _slots(ttl_s: float, tick_s: float) -> int:
    return max(1, round(ttl_s / tick_s)) + 1


def cells(p, callers, tick_s: float) -> int:
    """One ring of expiry slots for good answers, one for empty ones, one for the clients' own layer, one for
    wrong answers."""
    ttls_s = (p.positive_ttl_s, negative_s(p), p.client_negative_s, p.positive_ttl_s)
    return sum(_slots(x, tick_s) for x in ttls_s) + 3


def init(p, s, c, callers, tick_s: float) -> None:
    """Every cache holds a good answer; expiry is spread evenly over the TTL."""
    sizes = [_slots(x, tick_s) for x in (p.positive_ttl_s, negative_s(p), p.client_negative_s)]
    c[:3] = sizes
    n, live = int(p.caches_count), sizes[0] - 1
    for k in range(live):
        c[3 + k] = n * (k + 1) // live - n * k // live
    s.valid, s.well, s.behind = n, n, n


@njit
def ttl_ticks(seconds, tick_s, slots):
    """A TTL in ticks, at least one, no longer than the ring that was laid out for it."""
    return min(max(1, int(round(seconds / tick_s))), slots - 1)


@njit
def refresh(t, w, i, p, s, c, ok, right):
    """Caches whose answer has expired ask again: what they get is kept for its own TTL. ``ok``: share of
    questions that are answered with addresses; ``right``: share of these that lead somewhere."""
    positive, negative, wrong = 3, 3 + c[0], 3 + c[0] + c[1] + c[2]
    at_positive, at_negative, at_wrong = positive + t % c[0], negative + t % c[1], wrong + t % c[0]
    s.valid -= c[at_positive]
    s.empty -= c[at_negative]
    s.wrong -= c[at_wrong]
    s.expired += c[at_positive] + c[at_negative] + c[at_wrong]
    c[at_positive] = c[at_negative] = c[at_wrong] = 0
    asked = s.expired
    if p.queries_per_s * w.tick_s[0] < 20.0:
        asked = draw(t, w, i, DRAWS.asked, s.expired, 1.0 - math.exp(-p.queries_per_s * w.tick_s[0]))
    good = draw(t, w, i, DRAWS.answered, asked, ok)
    misled = draw(t, w, i, DRAWS.misled, good, 1.0 - right) if right < 1.0 else 0
    s.expired -= asked
    s.valid += good - misled
    s.wrong += misled
    s.empty += asked - good
    until = (t + ttl_ticks(p.positive_ttl_s, w.tick_s[0], c[0])) % c[0]
    c[positive + until] += good - misled
    c[wrong + until] += misled
    c[negative + (t + ttl_ticks(negative_s(p), w.tick_s[0], c[1])) % c[1]] += asked - good
    return asked


@njit
def clients(t, w, p, s, c, ok):
    """Share of clients with an answer when they keep an empty one for ``client_negative_s`` themselves.

    A client stays with its cache. When the cache has an answer again, the client asks within the next
    ``client_negative_s``, at any moment alike. When the cache has lost it, the client notices at once.
    """
    if p.client_negative_s <= 0.0:
        return ok
    ring = 3 + c[0] + c[1]
    c_due = ring + t % c[2]
    s.unserved -= c[c_due]
    s.well += c[c_due]
    c[c_due] = 0
    served = int(round((s.well + s.unserved) * ok))
    if served > s.behind:
        last = ttl_ticks(p.client_negative_s, w.tick_s[0], c[2])
        for k in range(last):
            back = (served - s.behind) * (k + 1) // last - (served - s.behind) * k // last
            if k == 0:
                s.unserved -= back
                s.well += back
            else:
                c[ring + (t + k) % c[2]] += back
    else:
        lose_answers(s, c, ring, s.behind - served)
    s.behind = served
    return s.well / (s.well + s.unserved)


@njit
def lose_answers(s, c, ring, n):
    """``n`` clients lose their answer: those that have one first, then those that were about to ask."""
    gone = min(n, s.well)
    s.well -= gone
    s.unserved += gone
    n -= gone
    for k in range(ring, ring + c[2]):
        gone = min(n, c[k])
        c[k] -= gone
        n -= gone


@njit
def note_answers(t, w, i, unserved):
    """Say when caches begin to hold answers that help nobody, and when they have lost them."""
    if unserved >= DEGRADED_RATIO and w.svc[i].own_event == 0:
        begin_own(t, w, i, ANSWERS_EMPTY, unserved, behind(w, i))
    elif unserved < DEGRADED_RATIO and w.svc[i].own_event != 0:
        end_own(t, w, i, ANSWERS_BACK, unserved)


@njit
def step(t, w, i, p, s, c):
    """One tick: caches refresh from the authority, clients get what the caches (or the override) hold."""
    n = intake(t, w, i)
    panel = w.svc[i]
    ok, right = 1.0, 1.0
    for e in range(panel.out_start, panel.out_end):
        ok *= 1.0 - miss_ratio(w, e)
        right *= min(1.0, w.edge[e].visible_headroom)
        w.edge[e].blame = 1.0 - ok * right
    asked = refresh(t, w, i, p, s, c, ok, right)
    for e in range(panel.out_start, panel.out_end):
        w.edge[e].calls += asked
    mark(panel, DEPEND)
    every = s.valid + s.empty + s.wrong + s.expired
    share = (s.valid + s.expired * ok * right) / every
    if p.override != 0.0:
        s.overridden = min(1.0, s.overridden + w.tick_s[0] / p.override_rollout_s)
    elif s.overridden > 0.0:
        s.overridden = 0.0
    served = clients(t, w, p, s, c, s.overridden + (1.0 - s.overridden) * share)
    misled = min(1.0 - served, (1.0 - s.overridden) * (s.wrong + s.expired * ok * (1.0 - right)) / every)
    unserved = misled + (1.0 - p.last_good_ratio) * (1.0 - served - misled)
    served = 1.0 - p.zone_share_ratio * unserved
    blame = 0.0 if ok * right < 1.0 else 1.0 - served
    note_answers(t, w, i, 1.0 - served)
    served *= 1.0 - p.fault_ratio
    expose(w, i, float(s.valid), 0, max(blame, p.fault_ratio))
    answer(w, i, served, 0.002)
    good = draw(t, w, i, DRAWS.well, n, served)
    tally(w, i, good, n - good)


@njit
def check(p, s, c):
    """Every cache holds a good answer, a wrong one, an empty one, or none; the rings agree."""
    total = 0
    wrong = 3 + c[0] + c[1] + c[2]
    for k in range(3, wrong + c[0]):
        if c[k] < 0:
            return False
        if k < 3 + c[0] + c[1] or k >= wrong:
            total += c[k]
    kept = s.valid + s.wrong + s.empty
    return total == kept and s.expired >= 0 and kept + s.expired == int(p.caches_count)
