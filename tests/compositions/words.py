"""Words for small systems: each function gives the part of a scenario's file that its name says."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any

import yaml

Yaml = dict[str, Any]

NEVER_S = 86_400.0
"""A time-out that is longer than any run."""

DRAIN_S = 300.0
"""How long a run goes on when no more users come, so that the last have an outcome."""


@dataclass(frozen=True)
class System:
    """Services by name, faults, and the time until which users come. ``drain_s``: how long it goes on.
    ``interval_s``: of the samples."""

    services: dict[str, Yaml]
    horizon_s: float
    faults: list[Yaml] = field(default_factory=list)
    drain_s: float = DRAIN_S
    interval_s: float = 1.0

    @property
    def duration_s(self) -> float:
        return self.horizon_s + self.drain_s

    def scenario(self, name: str, title: str) -> Yaml:
        """The contents of its file."""
        return {
            "scenario": name.lower().replace(".", "-"),
            "title": title,
            "assumed": "example",
            "start": "2025-11-01T00:00:00Z",
            "duration": seconds(self.duration_s),
            "tick": seconds(self.interval_s),
            "sample": seconds(self.interval_s),
            "signal_period": seconds(self.interval_s),
            "noise": "exact",
            "requests": "each",
            "seed": 1,
            "services": self.services,
            "faults": [*self.faults, *self._ends()],
        }

    def text(self, name: str, title: str) -> str:
        """The text of its file."""
        return yaml.safe_dump(self.scenario(name, title), sort_keys=False, width=110)

    def _ends(self) -> list[Yaml]:
        """No user comes after the horizon."""
        come = [name for name, x in self.services.items() if "rate_per_s" in x.get("parameters", {})]
        if not come or not self.drain_s:
            return []
        return [fault("users-stop", self.horizon_s, {f"{name}.rate_ratio": 0 for name in come})]


def seconds(value: float) -> str:
    return f"{value:.9f}".rstrip("0").rstrip(".") + "s"


def spelled(name: str, value: object) -> object:
    """A value with the unit of its name."""
    if isinstance(value, bool | str):
        return value
    if name.endswith("_per_s"):
        return seconds(value).replace("s", "/s")
    return seconds(value) if name.endswith("_s") else value


def numbers(values: Mapping[str, Any]) -> Yaml:
    """Each as its file spells it; one that is None keeps its default."""
    return {name: spelled(name, value) for name, value in values.items() if value is not None}


def users(rate_per_s: float, on: str, patience_s: float | None = None, **more: Any) -> Yaml:
    """Customers who call ``on`` at random times, and give up after their patience."""
    return {
        "kind": "workload",
        "visible": False,
        "parameters": numbers({"rate_per_s": rate_per_s, **more}),
        "dependencies": [call(on, timeout_s=patience_s)],
    }


def station(*calls: Yaml, mean_s: float = 0.0, service: str = "exponential", **more: Any) -> Yaml:
    """A service with a mean time of its own work, and its calls after that."""
    values = {"work_s": mean_s, "service": service, "service_time_s": 0.0, "fails": "on_arrival", **more}
    return {"kind": "queueing", "parameters": numbers(values), "dependencies": list(calls)}


def call(on: str, mode: str = "hard", timeout_s: float | None = None, attempts: int = 1, **more: Any) -> Yaml:
    """A dependency: without a time-out the caller waits as long as it takes."""
    words = {key: more.pop(key) for key in ("parallel", "one_of", "fallback") if more.get(key)}
    pause_s = more.pop("pause_s", 0.0)
    pauses = {"backoff_s": pause_s, "backoff_cap_s": pause_s, "jitter": "none"}
    retries = {"retries": attempts - 1, **pauses} if attempts > 1 else pauses if mode == "bootstrap" else {}
    return {
        "on": on,
        "mode": mode,
        **words,
        **numbers({"timeout_s": timeout_s or NEVER_S, **retries, **more}),
    }


def fault(name: str, start_s: float, to: Mapping[str, Any], end_s: float | None = None) -> Yaml:
    """Parameters that change at ``start_s``, and come back at ``end_s``."""
    until = {} if end_s is None else {"until": f"+{seconds(end_s)}"}
    values = {target: spelled(target.rpartition(".")[2], value) for target, value in to.items()}
    return {"id": name, "at": f"+{seconds(start_s)}", **until, "set": values}


def down(service: str, mode: str, share: float = 1.0) -> Yaml:
    """What a service that is down has: it refuses, it is silent, or it is paused; or a share of it fails."""
    if mode == "silent":
        return {f"{service}.silent_ratio": share}
    if mode == "paused":
        return {f"{service}.capacity_ratio": 0}
    return {f"{service}.fault_ratio": share}
