"""Restarting the hosts of a lease fleet one after another, which empties their queues."""

from __future__ import annotations

from twin.base.jit import njit
from twin.base.rng import DELAY, subkey, uniform
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
from twin.mechanisms.arrays import EDGE_CARRIES, REPLICATE, SEED, SERVICE_CARRIES
from twin.mechanisms.calls import emit
from twin.mechanisms.sampling import share


@njit
def restart(t, w, i, p, s, host, h):
    """Empty the host's queue, live and dead; its droplets without lease wait until it is back."""
    count_host(s, host, -1)
    host[WAITING] += host[RUNNING]
    host[RUNNING] = host[DEAD] = host[DONE] = host[OK] = 0
    ring_of(s, host)[0][:] = 0
    u = 0.5
    if w.svc[i].exact != 0:
        u = uniform(w.clock[SEED], subkey(w.svc[i].key, h), t, DELAY, w.clock[REPLICATE])
    host[BACK_AT] = t + 1 + int(p.boot_s * (1.0 + 4.0 * u) / 3.0 / w.tick_s[0])
    s.away += 1
    count_host(s, host, 1)


@njit
def restart_wave(t, w, i, p, s, c, begun, ended):
    """Restart hosts that cannot work off their queue in time, in order, at the given rate, once.

    ``begun``, ``ended``: codes of the events that say so.
    """
    going = p.restart_per_s > 0.0 and s.wave_at < s.hosts
    if going and s.wave_event == 0:
        s.wave_event = emit(t, w, i, begun, i, p.restart_per_s, w.svc[i].input_event)
        s.wave_count = 0
    if going:
        slot = EDGE_CARRIES * len(w.edge) + SERVICE_CARRIES * i + 11
        budget = share(1, p.restart_per_s * w.tick_s[0], w.carry, slot)
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
        emit(t, w, i, ended, i, float(s.wave_count), s.wave_event)
        s.wave_event = 0
    if p.restart_per_s <= 0.0:
        s.wave_at = 0
