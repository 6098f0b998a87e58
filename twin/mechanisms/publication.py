"""What neighbours may know is published: after every tick inside a domain, else after every signal period.

The real system: an outcome travels back with each call, and a dashboard or an SDK sees the sum of many. The
claim: nobody reads what was written in the same tick, so neither order nor placement can change a result.
A caller is told that there is something new; while there is not, it need not look (``blocks.py``). Left out:
delays that differ from call to call; an edge with a delay has one.
"""

from __future__ import annotations

from twin.base.jit import njit
from twin.mechanisms.arrays import LINE_VALUES, OWN, PERIOD
from twin.mechanisms.books import held, publish_books
from twin.mechanisms.causes import first_open, is_quiet, reason_to_ask
from twin.mechanisms.event_ids import halves, whole
from twin.mechanisms.requests.records import COUNTED


@njit
def publish_near(t, w):
    """Let callers and callees inside a domain see each other's side, after every tick."""
    for n in range(len(w.near)):
        publish(t, w, w.near[n])


@njit
def publish_all(t, w):
    """At the end of a period let all do so, and say what loads each dependency, as seen before. What services
    of other shards do among each other is nothing to this one."""
    for n in range(len(w.mine)):
        i = w.mine[n]
        panel = w.svc[i]
        if panel.out_start < panel.out_end:
            publish_loads(t, w, i)
        for e in range(panel.out_start, panel.out_end):
            publish(t, w, e)
    for n in range(len(w.heard)):
        publish(t, w, w.heard[n])


@njit
def publish(t, w, e):
    """Let the two sides of dependency ``e`` see each other."""
    r = w.edge[e]
    ok, latency_s, headroom = r.visible_ok, r.visible_latency_s, r.visible_headroom
    r.sent_calls, r.calls = r.calls, 0
    r.sent_total += r.sent_calls
    if r.cross_domain == 0:  # else the callee has told at the end of its period, if there was news
        tell_causes(w.svc[r.callee], r)
    r.visible_input = r.input
    if r.line_slots > 0:
        delayed(t, w, e)
    else:
        r.visible_ok, r.visible_latency_s, r.visible_headroom = r.ok, r.latency_s, r.headroom
        r.visible_event, r.visible_closed = r.event, r.closed
        publish_books(r)
    same = r.visible_ok == ok and r.visible_latency_s == latency_s
    if r.visible_headroom != headroom and r.utilisation_ratio > 0.0:
        same = False
    if not same or r.visible_held > 0:
        w.svc[r.caller].has_news = 1


@njit
def tell_causes(panel, r):
    """Write on a dependency what its caller may name as a cause."""
    r.event, r.closed, r.input = panel.trouble, panel.trouble_end, panel.input_event


@njit
def spread_news(w, i):
    """At the end of a period: tell all callers of service ``i`` what they may name, if that has changed."""
    panel = w.svc[i]
    same = panel.trouble == panel.shown and panel.trouble_end == panel.shown_end
    if same and panel.input_event == panel.shown_input:
        return
    panel.shown, panel.shown_end, panel.shown_input = panel.trouble, panel.trouble_end, panel.input_event
    for n in range(panel.in_start, panel.in_end):
        tell_causes(panel, w.edge[w.incoming[n]])


@njit
def publish_loads(t, w, i):
    """Say how many calls a second service ``i`` sends over each dependency, for the time of day, how many as
    a rule, and why more. Say too which event of the callee it has named as a cause."""
    panel, st = w.svc[i], w.stations[i]
    day_s = w.clock[PERIOD] * w.tick_s[0] * panel.load_ratio
    first = first_open(w, i, OWN)
    second = first_open(w, i, first) if first != OWN else OWN
    for e in range(panel.out_start, panel.out_end):
        r = w.edge[e]
        total = r.sent_total + r.calls
        if st.role != COUNTED:
            total = w.links[e].all_sent * st.weight
        r.sent_load_per_s = (total - r.calls_before) / day_s if day_s > 0.0 else 0.0
        r.calls_before = total
        if is_quiet(t, w):
            r.sent_usual_per_s = max(r.sent_usual_per_s, r.sent_load_per_s)
        other = second if first == e else first
        r.sent_cause = reason_to_ask(w, e, w.edge[other].visible_event if other != OWN else 0)
        r.sent_named = r.named


@njit
def delayed(t, w, e):
    """Outcomes of an edge with a delay travel along a line of ``line_slots`` publications."""
    r = w.edge[e]
    step = t if r.cross_domain == 0 else t // w.clock[PERIOD]
    at = r.line + LINE_VALUES * (step % r.line_slots)
    r.visible_ok, r.visible_latency_s, r.visible_headroom = w.line[at], w.line[at + 1], w.line[at + 2]
    r.visible_event = whole(w.line[at + 3], w.line[at + 8])
    r.visible_closed = whole(w.line[at + 4], w.line[at + 9])
    r.visible_served, r.visible_failed = int(w.line[at + 5]), int(w.line[at + 6])
    r.visible_held = int(w.line[at + 7])
    w.line[at], w.line[at + 1], w.line[at + 2] = r.ok, r.latency_s, r.headroom
    w.line[at + 3], w.line[at + 8] = halves(r.event)
    w.line[at + 4], w.line[at + 9] = halves(r.closed)
    w.line[at + 5], w.line[at + 6], w.line[at + 7] = float(r.served), float(r.failed), float(held(r))
