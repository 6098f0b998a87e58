"""V42: how a run is divided, and in which order its services are stepped, changes no row.

The actors of the Ray runner, without Ray: each lives in this process. What only Ray can do is in test_on_ray.
"""

from collections.abc import Callable
from pathlib import Path
from types import SimpleNamespace
from typing import Any

import numpy as np
import pytest

import twin
from twin.api.run import Run
from twin.model.scenario import Scenario
from twin.simulation import inline, on_ray, run
from twin.simulation.world import build

from .scenario import scenario as small

INCIDENT = Path(__file__).parents[2] / "scenarios" / "us-east-1-2025-10-20.yaml"


class Here:
    """An actor that lives here: ``actor.step.remote(…)`` calls at once, and there is nothing to wait for."""

    def __init__(self, actor: object) -> None:
        self._actor = actor

    def __getattr__(self, name: str) -> Any:
        call = SimpleNamespace(remote=getattr(self._actor, name, lambda: None))
        call.options = lambda **of_ray: call
        return call


@pytest.fixture(autouse=True)
def without_ray(monkeypatch: pytest.MonkeyPatch) -> None:
    def remote(kind: Callable) -> Any:
        return SimpleNamespace(remote=lambda *args: Here(kind(*args)))

    fake = SimpleNamespace(
        remote=remote, get=lambda x: x, put=lambda x: x, kill=lambda x: None, is_initialized=lambda: True
    )
    monkeypatch.setattr(on_ray, "ray", fake)


@pytest.fixture(scope="module", params=["small", "incident", "responders"])
def case(request: pytest.FixtureRequest) -> Scenario:
    """The incident up to where the empty answer has reached everybody; and, with responders who act on what
    they see in several shards, up to where they have repaired it."""
    if request.param == "responders":
        return twin.load(INCIDENT, until="+5h", responders="drawn", drop=["packet-loss-az1"])
    return small() if request.param == "small" else twin.load(INCIDENT, until="+2h")


@pytest.fixture(scope="module")
def reference(case: Scenario) -> Run:
    return twin.run(case)


@pytest.mark.parametrize("shards", [1, 3, pytest.param(8, marks=pytest.mark.long), 64])
def test_v42_number_of_shards(case: Scenario, reference: Run, shards: int) -> None:
    assert twin.run(case, runner="ray", actors=shards).digest == reference.digest


@pytest.mark.parametrize("order", ["reversed", "shuffled"])
def test_v42_order_inside_a_window(case: Scenario, reference: Run, order: str) -> None:
    model = build(case, seed=case.seed)
    shuffled = np.random.default_rng(1).permutation(len(model.names))
    model.state.mine[:] = model.state.mine[::-1] if order == "reversed" else shuffled
    rows = inline.run_inline(model, run.schedule_for(model, case), round(case.duration_s / case.tick_s))
    assert run.record_run(case, model, rows, case.seed, 0, "inline", None).digest == reference.digest
