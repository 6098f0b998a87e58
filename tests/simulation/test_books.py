"""Every call ends once, and nobody counts more successes than the service that it called has served."""

from typing import Any

import numpy as np
import pytest

from twin.kinds import about, kinds_that, registry
from twin.model.scenario import Scenario
from twin.simulation import inline
from twin.simulation.run import schedule_for
from twin.simulation.world import Model, build

MODES = ("hard", "hard", "soft", "cached", "new_connections", "lease", "async")
STATION = {"queueing": {"capacity_per_s": (1.0, 50.0), "buffer_count": (5.0, 500.0)},
           "propagation_queue": {"capacity_per_s": (1.0, 50.0)},
           "poller": {"capacity_per_s": (1.0, 50.0)},
           "workload": {"rate_per_s": (1.0, 40.0)},
           "execution_pool": {"initial_ratio": (0.0, 1.0), "scale_per_s": (0.1, 10.0)},
           "lease_fleet": {"holders_count": (1000.0, 10_000.0), "hosts_count": (1.0, 5.0)},
           "relay": {"own_per_s": (0.0, 5.0)},
           "reconciler": {"objects_count": (100.0, 1000.0)}}  # fmt: skip


def quantities(values: dict[str, Any]) -> dict[str, Any]:
    return {name: {"value": value, "assumed": "a test"} for name, value in values.items()}


def scenario(services: dict[str, Any], duration_s: float, noise: str, faults: tuple = ()) -> Scenario:
    named = {name: {"name": name} | rest for name, rest in services.items()}
    return Scenario.model_validate({
        "scenario": "books", "start": "2025-10-20T00:00:00Z", "duration": duration_s, "sample": 10.0,
        "noise": noise, "seed": 3, "faults": faults, "requests": "counted",
        "topology": {"topology": "books", "services": named},
    })  # fmt: skip


def ran(case: Scenario) -> tuple[Model, np.ndarray]:
    """The arrays at the end of a run that checks its books in every tick, and its samples."""
    model = build(case, seed=case.seed, debug=True)
    rows = inline.run_inline(model, schedule_for(model, case), round(case.duration_s / case.tick_s))
    return model, np.concatenate(rows.samples)


def anything(rng: np.random.Generator) -> dict[str, Any]:
    """Three to eight services of any kinds; calls go from later names to earlier ones."""
    kinds = [k for k in registry() if about(k).one_by_one != "holders"]  # never stepped as counts
    customers = kinds_that("is_customers")
    services: dict[str, Any] = {}
    for k in range(int(rng.integers(3, 9))):
        kind = str(rng.choice(kinds))
        numbers = {name: float(rng.uniform(*span)) for name, span in STATION.get(kind, {}).items()}
        counts = {n: int(x) if n.endswith("_count") else x for n, x in numbers.items()}
        callees = [c for c in services if services[c]["kind"] not in customers]
        chosen = rng.choice(callees, min(len(callees), int(rng.integers(0, 4))), replace=False)
        services[f"s{k}"] = {
            "kind": kind, "domain": str(rng.choice(["one", "two"])), "parameters": quantities(counts),
            "dependencies": [called(rng, str(callee)) for callee in chosen],
        }  # fmt: skip
    return services


def called(rng: np.random.Generator, callee: str) -> dict[str, Any]:
    numbers = {
        "share": float(rng.choice([0.3, 1.0, 2.5])), "retries": int(rng.integers(0, 4)),
        "timeout_s": float(rng.choice([0.5, 3.0, 60.0])), "delay_s": float(rng.choice([0.0, 0.0, 25.0])),
        "breaker_error_ratio": float(rng.choice([0.0, 0.0, 0.5])),
        "new_connection_ratio": float(rng.choice([0.0, 0.2])),
    }  # fmt: skip
    return {"on": callee, "mode": str(rng.choice(MODES))} | quantities(numbers)


def broken(rng: np.random.Generator, services: dict[str, Any]) -> tuple:
    """Each service is hurt for a while in one of the ways of its kind, or not at all."""
    faults = []
    for name, service in services.items():
        ways = list(registry()[service["kind"]].BREAKS.values())
        if ways and rng.random() < 0.6:
            how = {k: v for k, v in ways[int(rng.integers(len(ways)))].items() if v != "late"}
            if how:
                faults.append({"id": f"f-{name}", "at": f"+{rng.integers(0, 200)}s",
                               "for": f"{rng.integers(20, 200)}s", "assumed": "a test",
                               "set": {f"{name}.{k}": v for k, v in how.items()}})  # fmt: skip
    return tuple(faults)


@pytest.mark.parametrize("noise", ["exact", "mean"])
@pytest.mark.parametrize("seed", range(24))
def test_every_call_ends_once_on_any_graph(seed: int, noise: str) -> None:
    """sent = served + failed + held by the callee + on its way, for every dependency, in every tick."""
    rng = np.random.default_rng(seed)
    services = anything(rng)
    edge = ran(scenario(services, 400.0, noise, broken(rng, services)))[0].state.edge
    held = edge["arrived"] - edge["served"] - edge["failed"]
    on_its_way = edge["sent_total"] - edge["arrived"]
    assert (held >= 0).all() and (on_its_way >= 0).all() and (on_its_way <= edge["sent_calls"]).all()
    assert (edge["visible_served"] <= edge["served"]).all()


RATE_PER_S, SPAN_S = 5.0, 300.0
ASKERS: dict[str, tuple[dict[str, Any], str, str, float]] = {  # kind → (parameters, mode, what it counts, …)
    "execution_pool": ({"capacity_count": 10_000, "initial_ratio": 0.0, "scale_per_s": 50.0}, "lease",
                       "standing", 0.0),
    "poller": ({"capacity_per_s": 50.0}, "hard", "done", 50.0),
    "propagation_queue": ({"capacity_per_s": 50.0}, "hard", "delivered", 50.0),
    "lease_fleet": ({"holders_count": 10_000, "hosts_count": 1, "broken_at_start_ratio": 1.0,
                     "workflow": "fifo", "capacity_per_s": 50.0, "timeout_s": 3600.0, "min_duration_s": 0.001,
                     "slot_s": 1.0}, "hard", "leased", 50.0),
    "reconciler": ({"objects_count": 1_000_000}, "hard", "", 50.0),
    "host_fleet": ({}, "hard", "", 50.0),
    "relay": ({}, "hard", "", 50.0),
}  # fmt: skip


@pytest.mark.parametrize("noise", ["exact", "mean"])
@pytest.mark.parametrize("kind", ASKERS)
def test_nobody_gets_more_than_was_served(kind: str, noise: str) -> None:
    """Ten times what a station can serve is asked of it, by callers that wait for ten minutes: what they have
    got is what it served, but for the calls of two ticks before the first news."""
    parameters, mode, counted, per_s = ASKERS[kind]
    numbers = quantities({"timeout_s": 600.0, "retries": 0})
    how = "async" if kind == "poller" else "hard"
    services = {
        "station": {"kind": "queueing", "parameters": quantities({"capacity_per_s": RATE_PER_S})},
        "asker": {"kind": kind, "parameters": quantities(parameters),
                  "dependencies": [{"on": "station", "mode": mode} | numbers]},
        "people": {"kind": "workload", "parameters": quantities({"rate_per_s": 50.0}),
                   "dependencies": [{"on": "asker", "mode": how} | numbers]},
    }  # fmt: skip
    services = {name: service | {"domain": "one"} for name, service in services.items()}
    case = scenario(services, SPAN_S, noise)
    model, samples = ran(case)
    served = int(model.state.edge["served"][model.edges.index(("asker", "station"))])
    if counted:
        got = int(model.states[kind][0][counted])
    else:
        mine = samples[samples["service"] == model.names.index("asker")]
        got = round(float(mine["goodput_per_s"].sum()) * case.sample_s)
    assert served == pytest.approx(RATE_PER_S * SPAN_S, rel=0.01)
    assert 0.8 * served <= got <= served + 2.0 * per_s + 4.0 * per_s**0.5
