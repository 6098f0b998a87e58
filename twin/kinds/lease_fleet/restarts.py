"""Restarting the hosts of a lease fleet one after another, which empties their queues."""

from __future__ import annotations

from twin.base.jit import njit
from twin.kinds.lease_fleet.lease_host import (
    BACK_AT,
    DEAD,
    DONE,
    OK,
    RUNNING,
    WAITING,
    count_host,
    host_cells,
    ring_of,
)
from twin.kinds.lease_fleet.parameters import DRAWS, RESTARTS, RESTARTS_ENDED
from twin.mechanisms.calls import emit_own, flow
from twin.mechanisms.sampling import draw_context, sample_uniform


@njit
def restart(t, w, i, p, s, host, h):
    """Empty the host's queue, live and dead; its holders without lease wait until it is back."""
    count_host(s, host, -1)
    host[WAITING] += host[RUNNING]
    host[RUNNING] = host[DEAD] = host[DONE] = host[OK] = 0
    ring_of(s, host)[0][:] = 0
    u = sample_uniform(draw_context(t, w, i), DRAWS.boot, h)
    host[BACK_AT] = t + 1 + int(p.boot_s * (1.0 + 4.0 * u) / 3.0 / w.tick_s[0])
    s.away += 1
    count_host(s, host, 1)


@njit
def restart_wave(t, w, i, p, s, c):
    """Restart hosts that cannot work off their queue in time, in order, at the given rate, once."""
    going = p.restart_per_s > 0.0 and s.wave_at < s.hosts
    if going and s.wave_event == 0:
        s.wave_event = emit_own(t, w, i, RESTARTS, p.restart_per_s, w.svc[i].input_event)
        s.wave_count = 0
    if going:
        budget = flow(w, i, DRAWS.restarted, p.restart_per_s * w.tick_s[0])
        while s.wave_at < s.hosts:
            host = host_cells(s, c, s.wave_at)
            if host[RUNNING] + host[DEAD] > p.capacity_per_s / s.hosts * p.timeout_s:
                if budget == 0:
                    return
                restart(t, w, i, p, s, host, s.wave_at)
                s.wave_count += 1
                budget -= 1
            s.wave_at += 1
    if s.wave_event != 0:
        emit_own(t, w, i, RESTARTS_ENDED, float(s.wave_count), s.wave_event)
        s.wave_event = 0
    if p.restart_per_s <= 0.0:
        s.wave_at = 0
