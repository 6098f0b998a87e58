"""Each family of compositions as scenarios: parameters of an instance → the systems that it is about.

Most families have one system. Some compare several, which the dictionary names as the measures do.
"""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

from .instance import Instance
from .words import DRAIN_S, System, Yaml, call, down, fault, numbers, station, users

Numbers = dict[str, Any]
Family = Callable[[Numbers, Numbers], dict[str, System]]

FAMILIES: dict[str, Family] = {}


def systems(instance: Instance) -> dict[str, System]:
    """Suffix of the measures → the system. The suffix is empty where there is one system."""
    return FAMILIES[instance.family](instance.parameters, instance.facts)


def _family(name: str) -> Callable[[Family], Family]:
    def add(function: Family) -> Family:
        FAMILIES[name] = function
        return function

    return add


def _one(
    p: Numbers, services: dict[str, Yaml], *faults: Yaml | None, drain_s: float = DRAIN_S
) -> dict[str, System]:
    return {"": System(services, p["horizon_s"], [x for x in faults if x is not None], drain_s)}


def _fault(p: Numbers, to: Yaml, name: str = "fault") -> Yaml | None:
    start_s = p.get("fault_start_s")
    return None if start_s is None else fault(name, start_s, to, p.get("fault_end_s"))


@_family("C01")
def worker_pool(p: Numbers, facts: Numbers) -> dict[str, System]:
    """Workers are held while they wait for a dependency, which becomes slow."""
    to_dep = call("dep", timeout_s=p["dep_timeout_s"])
    services = {
        "users": users(p["rate_per_s"], "svc", p["patience_s"]),
        "svc": station(to_dep, workers_count=p["workers"], buffer_count=p["queue_limit"]),
        "dep": station(mean_s=p["dep_mean_s"]),
    }
    return _one(p, services, _fault(p, {"dep.work_s": p["dep_mean_fault_s"]}))


@_family("C02")
def chain(p: Numbers, facts: Numbers) -> dict[str, System]:
    """A time-out at each hop of a chain; the last service becomes slow."""
    services = {
        "users": users(p["rate_per_s"], "a", p["patience_s"]),
        "a": station(call("b", timeout_s=p["T_ab_s"], attempts=p["attempts_ab"]), mean_s=p["own_a_s"]),
        "b": station(call("c", timeout_s=p["T_bc_s"], attempts=p["attempts_bc"]), mean_s=p["own_b_s"]),
        "c": station(mean_s=p["c_mean_s"]),
    }
    return _one(p, services, _fault(p, {"c.service_time_s": p["delay_s"]}))


@_family("C03")
def back_off(p: Numbers, facts: Numbers) -> dict[str, System]:
    """Retries after pauses that double, against quick failures."""
    to_callee = call(
        "callee", attempts=p["attempts"], timeout_s=p.get("timeout_s"),
        backoff_s=p["base_s"], backoff_cap_s=3600.0, jitter=p["jitter"] or "none",
    )  # fmt: skip
    services = {
        "users": users(p["rate_per_s"], "s", p["patience_s"]),
        "s": station(to_callee),
        "callee": station(mean_s=p["ok_mean_s"], error_s=p["error_s"]),
    }
    return _one(p, services, _fault(p, {"callee.fault_ratio": p["fail_share"]}))


@_family("C04")
def grey_failure(p: Numbers, facts: Numbers) -> dict[str, System]:
    """A share of the calls takes long."""
    mode = "soft" if p["soft"] else "hard"
    to_dep = call("dep", mode, timeout_s=p["timeout_s"], attempts=p["attempts"])
    services = {
        "users": users(p["rate_per_s"], "s", p["patience_s"]),
        "s": station(to_dep, workers_count=p["workers"], buffer_count=p["queue_limit"]),
        "dep": station(mean_s=p["normal_mean_s"]),
    }
    return _one(p, services, _fault(p, {"dep.slow_ratio": p["long_share"], "dep.slow_s": p["long_s"]}))


@_family("C05")
def burst(p: Numbers, facts: Numbers) -> dict[str, System]:
    """Many calls at one moment, through a relay to a station; beside them users who come at random."""
    to_station = call("station", timeout_s=p["timeout_s"], attempts=p["attempts"], pause_s=p["pause_s"])
    services = {
        "users": users(0.0, "relay", batch_count=0),
        "background": users(p["rate_per_s"], "relay"),
        "relay": station(to_station),
        "station": station(mean_s=p["service_s"], service=_law(p["service"]), servers_count=p["servers"]),
    }
    if not p["rate_per_s"]:
        del services["background"]
    work_s = p["calls"] * p["attempts"] * p["service_s"] / p["servers"]
    come = fault("burst", p["burst_at_s"], {"users.batch_count": p["calls"]})
    return _one(p, services, come, drain_s=DRAIN_S + 2.0 * work_s)


def _law(word: str) -> str:
    """The distribution of a time of service, in the words of a scenario."""
    return "deterministic" if word == "constant" else word


@_family("C06")
def cold_start(p: Numbers, facts: Numbers) -> dict[str, System]:
    """Instances restart; each start needs one job of a slow station."""
    jitter = "full" if p["pause_jitter"] else "none"
    to_boot = call("boot", "bootstrap", timeout_s=p["boot_timeout_s"], pause_s=p["pause_s"], jitter=jitter)
    services = {
        "users": users(p["rate_per_s"], "serve", p["patience_s"]),
        "serve": station(
            to_boot, mean_s=p["service_mean_s"], instances_count=p["instances"],
            servers_count=p["workers_per_instance"], buffer_count=p["user_queue_limit"],
        ),
        "boot": station(mean_s=p["boot_mean_s"], servers_count=1, buffer_count=p["boot_queue_limit"]),
    }  # fmt: skip
    return _one(p, services, *_restarts(p, facts))


def _restarts(p: Numbers, facts: Numbers) -> list[Yaml]:
    """All at once, or so many an hour, one after another."""
    start_s, count, per_hour = p["fault_start_s"], p["instances"], p["per_hour"]
    if not per_hour:
        return [fault("restart", start_s, {"serve.restart_ratio": 1.0})]
    if facts.get("fault_is_random"):
        return [fault("restart", start_s, {"serve.restarts_per_s": per_hour / 3600.0 / count})]
    one = {"serve.restart_ratio": 1.0 / count}
    times_s = [start_s + n * 3600.0 / per_hour for n in range(count)]
    return [fault(f"restart-{n}", at_s, one) for n, at_s in enumerate(times_s) if at_s < p["horizon_s"]]


@_family("C07")
def cells(p: Numbers, facts: Numbers) -> dict[str, System]:
    """A router and cells, of which one fails; with or without another try elsewhere."""
    names = [f"cell{n}" for n in range(len(p["weights"]))]
    routes = [
        call(name, one_of="cells", weight=weight, timeout_s=p["timeout_s"], failover_count=int(p["failover"]))
        for name, weight in zip(names, p["weights"], strict=True)
    ]
    stations = {
        name: station(mean_s=p["service_mean_s"], servers_count=servers, buffer_count=p["queue_limit"])
        for name, servers in zip(names, p["servers"], strict=True)
    }
    services = {
        "users": users(p["rate_per_s"], "router", p["patience_s"]),
        "router": station(*routes),
        **stations,
    }
    bad = names[p["bad_cell"]]
    ill = {f"{bad}.work_s": p["slow_s"]} if p["slow_s"] else down(bad, p["fault"])
    if p["slow_s"] and facts.get("fault_is_constant"):
        ill = {f"{bad}.slow_ratio": 1.0, f"{bad}.slow_s": p["slow_s"]}
    return _one(p, services, _fault(p, ill))


@_family("C08")
def soft_but_waited_for(p: Numbers, facts: Numbers) -> dict[str, System]:
    """A soft dependency that is silent, and is waited for until its time-out."""
    to_soft = call("soft", "soft", timeout_s=p["soft_timeout_s"])
    services = {
        "users": users(p["rate_per_s"], "s", p["patience_s"]),
        "s": station(
            to_soft, mean_s=p["own_mean_s"], workers_count=p["workers"], buffer_count=p["queue_limit"]
        ),
        "soft": station(mean_s=p["soft_mean_s"]),
    }
    return _one(p, services, _fault(p, down("soft", "silent")))


@_family("C09")
def outbox(p: Numbers, facts: Numbers) -> dict[str, System]:
    """A store with a size in front of a consumer that is paused."""
    to_store = call("consumer", "async", store_count=p["buffer"], when_full=p["policy"])
    services = {
        "users": users(p["rate_per_s"], "producer", p["patience_s"]),
        "producer": station(
            to_store, mean_s=facts["own_mean_s"], workers_count=p["workers"], buffer_count=p["queue_limit"]
        ),
        "consumer": station(mean_s=p["consumer_mean_s"], servers_count=1),
    }
    return _one(p, services, _fault(p, down("consumer", "paused")), drain_s=600.0)


@_family("C10")
def look_aside_cache(p: Numbers, facts: Numbers) -> dict[str, System]:
    """A cache in front of a database: the database is away for a time, later entries are lost."""
    to_db = call(
        "db", "cached", timeout_s=p["fetch_timeout_s"], lifetime_s=p["ttl_s"], keys_count=p["keys"],
        popularity=p["popularity"], zipf_exponent=p["zipf_s"], coalesce=p["coalesce"], hit_s=0.001,
    )  # fmt: skip
    services = {
        "users": users(p["rate_per_s"], "api", p.get("patience_s")),
        "api": station(to_db),
        "db": station(mean_s=p["db_mean_s"], servers_count=p["db_servers"], buffer_count=p["db_queue_limit"]),
    }
    flush = p["flush_at_s"] and fault("flush", p["flush_at_s"], {"api->db.flush_ratio": p["flush_share"]})
    return _one(p, services, _fault(p, down("db", "refuse")), flush or None)


@_family("C11")
def connection_pool(p: Numbers, facts: Numbers) -> dict[str, System]:
    """Connections that die, and an authenticator that new ones need."""
    to_auth = call(
        "auth", "new_connections", timeout_s=p["handshake_timeout_s"], connections_count=p["max_conns"],
        initial_connections_count=p["start_conns"], lifetime_s=p["life_mean_s"],
    )  # fmt: skip
    services = {
        "users": users(p["rate_per_s"], "pool", p["patience_s"]),
        "pool": station(to_auth, mean_s=p["hold_mean_s"]),
        "auth": station(mean_s=p["auth_mean_s"], servers_count=p["auth_servers"]),
    }
    return _one(p, services, _fault(p, down("auth", p["mode"])))


@_family("C12")
def fan_out(p: Numbers, facts: Numbers) -> dict[str, System]:
    """Several calls for each request, one after another or all at once; a share of them fails."""
    parallel = p["mode"] == "parallel"
    to_dep = call(
        "dep", attempts=p["attempts"], times=p["k"], parallel="fan-out" if parallel else None,
        fail_fast=p["fail_fast"] if parallel else None,
    )  # fmt: skip
    services = {
        "users": users(p["rate_per_s"], "s"),
        "s": station(to_dep),
        "dep": station(mean_s=p["dep_mean_s"], servers_count=p["dep_servers"], fails="after_work"),
    }
    return _one(p, services, _fault(p, {"dep.fault_ratio": p["fail_share"]}))


@_family("C13")
def secondary(p: Numbers, facts: Numbers) -> dict[str, System]:
    """A second Region that is called when the first fails, and has users of its own."""
    to_primary = call("primary", timeout_s=p["T1_s"], fallback="secondary")
    services = {
        "users": users(p["rate_per_s"], "s", p["patience_s"]),
        "users2": users(p["own2_rate_per_s"], "secondary", p["patience_s"]),
        "s": station(to_primary, call("secondary", timeout_s=p["T2_s"])),
        "primary": station(mean_s=p["primary_mean_s"]),
        "secondary": station(
            mean_s=p["sec_mean_s"], servers_count=p["sec_servers"], buffer_count=p["sec_queue_limit"]
        ),
    }
    return _one(p, services, _fault(p, down("primary", p["mode"], p["fail_share"])))


@_family("C14")
def autoscaling(p: Numbers, facts: Numbers) -> dict[str, System]:
    """The load steps up; the number of servers follows their utilisation, late."""
    pool = station(
        mean_s=p["service_mean_s"], servers_count=p["start_instances"], target_utilisation_ratio=p["target"],
        evaluation_s=p["period_s"], scale_out_lag_s=p["lag_s"], cooldown_s=p["cooldown_s"],
        least_servers_count=p["min_instances"], most_servers_count=p["max_instances"],
        scale_in_evaluations_count=p["in_periods"],
    )  # fmt: skip
    services = {"users": users(p["rate_per_s"], "pool", p["patience_s"]), "pool": pool}
    more = {"users.rate_per_s": p["rate_per_s"] * p["step_factor"]}
    return _one(p, services, fault("step", p["fault_start_s"], more, p["step_end_s"]))


@_family("C15")
def fast_station(p: Numbers, facts: Numbers) -> dict[str, System]:
    """A station with times of milliseconds, far below a tick."""
    services = {
        "users": users(p["rate_per_s"], "station", p["timeout_s"]),
        "station": station(mean_s=p["service_s"], service=_law(p["service"]), servers_count=p["servers"]),
    }
    return _one(p, services)


@_family("C16")
def many_servers(p: Numbers, facts: Numbers) -> dict[str, System]:
    """The same utilisation with few and with many servers."""
    found = {}
    for count, horizon_s in zip(p["servers"], p["horizons_s"], strict=True):
        services = {
            "users": users(p["rho"] * count / p["service_mean_s"], "station", p["timeout_s"]),
            "station": station(mean_s=p["service_mean_s"], servers_count=count),
        }
        found[f"c{count}"] = System(services, horizon_s)
    return found


@_family("C17")
def queue_behind_an_api(p: Numbers, facts: Numbers) -> dict[str, System]:
    """Messages wait in a store while their consumer is paused or slow; a share is handled again."""
    to_store = call("consumer", "async")
    consumer = station(
        mean_s=p["consumer_mean_s"],
        servers_count=p["consumers"],
        fault_ratio=p["redo_share"],
        fails="after_work",
    )
    services = {
        "users": users(p["rate_per_s"], "api", p.get("patience_s", 1.0)),
        "api": station(to_store, mean_s=p["api_mean_s"]),
        "consumer": consumer,
    }
    slow = p["slow_factor"] and {"consumer.work_s": p["consumer_mean_s"] * p["slow_factor"]}
    return _one(p, services, _fault(p, slow or down("consumer", "paused")), drain_s=600.0)


BLIP_INTERVAL_S = 0.1  # a renewal takes a thirtieth of a second


@_family("C18")
def lease_loop(p: Numbers, facts: Numbers) -> dict[str, System]:
    """Leases that are renewed at a station; a share of them lapses at one moment."""
    holders = {
        "kind": "lease_holders",
        "parameters": numbers(
            {
                "holders_count": p["servers_A"],
                "renew_every_s": p["renew_every_s"],
                "lease_s": p["lease_s"],
                "retry_every_s": p["retry_every_s"],
            }
        ),
        "dependencies": [call("b", timeout_s=p["timeout_s"])],
    }
    b = station(
        mean_s=p["renewal_work_s"], service=_law(p["work"]), servers_count=1, buffer_count=p["queue_limit"]
    )
    end_s = p["blip_at_s"] + p["observe_s"]
    blips = {x: fault("blip", p["blip_at_s"], {"a.lapse_ratio": x}) for x in p["xs"]}
    services = {"a": holders, "b": b}
    return {f"x{x:g}": System(services, end_s, [blip], 0.0, BLIP_INTERVAL_S) for x, blip in blips.items()}


BREAKER_WORDS = {"failures_count": "fails", "open_s": "open_s", "probes_count": "probes"}


@_family("C19")
def breaker(p: Numbers, facts: Numbers) -> dict[str, System]:
    """A circuit breaker in the middle of a chain."""
    breaks = {f"breaker_{word}": p[key] for word, key in BREAKER_WORDS.items()}
    at = {edge: breaks if p["breaker_on"] == edge else {} for edge in ("a->b", "b->c")}
    services = {
        "users": users(p["rate_per_s"], "a", p["patience_s"]),
        "a": station(call("b", timeout_s=p["T_ab_s"], **at["a->b"]), mean_s=p["own_mean_s"]),
        "b": station(call("c", timeout_s=p["T_bc_s"], **at["b->c"]), mean_s=p["own_mean_s"]),
        "c": station(mean_s=p["c_mean_s"]),
    }
    return _one(p, services, _fault(p, down("c", p["mode"], p["fail_share"])))


@_family("C20")
def retry_storm(p: Numbers, facts: Numbers) -> dict[str, System]:
    """Retries at two tiers, while a station has lost a part of its servers."""
    budget = {
        "retry_budget_ratio": p["budget"],
        "retry_budget_count": p["budget_cap"] if p["budget"] else None,
    }
    to_b = call("b", timeout_s=p["T_ab_s"], attempts=p["attempts_ab"], **budget)
    to_c = call("c", timeout_s=p["T_bc_s"], attempts=p["attempts_bc"], **budget)
    services = {
        "users": users(p["rate_per_s"], "a", p["patience_s"]),
        "a": station(to_b),
        "b": station(to_c),
        "c": station(mean_s=p["c_mean_s"], servers_count=p["c_servers"], buffer_count=p["c_queue_limit"]),
    }
    left = facts.get("fault_servers", p["c_servers"] / 2) / p["c_servers"]
    return _one(p, services, _fault(p, {"c.capacity_ratio": left}))


def title_of(family: str) -> str:
    """What happens in the systems of a family."""
    return (FAMILIES[family].__doc__ or "").partition("\n")[0].removesuffix(".")
