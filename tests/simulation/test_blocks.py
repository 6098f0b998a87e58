"""A service is stepped through a block of ticks at once, and asked less: the rows are those of stepping every
service in every tick."""

from collections.abc import Callable
from pathlib import Path

import pytest

import twin
from twin.mechanisms.arrays import STEPWISE
from twin.model.scenario import Scenario
from twin.simulation import inline, run
from twin.simulation.world import build

from .random_region import random_region
from .scenario import scenario as small

INCIDENT = Path(__file__).parents[2] / "scenarios" / "us-east-1-2025-10-20.yaml"


def digest(scenario: Scenario, *, stepwise: bool, slice_ticks: int = inline.SLICE_TICKS) -> str:
    model = build(scenario, seed=scenario.seed, stepwise=stepwise)
    assert bool(model.state.clock[STEPWISE]) == stepwise, "calls are stepped one by one: there are no blocks"
    schedule, ticks = run.schedule_for(model, scenario), round(scenario.duration_s / scenario.tick_s)
    rows = inline.run_inline(model, schedule, ticks, slice_ticks=slice_ticks)
    return run.record_run(scenario, model, rows, scenario.seed, 0, "inline", None).manifest["digest"]


def counted(noise: str = "exact") -> Scenario:
    return small(noise).model_copy(update={"requests": "counted"})


CASES: dict[str, Callable[[], Scenario]] = {
    "small": counted,
    "without noise": lambda: counted("mean"),
    "incident": lambda: twin.load(INCIDENT, until="+3h"),
    "far": lambda: random_region(40, 5, seed=1),
    "near": lambda: random_region(40, 5, seed=2, near_ratio=0.6),
    "relays": lambda: random_region(60, 5, seed=3, near_ratio=0.1, kinds={"relay": 1}),
    "mixed": lambda: random_region(60, 4, seed=4, near_ratio=0.3),
}


@pytest.mark.parametrize("case", CASES)
def test_the_same_as_tick_by_tick(case: str) -> None:
    scenario = CASES[case]()
    assert digest(scenario, stepwise=False) == digest(scenario, stepwise=True)


@pytest.mark.long
@pytest.mark.parametrize("seed", range(10, 30))
def test_random_graphs(seed: int) -> None:
    scenario = random_region(50, 5, seed, near_ratio=(0.0, 0.1, 0.5)[seed % 3])
    assert digest(scenario, stepwise=False) == digest(scenario, stepwise=True)


@pytest.mark.long
def test_the_whole_incident() -> None:
    incident = twin.load(INCIDENT)
    assert digest(incident, stepwise=False) == digest(incident, stepwise=True)


def test_blocks_that_end_inside_a_period() -> None:
    """As where somebody acts, or a run is stepped in slices."""
    scenario = random_region(30, 5, seed=5, near_ratio=0.2, ticks=900)
    assert digest(scenario, stepwise=False, slice_ticks=7) == digest(scenario, stepwise=True)
