"""Measures that one family alone has: bursts, starts, stores, caches, connections, leases, breakers."""

from __future__ import annotations

import numpy as np

from .measures import FEW_COUNT, STORES, Case, hits, measures
from .tables import Floats, Recorded, Requests

HIT_S = 0.001
ALL_BUT_FEW = 0.99


# --- C05: a burst


def _burst(case: Case) -> Requests:
    return case.run.users()


@measures(r"burst\.(served|lost)")
def count_of_burst(case: Case, what: str) -> float:
    served = int(_burst(case).is_served.sum())
    return float(served if what == "served" else len(_burst(case).start_s) - served)


@measures(r"burst\.last_good_after_s")
def last_good_answer(case: Case) -> float:
    users = _burst(case)
    return float(users.latency_s[users.is_served].max(initial=0.0))


@measures(r"burst\.first_loss_after_s")
def first_loss(case: Case) -> float:
    users = _burst(case)
    lost_s = users.latency_s[~users.is_served]
    return float(lost_s.min()) if lost_s.size else float("nan")


@measures(r"burst\.lost_rate_series")
def losses_by_bin(case: Case) -> Floats:
    users, bin_s = _burst(case), case.measure.bin_s or 1.0
    return np.histogram(users.end_s[~users.is_served], bin_s * np.arange(case.bins + 1))[0] / bin_s


# --- C06: instances that start


def _instances(case: Case) -> Floats:
    """Instances that serve, at the end of each interval."""
    per_instance = case.p["workers_per_instance"] / case.p["service_mean_s"]
    return case.run.level("serve", "capacity_per_s") / per_instance


@measures(r"instances\.serving_series")
def instances_by_moment(case: Case) -> Floats:
    return case.moments(_instances(case))


@measures(r"instances\.all_serving_instant")
def all_serve(case: Case) -> float:
    """When the last restart is over, within the horizon."""
    run, horizon_s = case.run, case.p["horizon_s"]
    away = _instances(case)[: run.at(horizon_s) + 1] < case.p["instances"] - 0.5
    last_s = (np.flatnonzero(away).max(initial=-1) + 1) * run.interval_s
    return float(min(last_s, horizon_s))


@measures(r"instances\.started_total")
def starts(case: Case) -> float:
    ok = case.run.edge("serve", "boot", "served")
    return float(ok[case.run.within((0.0, case.p["horizon_s"]))].sum())


# --- C09, C17: work that is stored


@measures(r"outbox\.full_instant")
def store_full(case: Case) -> float:
    stored = case.run.edge(*STORES["outbox"], "stored_count")
    full = np.flatnonzero(stored > case.p["buffer"] - 0.5)
    return float(full[0] * case.run.interval_s) if full.size else case.p["horizon_s"]


@measures(r"outbox\.lost_total")
def lost_at_the_store(case: Case) -> float:
    """Dropped, or refused, which a user sees as an error."""
    refused = case.run.users().is_one_of("failed").sum() if case.p["policy"] == "fail" else 0
    return float(case.run.edge(*STORES["outbox"], "lost").sum() + refused)


@measures(r"outbox\.accepted_total")
def stored_in_all(case: Case) -> float:
    return float(case.run.edge(*STORES["outbox"], "sent").sum())


@measures(r"(outbox|queue)\.drained_instant")
def drained(case: Case, store: str) -> float:
    run, end_s = case.run, case.p["fault_end_s"]
    stored = run.edge(*STORES[store], "stored_count")[: run.at(case.p["horizon_s"]) + 1]
    few = np.flatnonzero(stored[run.at(end_s) + 1 :] < FEW_COUNT)
    return float(end_s + (few[0] + 1) * run.interval_s) if few.size else case.p["horizon_s"]


@measures(r"handled_rate_series")
def handled_by_bin(case: Case) -> Floats:
    return case.binned(case.run.edge(*STORES["queue"], "served")) / case.run.interval_s


@measures(r"queue\.oldest_age_series")
def oldest_by_moment(case: Case) -> Floats:
    return case.moments(case.run.edge(*STORES["queue"], "oldest_age_s"))


@measures(r"handling_age_max")
def longest_handling(case: Case) -> float:
    return float(case.run.edge(*STORES["queue"], "longest_age_s").max())


# --- C10: a cache


@measures(r"cache\.hit_ratio\.\w+")
def hit_ratio(case: Case) -> float:
    users = case.run.users().started(case.window)
    return len(hits(users, HIT_S).start_s) / max(1, len(users.start_s))


@measures(r"cache\.hit_ratio_series")
def hit_ratio_by_bin(case: Case) -> Floats:
    users = case.run.users()
    edges_s = (case.measure.bin_s or 1.0) * np.arange(case.bins + 1)
    asked, _ = np.histogram(users.start_s, edges_s)
    found, _ = np.histogram(hits(users, HIT_S).start_s, edges_s)
    return found / np.maximum(1, asked)


# --- C11: connections


@measures(r"pool\.open_series")
def open_by_moment(case: Case) -> Floats:
    """Connections that are open, without those in handshake."""
    in_use_or_idle = case.run.edge("pool", "auth", "open_count") - case.run.edge("pool", "auth", "in_flight")
    return case.moments(in_use_or_idle, after=0)


@measures(r"pool\.waiting_series")
def waiting_by_moment(case: Case) -> Floats:
    return case.moments(case.run.level("pool", "backlog_count"))


# --- C14: servers that follow the load


@measures(r"pool\.instances_series")
def servers_by_moment(case: Case) -> Floats:
    """After starts that are due at the moment, and before one is removed at it."""
    servers = case.run.level("pool", "capacity_per_s") * case.p["service_mean_s"]
    before = np.concatenate([servers[:1], servers[:-1]])
    return case.moments(np.maximum(servers, before))


# --- C16: many servers


@measures(r"(late_share|latency_served_mean)\.(c\d+)")
def of_many_servers(case: Case, what: str, suffix: str) -> float:
    users = case.runs[suffix].users().started(case.window)
    chosen = ~users.is_served if what == "late_share" else users.latency_s[users.is_served]
    return float(np.mean(chosen))


# --- C18: leases


def _healthy(run: Recorded) -> Floats:
    """Holders with a valid lease at the end of each interval."""
    return run.level("a", "capacity_per_s")


@measures(r"healthy_share_end\.(x[\d.]+)")
def healthy_at_the_end(case: Case, suffix: str) -> float:
    return float(_healthy(case.runs[suffix])[-1]) / case.p["servers_A"]


@measures(r"recovered_share\.(x[\d.]+)")
def leases_recovered(case: Case, suffix: str) -> float:
    return float(healthy_at_the_end(case, suffix) >= ALL_BUT_FEW)


@measures(r"healthy_share_series\.(x[\d.]+)")
def healthy_by_moment(case: Case, suffix: str) -> Floats:
    return case.moments(_healthy(case.runs[suffix]), case.runs[suffix]) / case.p["servers_A"]


@measures(r"boundary_x")
def boundary(case: Case) -> float:
    """The smallest share that does not recover; 1.1 if all do."""
    bad = [x for x in case.p["xs"] if not leases_recovered(case, f"x{x:g}")]
    return min(bad, default=1.1)


# --- C19: a breaker


def _not_closed(case: Case) -> Floats:
    """Share of each interval in which the breaker was open or half-open."""
    caller, callee = case.p["breaker_on"].split("->")
    run = case.run
    refused, sent = run.edge(caller, callee, "refused_by_client"), run.edge(caller, callee, "sent")
    return refused / np.maximum(1, refused + sent)


@measures(r"breaker\.openings")
def openings(case: Case) -> float:
    caller, callee = case.p["breaker_on"].split("->")
    return float(case.run.edge(caller, callee, "opened").sum())


@measures(r"breaker\.not_closed_share\.\w+")
def share_not_closed(case: Case) -> float:
    return float(_not_closed(case)[case.run.within(case.window)].mean())


@measures(r"breaker\.closed_after_end_s")
def closed_after(case: Case) -> float:
    run, end_s = case.run, case.p["fault_end_s"]
    refusing = np.flatnonzero(_not_closed(case)[run.at(end_s) + 1 :] > 0.0)
    return float((refusing.max(initial=-1) + 1) * run.interval_s)
