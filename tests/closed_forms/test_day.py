"""Load follows the hour of the day, and what hurts nobody at night hurts at noon."""

import math
from typing import Any

import numpy as np
import pytest

import twin
from twin.model.scenario import Scenario


def quantities(values: dict[str, Any]) -> dict[str, Any]:
    return {name: {"value": value, "assumed": "a test"} for name, value in values.items()}


def day(swing_ratio: float, capacity_ratio: float = 1.0, utilisation_ratio: float = 0.6) -> list[dict]:
    """A day of a service behind a pool that keeps ``capacity_ratio`` of its capacity from minute ten on."""
    people = quantities({"rate_per_s": 1000.0, "swing_ratio": swing_ratio, "peak_s": 19.5 * 3600.0})
    services = {
        "pool": {"kind": "queueing", "parameters": quantities({"capacity_per_s": 1e6})},
        "site": {"kind": "relay", "dependencies": [
            {"on": "pool", "mode": "hard"} | quantities({"utilisation_ratio": utilisation_ratio})]},
        "people": {"kind": "workload", "parameters": people,
                   "dependencies": [{"on": "site", "mode": "hard"}]},
    }  # fmt: skip
    fault = {"id": "loss", "at": 600.0, "set": {"pool.capacity_ratio": capacity_ratio}, "assumed": "a test"}
    case = Scenario.model_validate({
        "scenario": "day", "start": "2025-10-20T07:30:00Z", "duration": 86_400.0, "tick": 10.0,
        "sample": 600.0, "noise": "mean", "faults": [fault],
        "topology": {"topology": "t", "services": {n: s | {"name": n} for n, s in services.items()}},
    })  # fmt: skip
    return twin.run(case, debug=True).samples.to_pylist()


def of(rows: list[dict], service: str, column: str) -> np.ndarray:
    return np.array([r[column] for r in rows if r["service"] == service])


def test_load_is_a_cosine_with_its_peak_at_the_hour_given() -> None:
    """The run begins twelve hours before the peak, in the trough."""
    load = of(day(0.4), "people", "offered_per_s")
    hours = (np.arange(len(load)) + 0.5) / 6
    assert load == pytest.approx(1000.0 * (0.8 - 0.2 * np.cos(2 * math.pi * hours / 24)), rel=0.01)


def test_a_loss_that_is_harmless_at_night_hurts_by_day() -> None:
    """A caller needs utilisation × load: with half of the capacity gone, more than there is from the hour on
    at which load passes 0.5 / 0.6 of its peak; what fails is what does not fit."""
    errors = of(day(0.4, capacity_ratio=0.5), "site", "error_ratio")
    hours = (np.arange(len(errors)) + 0.5) / 6
    load = 0.8 - 0.2 * np.cos(2 * math.pi * hours / 24)
    assert errors[2:] == pytest.approx(np.maximum(0.0, 1.0 - 0.5 / (0.6 * load))[2:], abs=0.01)
    assert errors[2:10].max() == 0.0 and errors.max() > 0.15


def test_without_a_swing_every_hour_is_the_peak() -> None:
    errors = of(day(0.0, capacity_ratio=0.5), "site", "error_ratio")
    assert errors[2:] == pytest.approx(1.0 - 0.5 / 0.6, abs=0.01)
