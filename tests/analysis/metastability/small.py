"""Small scenarios of workloads, relays and stations, without files."""

from __future__ import annotations

from typing import Any

from twin.model.scenario import Scenario


def q(value: float | str | bool) -> dict[str, Any]:
    return {"value": value, "assumed": "a test"}


def calls(on: str, mode: str = "hard", **numbers: Any) -> dict[str, Any]:
    """A dependency; what is no number is a word of it (fallback, one_of)."""
    return {"on": on, "mode": mode} | {
        k: v if k in ("fallback", "one_of") else q(v) for k, v in numbers.items()
    }


def service(kind: str, *dependencies: dict[str, Any], **parameters: Any) -> dict[str, Any]:
    return {"kind": kind, "domain": "one", "dependencies": dependencies,
            "parameters": {k: q(v) for k, v in parameters.items()}}  # fmt: skip


def scenario(services: dict[str, dict[str, Any]], **more: Any) -> Scenario:
    named = {name: {"name": name} | record for name, record in services.items()}
    return Scenario.model_validate({
        "scenario": "small", "start": "2025-10-19T22:00:00-07:00",
        "topology": {"topology": "small", "signal_period": 1.0, "services": named},
        "duration": 400.0, "tick": 0.5, "sample": 1.0, "noise": "mean", "seed": 1,
    } | more)  # fmt: skip


def two_tiers(rate_per_s: float, outer: int = 2, inner: int = 2, **back: Any) -> Scenario:
    """People → front → back, a station of 100 a second; each tier tries again."""
    return scenario({
        "people": service("workload", calls("front", timeout_s=30.0, retries=outer, backoff_s=0.1),
                          rate_per_s=rate_per_s),
        "front": service("relay", calls("back", timeout_s=3.0, retries=inner, backoff_s=0.1)),
        "back": service("queueing", capacity_per_s=100.0, service_time_s=0.01, **back),
    })  # fmt: skip
