"""Small systems drawn at random: services in a graph, how they call each other, and a fault.

A system is a plain dictionary of services, as ``small_scenarios`` writes them, and a list of faults. The same
number always gives the same system.
"""

from __future__ import annotations

from random import Random
from typing import Any, NamedTuple

DURATION_S = 140.0
FAULT_S = (40.0, 80.0)
PER_S = 8.0  # users

Calls = list[dict[str, Any]]


class Small(NamedTuple):
    """Services by name, and faults."""

    services: dict[str, dict[str, Any]]
    faults: list[dict[str, Any]]


def draw_system(number: int) -> Small:
    """System ``number``: two to six services behind one group of users, and one or two faults."""
    random = Random(number)
    names = [f"s{k}" for k in range(random.randint(2, 6))]
    callees = _graph(random, names)
    services: dict[str, dict[str, Any]] = {"users": _users(random, names[0])}
    rates = dict.fromkeys(names, 0.0) | {names[0]: PER_S}
    for name in names:
        calls = _calls(random, callees[name])
        for call in calls:
            alternatives = sum(other.get("one_of") is not None for other in calls)
            part = 1.0 / alternatives if "one_of" in call else 1.0
            rates[call["on"]] += rates[name] * call.get("share", 1.0) * call.get("times", 1) * part
        services[name] = {**_service(random, rates[name]), "calls": calls}
    stations = [
        name for name in names if "servers_count" in services[name] and "evaluation_s" not in services[name]
    ]
    if stations and random.random() < 0.2:
        _bootstrapped(random, services, random.choice(stations))
    if random.random() < 0.15:
        services["holders"] = _holders(random, names)
    return Small(services, _faults(random, services))


def _graph(random: Random, names: list[str]) -> dict[str, list[str]]:
    """Each service but the first has a caller before it; some have two."""
    callees: dict[str, list[str]] = {name: [] for name in names}
    for k, name in enumerate(names[1:], 1):
        callers = {random.choice(names[:k])} | (
            {random.choice(names[:k])} if random.random() < 0.3 else set()
        )
        for caller in sorted(callers):
            callees[caller].append(name)
    return callees


def _holders(random: Random, names: list[str]) -> dict[str, Any]:
    """Holders of leases, which one of the services renews."""
    call = {"on": random.choice(names), "timeout_s": random.choice([0.3, 2.0])}
    return {"kind": "lease_holders", "holders_count": 40, "renew_every_s": 10.0, "lease_s": 15.0,
            "retry_every_s": 3.0, "calls": [call]}  # fmt: skip


def _bootstrapped(random: Random, services: dict[str, dict[str, Any]], name: str) -> None:
    """Turn the servers of a station into instances that a small station starts."""
    service = services[name]
    service |= {"instances_count": service["servers_count"], "servers_count": 1}
    call = {"on": "boot", "mode": "bootstrap", "timeout_s": random.choice([2.0, 20.0]), "backoff_s": 0.5}
    service["calls"] = [*service["calls"], call]
    services["boot"] = {"kind": "queueing", "service": "exponential", "service_time_s": 0.0, "calls": [],
                        "work_s": random.choice([0.3, 1.0]), "servers_count": 1}  # fmt: skip


def _users(random: Random, first: str) -> dict[str, Any]:
    patience_s = random.choice([0.5, 1.0, 3.0, 10.0])
    return {"kind": "workload", "rate_per_s": PER_S, "calls": [{"on": first, "timeout_s": patience_s}]}


def _service(random: Random, per_s: float) -> dict[str, Any]:
    """A relay, a station of servers or workers, or one without a limit; busy to a third up to nine tenths."""
    kind = random.choice(["relay", "servers", "servers", "workers", "unlimited"])
    if kind == "relay":
        return {"kind": "relay", "service_time_s": random.choice([0.0, 0.01, 0.05])}
    work_s = random.choice([0.01, 0.05, 0.2])
    station = {"kind": "queueing", "service": random.choice(["deterministic", "exponential", "exponential"]),
               "service_time_s": random.choice([0.0, 0.0, 0.01]), "work_s": work_s}  # fmt: skip
    needed = max(1, round(per_s * work_s / random.uniform(0.33, 0.9) + 0.5))
    if kind == "servers":
        station["servers_count"] = needed
        if random.random() < 0.15:
            station |= {"target_utilisation_ratio": 0.6, "evaluation_s": 5.0, "scale_out_lag_s": 8.0,
                        "cooldown_s": 10.0, "most_servers_count": 30,
                        "scale_in_evaluations_count": 3}  # fmt: skip
    elif kind == "workers":
        station["workers_count"] = needed + random.choice([2, 5, 20])
    if kind != "unlimited" and random.random() < 0.4:
        station["buffer_count"] = random.choice([0, 3, 20])
    return station


def _calls(random: Random, callees: list[str]) -> Calls:
    calls = [_call(random, callee) for callee in callees]
    hard = [call for call in calls if call["mode"] == "hard"]
    if len(hard) > 1:
        how = random.choice(["serial", "parallel", "one_of", "fallback", "partition"])
        if how == "parallel":
            is_fast = random.random() < 0.5
            for call in hard:
                call |= {"parallel": "group", "fail_fast": is_fast}
        elif how == "one_of":
            others = random.randint(0, len(hard) - 1)
            for call in hard:
                call.pop("share", None)
                call.pop("times", None)
                call |= {"one_of": "group", "weight": random.choice([1.0, 3.0]), "failover_count": others}
        elif how == "fallback":
            hard[1].pop("share", None)
            hard[0]["fallback"] = hard[1]["on"]
        elif how == "partition":
            for call in hard:
                call["share"] = 1.0 / len(hard) if len(hard) in (2, 4) else 1.0
    return calls


def _call(random: Random, callee: str) -> dict[str, Any]:
    modes = ["hard"] * 12 + ["soft"] * 3 + ["fire_and_forget", "async", "cached", "new_connections"]
    mode = random.choice(modes)
    call: dict[str, Any] = {"on": callee, "mode": mode}
    if mode == "async":
        return call | _store(random)
    limit_s = random.choice([0.1, 0.3, 1.0, 1.0, 3.0])
    call["timeout_s"] = round(limit_s * random.uniform(0.9, 1.1), 4)  # two equal ones may end in a tie
    if mode == "cached":
        call |= {"keys_count": random.choice([20, 100]), "lifetime_s": random.choice([5.0, 30.0]),
                 "coalesce": random.random() < 0.5,
                 "popularity": random.choice(["uniform", "zipf"])}  # fmt: skip
    elif mode == "new_connections":
        call |= {"connections_count": 40, "initial_connections_count": random.choice([0, 20]),
                 "lifetime_s": random.choice([5.0, 50.0])}  # fmt: skip
    elif random.random() < 0.3:
        call["share"] = random.choice([0.3, 0.7])
    if mode in ("hard", "soft") and random.random() < 0.2:
        call["times"] = random.choice([2, 3])
    return call | _policies(random)


def _store(random: Random) -> dict[str, Any]:
    store = {"store_count": random.choice([10, 100, 1000]), "backoff_s": 1.0,
             "when_full": random.choice(["drop", "fail", "block"])}  # fmt: skip
    return store | ({"drain_per_s": 12.0} if random.random() < 0.3 else {})


def _policies(random: Random) -> dict[str, Any]:
    """What the client does after a failure, and instead of calling."""
    given: dict[str, Any] = {}
    if random.random() < 0.5:
        jitter = random.choice(["none", "equal", "full", "exponential", "decorrelated"])
        given |= {
            "retries": random.randint(1, 3),
            "backoff_s": random.choice([0.01, 0.1, 0.5]),
            "jitter": jitter,
        }
        if random.random() < 0.2:
            given |= {"retry_budget_ratio": 0.1, "retry_budget_count": 10}
        if random.random() < 0.15:
            given["deadline_s"] = random.choice([0.5, 2.0])
    if random.random() < 0.15:
        given |= {
            "breaker_failures_count": 5,
            "breaker_open_s": 5.0,
            "breaker_probes_count": random.choice([1, 3]),
        }
    elif random.random() < 0.1:
        given |= {"breaker_error_ratio": 0.4, "breaker_window_count": 20, "breaker_open_s": 4.0,
                  "breaker_probes_count": 5}  # fmt: skip
    return given


def _faults(random: Random, services: dict[str, dict[str, Any]]) -> list[dict[str, Any]]:
    begin, end = FAULT_S
    faults = [{"at": begin, "until": end, "set": _fault(random, services)}]
    if random.random() < 0.3:
        faults.append({"at": end + 10.0, "until": end + 20.0, "set": _fault(random, services)})
    return faults


def _fault(random: Random, services: dict[str, dict[str, Any]]) -> dict[str, Any]:
    name = random.choice(sorted(services))
    service = services[name]
    if name == "users":
        return random.choice(
            [{"users.rate_ratio": 2.0}, {"users.rate_ratio": 0.5}, {"users.batch_count": 50}]
        )
    choices: list[dict[str, Any]] = [
        {f"{name}.fault_ratio": random.choice([0.3, 1.0])},
        {f"{name}.silent_ratio": random.choice([0.3, 1.0])},
        {f"{name}.slow_ratio": random.choice([0.3, 1.0]), f"{name}.slow_s": random.choice([0.4, 2.0])},
        {f"{name}.service_time_s": random.choice([0.2, 1.5])},
    ]
    if service["kind"] == "lease_holders":
        return {"holders.lapse_ratio": random.choice([0.3, 1.0])}
    for call in service["calls"]:
        edge = f"{name}->{call['on']}"
        if call["mode"] == "cached":
            choices += [{f"{edge}.flush_ratio": random.choice([0.5, 1.0])}] * 2
        elif "retries" in call:
            choices.append({f"{edge}.retries": 0, f"{edge}.timeout_s": 0.2})
    if "instances_count" in service:
        choices += [{f"{name}.restart_ratio": random.choice([0.5, 1.0])}] * 4
    if service["kind"] == "queueing":
        choices += [{f"{name}.capacity_ratio": random.choice([0.0, 0.5])}] * 2
    return random.choice(choices)
