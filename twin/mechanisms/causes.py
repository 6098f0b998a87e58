"""What lies behind trouble: one rule for the events of all services and kinds.

The real system. Engineers who write a timeline afterwards follow calls from caller to callee, until they come
to what somebody changed or to a mechanism that did harm by itself. The claim. The cause of trouble is, in
this order: what is open at the dependency with the largest share of the failed (or late) calls; the service's
own mechanism at work; the last change that acts on the service itself, an input or more load. A caller
is behind its callee's trouble by its load only, and then an event ``more_load`` stands between them. It names
the caller and how many times the usual calls come. Left out. Several causes of one onset: the largest
counts.
"""

from __future__ import annotations

import math

from twin.base.event_ids import SPELL_SERIAL
from twin.base.jit import njit
from twin.base.thresholds import (
    CHANCE_SIGMAS,
    DEGRADED_RATIO,
    HOLD_S,
    LOAD_RATIO,
    METASTABLE_S,
    QUIET_S,
    RECOVERED_S,
    SIGN_RATIO,
)
from twin.mechanisms.arrays import (
    ASYNC,
    IMPAIRED_SPELL,
    LOADED_SPELL,
    MORE_LOAD,
    OWN,
    PERIOD,
    SIGN_SPELL,
    SPELLS,
)
from twin.mechanisms.calls import emit_own, write_event
from twin.mechanisms.event_ids import number_of, serial_of, tick_of

# Serial numbers of spells' events. Those of other events are below, so no two events have one number.
TROUBLE, TROUBLE_ENDED, LOAD_ROSE = SPELL_SERIAL, SPELL_SERIAL + 1, SPELL_SERIAL + 2


@njit
def spell_event(tick, i, what):
    """The id of an event of a spell that begins or ends at ``tick``; ``what``: TROUBLE to LOAD_ROSE."""
    return number_of(tick, i, what)


@njit
def culprit(w, i):
    """The dependency with the largest share of the failed calls, or OWN. Where calls are late rather than
    failed, it is the one that adds most to the usual wait. Edges are in the order of names.

    What brings a loop of dependencies down comes from outside, even if most calls fail by the loop soon. So
    dependencies in a loop count only where nothing else fails.
    """
    panel = w.svc[i]
    if panel.failing_ratio < SIGN_RATIO:
        return slowest(w, i)
    worst, most = OWN, panel.own_blame
    for e in range(panel.out_start, panel.out_end):
        r = w.edge[e]
        if r.in_loop == 0 and r.blame > most:
            worst, most = e, r.blame
    return worst if most >= SIGN_RATIO else most_failing(w, i, worst, most)


@njit
def most_failing(w, i, worst, most):
    """The dependency that fails the largest share of the calls, if that is above ``most``; else ``worst``."""
    panel = w.svc[i]
    for e in range(panel.out_start, panel.out_end):
        if w.edge[e].blame > most:
            worst, most = e, w.edge[e].blame
    return worst


@njit
def slowest(w, i):
    """The dependency that adds most to the usual wait, or OWN, if the service itself adds more. Work that is
    late here may wait for a dependency that fails: it is tried again until that works."""
    panel = w.svc[i]
    worst, most = OWN, panel.latency_s - panel.quiet_latency_s
    for e in range(panel.out_start, panel.out_end):
        most -= w.edge[e].wait_s - w.edge[e].quiet_wait_s
    for e in range(panel.out_start, panel.out_end):
        added_s = w.edge[e].wait_s - w.edge[e].quiet_wait_s
        if added_s > most:
            worst, most = e, added_s
    return worst if worst != OWN else most_failing(w, i, OWN, DEGRADED_RATIO)


@njit
def cause_seen(w, i, edge, is_last):
    """The event behind trouble of ``i`` that is seen over ``edge`` (or OWN); 0 if it cannot be told yet.

    News of a dependency come a period late, so it is looked for again; ``is_last``: not any more. Then the
    next best counts: an input at the dependency, whatever is open at any dependency, at last a mechanism that
    is at work by chance.
    """
    if edge != OWN:
        if w.edge[edge].visible_event != 0 or not is_last:
            return w.edge[edge].visible_event
        if w.edge[edge].visible_input != 0:
            return w.edge[edge].visible_input
    found = last_change(w, i, is_last)
    if found == 0 and is_last:
        other = first_open(w, i, OWN)
        return w.edge[other].visible_event if other != OWN else w.svc[i].own_event
    return found


@njit
def last_change(w, i, is_last):
    """What came last of all that acts on the service itself: its mechanism at work, an input, or more load.
    The load came when its own cause did; while that is not known, it counts only where there is nothing else.
    """
    panel, load = w.svc[i], w.spell[SPELLS * i + LOADED_SPELL]
    pushed = load.cause if load.since >= 0 else 0
    last = max(panel.own_event if panel.own_cause != 0 else 0, panel.input_event, pushed)
    if load.since < 0 or last > pushed or (last == 0 and not is_last):
        return last
    if load.told == 0:
        load.told = 1
        write_event(w, load.event, MORE_LOAD, w.edge[load.edge].caller, load.latency_ratio, load.cause)
    return load.event


@njit
def first_open(w, i, without):
    """The first dependency, in the order of names, with an open event, or OWN. ``without`` is left out."""
    panel = w.svc[i]
    for e in range(panel.out_start, panel.out_end):
        if e != without and w.edge[e].visible_event != 0:
            return e
    return OWN


@njit
def behind(w, i):
    """The event behind something that the kind's own mechanism does now: what it did before or what changed
    since; at first, what is open at a dependency that fails."""
    edge = OWN if w.svc[i].own_event != 0 else most_failing(w, i, OWN, DEGRADED_RATIO)
    return cause_seen(w, i, edge, True)


@njit
def begin_own(t, w, i, k, value, cause):
    """The kind's mechanism is at work from now on: its event number ``k``. ``cause``: 0 by chance."""
    w.svc[i].own_event, w.svc[i].own_cause = emit_own(t, w, i, k, value, cause), cause
    show_trouble(w, i)


@njit
def end_own(t, w, i, k, value):
    """What ``begin_own`` said is over, by the last change here, or by itself."""
    panel = w.svc[i]
    cause = max(panel.input_event, panel.own_event, panel.own_closed)
    panel.own_closed = emit_own(t, w, i, k, value, cause)
    panel.own_event = 0
    show_trouble(w, i)


@njit
def show_trouble(w, i):
    """Bring up to date what callers may name as a cause: an impairment, else the mechanism at work, else a
    first sign of trouble."""
    panel = w.svc[i]
    panel.trouble = w.spell[SPELLS * i + IMPAIRED_SPELL].event
    if panel.trouble == 0:
        panel.trouble = panel.own_event
    if panel.trouble == 0:
        panel.trouble = w.spell[SPELLS * i + SIGN_SPELL].event


@njit
def show_end(t, w, i):
    """Bring up to date what callers may name as the end of a cause: a recovery, or the end of the mechanism.

    A recovery is certain after RECOVERED_S, and has its time and id before. Callers recover together with
    their callee, so they are told at once; ``closing_cause`` waits.
    """
    panel, worse = w.svc[i], w.spell[SPELLS * i + IMPAIRED_SPELL]
    panel.trouble_end = max(panel.closed_event, panel.own_closed)
    if worse.told != 0 and worse.until <= t:
        panel.trouble_end = max(panel.trouble_end, spell_event(worse.until, i, TROUBLE_ENDED))


@njit
def is_quiet(t, w):
    """Whether what comes and how long it takes is still taken as undisturbed."""
    return t * w.tick_s[0] < QUIET_S


@njit
def has_grown(calls, usual):
    """Whether the calls of a period are more than usual, and not by chance."""
    return calls >= LOAD_RATIO * usual and calls - usual >= CHANCE_SIGMAS * math.sqrt(max(usual, 1.0))


@njit
def grown_caller(w, i, period_s):
    """The incoming dependency that brings more load than usual at this time of day, or OWN.

    It is the one whose calls have grown most, if all calls have grown. Work that is handed over is load of
    another sort, and counts by itself.
    """
    panel = w.svc[i]
    if panel.load_ratio > 0.0 and panel.in_end > panel.in_start:
        if has_grown(panel.p_offered / panel.load_ratio, panel.quiet_offered_per_s * period_s):
            return heaviest_caller(w, i)
    if panel.async_in == 0:
        return OWN
    for n in range(panel.in_start, panel.in_end):
        r = w.edge[w.incoming[n]]
        if r.mode == ASYNC and has_grown(r.sent_load_per_s * period_s, r.sent_usual_per_s * period_s):
            return w.incoming[n]
    return OWN


@njit
def heaviest_caller(w, i):
    """The incoming dependency whose calls have grown most over the usual ones, or OWN where none brings any:
    the calls of a whole come to its zones."""
    panel = w.svc[i]
    worst, most = OWN, 0.0
    for n in range(panel.in_start, panel.in_end):
        r = w.edge[w.incoming[n]]
        if r.sent_total == 0:
            continue
        if worst == OWN or r.sent_load_per_s - r.sent_usual_per_s > most:
            worst, most = w.incoming[n], r.sent_load_per_s - r.sent_usual_per_s
    return worst


@njit
def times_usual(calls, usual):
    """How many times the usual load; a huge number where there usually is none."""
    return calls / usual if usual > 0.0 else 1e9 * (calls > 0.0)


@njit
def reason_to_ask(w, e, elsewhere):
    """Why the caller of dependency ``e`` may send more calls than usual: its input, more load on itself, its
    trouble, its last recovery, or trouble of another dependency (``elsewhere``); the first that there is.

    Trouble for which it blames the callee itself is no reason: it comes from there.
    """
    i = w.edge[e].caller
    panel, load, worse = w.svc[i], w.spell[SPELLS * i + LOADED_SPELL], w.spell[SPELLS * i + IMPAIRED_SPELL]
    if panel.input_event != 0:
        return panel.input_event
    if load.since >= 0 and load.cause != 0:
        return load.cause
    if panel.own_event != 0:
        return panel.own_event
    if worse.event != 0 and worse.edge != e:
        return worse.event
    return panel.closed_event if panel.closed_event != 0 else elsewhere


@njit
def look_for_cause(t, w, i, s):
    """From the second period on, when all that began in the first is known, until HOLD_S have passed."""
    if s.cause == 0 and t >= s.since + w.clock[PERIOD]:
        s.cause = cause_seen(w, i, s.edge, (t + 1 - s.since) * w.tick_s[0] >= HOLD_S)


@njit
def closing_cause(t, w, i, s):
    """The last of what ended the trouble of spell ``s``: the end of trouble at the blamed dependency, an
    input there or here, the end of the own mechanism. Where none is known, it is the trouble itself, which
    wore off."""
    panel = w.svc[i]
    last = later(s, later(s, s.event, panel.input_event), panel.own_closed)
    if s.edge == OWN:
        return last
    last, ended = later(s, last, w.edge[s.edge].visible_input), w.edge[s.edge].visible_closed
    is_certain = serial_of(ended) < TROUBLE or (t + 1 - tick_of(ended)) * w.tick_s[0] >= RECOVERED_S
    return later(s, last, ended) if is_certain else last


@njit
def later(s, event, other):
    """The later of two events, of which ``other`` counts only if it came before the spell's end."""
    return max(event, other) if tick_of(other) <= s.until else event


@njit
def forget_input(t, w, i):
    """An input that is over is no cause of later trouble: not after a recovery, nor when half an hour has
    passed without trouble."""
    panel = w.svc[i]
    if panel.input_over == 0 or w.spell[SPELLS * i + SIGN_SPELL].since >= 0:
        return
    past_s = (t - tick_of(panel.input_event)) * w.tick_s[0]
    if panel.closed_event > panel.input_event or past_s >= METASTABLE_S:
        panel.input_event = panel.input_over = 0
