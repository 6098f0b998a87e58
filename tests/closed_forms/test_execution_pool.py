"""The execution pool against the published law of its growth."""

from typing import Any

import pytest

import twin
from twin.model.scenario import Scenario


def q(value: float) -> dict[str, Any]:
    return {"value": value, "assumed": "a test"}


@pytest.mark.parametrize(("at_once", "full_s"), [(1000, 90.0), (0, 100.0)])
def test_v50_scale_out(at_once: int, full_s: float) -> None:
    """From 0 to 10 000 environments: the burst stands at the start, the others come by 100 a second."""
    wanted = 10_000
    numbers = {"capacity_count": wanted, "initial_ratio": at_once / wanted, "scale_per_s": 100.0}
    pool = {"name": "pool", "kind": "execution_pool", "parameters": {k: q(v) for k, v in numbers.items()}}
    topology = {"topology": "scale-out", "signal_period": 1.0, "services": {"pool": pool}}
    case = Scenario.model_validate({
        "scenario": "scale-out", "start": "2025-10-19T22:00:00-07:00", "duration": 200.0, "sample": 1.0,
        "noise": "mean", "topology": topology,
    })  # fmt: skip
    missing = twin.run(case, debug=True).samples["backlog_count"].to_pylist()
    assert missing[0] == wanted - at_once - 100
    assert missing.index(0) + 1 == pytest.approx(full_s, abs=1.0)
