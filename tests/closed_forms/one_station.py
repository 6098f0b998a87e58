"""Customers → one station: the small world in which the closed forms of queueing live."""

from typing import Any

import numpy as np
import pyarrow.compute as pc

import twin
from twin.model.scenario import Scenario

NEVER_S = 86_400.0  # a time-out beyond any wait
RANDOM = {"service": "exponential", "servers_count": 1, "service_time_s": 0.0}  # the M in M/M/1
FLUID = {"service_time_s": 0.0}


def q(value: float | str | bool) -> dict[str, Any]:
    return {"value": value, "assumed": "a test"}


def setting(at_s: float, for_s: float | None = None, over_s: float = 0.0,
            **station: float | str | bool) -> dict[str, Any]:  # fmt: skip
    """Parameters of the station that change at ``at_s``."""
    timed = {} if for_s is None else {"for": for_s}
    return {"id": f"at-{at_s:.0f}", "at": at_s, "over": over_s, "assumed": "a test",
            "set": {f"station.{name}": value for name, value in station.items()}} | timed  # fmt: skip


def scenario(station: dict[str, Any], rate_per_s: float, duration_s: float, tick_s: float, *,
             client: dict[str, Any] | None = None, load: dict[str, Any] | None = None,
             changes: tuple[dict[str, Any], ...] = (), noise: str = "exact", seed: int = 1,
             sample_s: float = 1.0, requests: str = "counted") -> Scenario:  # fmt: skip
    """``client``: numbers of the dependency customers → station; ``load``: more of the customers."""
    numbers = {"timeout_s": NEVER_S, "retries": 0} | (client or {})
    customers = {"rate_per_s": float(rate_per_s)} | (load or {})
    calls = {"on": "station", "mode": "hard"} | {k: q(v) for k, v in numbers.items()}
    services = {
        "customers": {"kind": "workload", "parameters": {k: q(v) for k, v in customers.items()},
                      "dependencies": [calls]},
        "station": {"kind": "queueing", "parameters": {k: q(v) for k, v in station.items()}},
    }  # fmt: skip
    named = {name: {"name": name, "domain": "one"} | s for name, s in services.items()}
    return Scenario.model_validate({
        "scenario": "one-station", "start": "2025-10-19T22:00:00-07:00",
        "topology": {"topology": "one-station", "signal_period": sample_s, "services": named},
        "requests": requests,
        "duration": duration_s, "tick": tick_s, "sample": sample_s, "noise": noise, "seed": seed,
        "faults": changes,
    })  # fmt: skip


class Samples:
    """Columns of the samples of one service, and what the cases ask of them."""

    def __init__(self, run: Any, service: str) -> None:
        rows = run.samples.filter(pc.equal(run.samples["service"].cast("string"), service))
        for name in ("tick", "offered_per_s", "goodput_per_s", "backlog_count", "error_ratio", "latency_s"):
            setattr(self, name.removesuffix("_per_s").removesuffix("_count"), rows[name].to_numpy())

    tick: np.ndarray
    offered: np.ndarray
    goodput: np.ndarray
    backlog: np.ndarray
    error_ratio: np.ndarray
    latency_s: np.ndarray

    @property
    def failed_ratio(self) -> float:
        """Share of all attempts that failed."""
        return 1.0 - float(self.goodput.sum() / self.offered.sum())


def run(*args: Any, debug: bool = False, **kwargs: Any) -> tuple[Samples, Samples]:
    """(station, customers) of a run of ``scenario``."""
    done = twin.run(scenario(*args, **kwargs), debug=debug)
    return Samples(done, "station"), Samples(done, "customers")
