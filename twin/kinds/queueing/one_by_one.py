"""What a station tells the clockwork of single calls (``twin/mechanisms/requests``), in each tick."""

from __future__ import annotations

import math

from twin.base.jit import njit
from twin.mechanisms.requests.records import HOLDERS, NOBODY

UNBOUNDED_PER_S = 1e9  # a capacity from here on is no bottleneck


@njit
def configure(w, i, p, st):
    """Slots, times, faults and limits as they are now. One simulated call stands for ``st.weight`` calls."""
    st.capacity_ratio = p.capacity_ratio
    st.whole_request = int(p.workers_count > 0 or not has_servers(p))
    st.work_s = work_s_of(p)
    slots = p.workers_count if p.workers_count > 0 else servers_of_station(p)
    set_base_slots(st, slots, p.capacity_ratio)
    st.is_random, st.delay_s, st.error_s = int(p.service), p.service_time_s, p.error_s
    st.fault_ratio, st.fails_after, st.silent_ratio = p.fault_ratio, int(p.fails), p.silent_ratio
    st.slow_ratio, st.slow_s = p.slow_ratio, p.slow_s
    st.places, st.discipline = p.buffer_count / st.weight, int(p.discipline)
    st.throttle_per_s, st.burst_count = p.throttle_per_s / st.weight, p.burst_count / st.weight
    st.admitted_ratio, st.retry_on_reject = p.admitted_ratio, int(p.retry_on_reject)
    st.patience_s, st.half_count = p.patience_s, p.half_capacity_backlog_count / st.weight
    present_scaling(p, st)


@njit
def has_servers(p):
    """Whether the own work needs one of a limited number of servers."""
    return (
        p.servers_count > 0
        or p.instances_count > 0
        or (p.capacity_per_s < UNBOUNDED_PER_S and p.work_s == 0.0)
    )


@njit
def servers_of_station(p):
    """How many servers there are; -1 for very many. A capacity without servers is that of one fast server."""
    if p.servers_count > 0:
        return p.servers_count
    if has_servers(p):
        return 1.0
    return 0.0 if p.capacity_ratio <= 0.0 else -1.0


@njit
def work_s_of(p):
    """Mean time of the own work: as given, or what the capacity of all servers leaves for a call."""
    if p.work_s > 0.0 or p.capacity_per_s >= UNBOUNDED_PER_S or p.capacity_per_s <= 0.0:
        return p.work_s
    return max(1.0, p.servers_count) / p.capacity_per_s


@njit
def set_base_slots(st, slots, ratio):
    """Whole slots: a part of one is a slower one, and ``st.weight`` slots are one."""
    exact = slots * ratio / st.weight
    if slots < 0.0:
        st.base_slots = NOBODY
    elif exact <= 0.0:
        st.base_slots = 0
    else:
        st.base_slots = int(math.ceil(exact - 1e-9))
        if st.whole_request == 0:
            st.work_s *= st.base_slots / exact


@njit
def present_scaling(p, st):
    """Autoscaling and instances."""
    st.target_ratio, st.evaluation_s, st.lag_s = p.target_utilisation_ratio, p.evaluation_s, p.scale_out_lag_s
    st.cooldown_s, st.patient_evaluations = p.cooldown_s, int(p.scale_in_evaluations_count)
    st.least, st.most = int(p.least_servers_count), int(p.most_servers_count)
    st.per_member = max(1, int(p.servers_count))
    st.restarts_per_s = p.restarts_per_s
    if p.restart_ratio > 0.0 and st.role != HOLDERS:
        st.lapse_ratio = p.restart_ratio
        p.restart_ratio = 0.0


@njit
def capacity(w, i, p):
    """Calls a second that the present slots can serve."""
    st = w.stations[i]
    if st.slots < 0 or st.work_s <= 0.0 or st.whole_request != 0:
        return p.capacity_per_s * p.capacity_ratio
    return st.slots / st.work_s * st.weight
