"""Scenarios that several rows measure."""

from __future__ import annotations

import time
from pathlib import Path

import twin
from twin.model.scenario import Scenario
from twin.simulation import inline
from twin.simulation.run import schedule_for
from twin.simulation.world import build

ROOT = Path(__file__).parents[2]
INCIDENT = ROOT / "scenarios" / "us-east-1-2025-10-20.yaml"


def incident(until: str | None = None) -> Scenario:
    return twin.load(INCIDENT, until=until)


def shortened(scenario: Scenario, seconds: float) -> Scenario:
    return scenario.model_copy(update={"duration_s": seconds})


def engine_s(scenario: Scenario, replicate: int = 0) -> float:
    """Processor time of the stepping alone, without the build and without tables."""
    model = build(scenario, seed=scenario.seed, replicate=replicate)
    schedule = schedule_for(model, scenario)
    began = time.process_time()
    inline.run_inline(model, schedule, round(scenario.duration_s / scenario.tick_s))
    return time.process_time() - began
