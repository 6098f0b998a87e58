"""Other instances of the families become scenarios too: each parameter may take the values that it can."""

from dataclasses import replace
from typing import Any

import pytest

from .agreement import load_text, texts
from .instance import read_instance, shipped

VARIANTS: list[tuple[str, dict[str, Any]]] = [
    ("C01", {"queue_limit": 50, "dep_timeout_s": 0.5}),
    ("C02", {"attempts_ab": 2, "T_bc_s": None}),
    ("C03", {"jitter": "full"}),
    ("C04", {"soft": True, "workers": 20, "queue_limit": 10, "attempts": 2}),
    ("C05", {"rate_per_s": 20, "service": "exponential", "servers": 4, "pause_s": 1.0}),
    ("C06", {"per_hour": 120}),
    ("C06", {"boot_timeout_s": 30.0, "boot_queue_limit": 5, "pause_s": 2.0, "pause_jitter": True}),
    ("C07", {"failover": True, "fault": "slow", "slow_s": 1.5}),
    ("C07", {"fault": "silent", "weights": [0.7, 0.3], "servers": [5, 5]}),
    ("C08", {"workers": 10, "queue_limit": 20}),
    ("C09", {"policy": "block", "workers": 10, "queue_limit": 5}),
    ("C09", {"policy": "fail"}),
    ("C10", {"popularity": "zipf", "zipf_s": 0.9, "coalesce": True, "db_queue_limit": None}),
    ("C10", {"flush_at_s": None, "flush_share": None}),
    ("C10", {"fault_start_s": None, "fault_end_s": None}),
    ("C11", {"mode": "refuse"}),
    ("C11", {"mode": "paused"}),
    ("C12", {"mode": "parallel", "fail_fast": True, "dep_servers": 10, "attempts": 3}),
    ("C13", {"mode": "error", "fail_share": 0.3}),
    ("C13", {"mode": "refuse", "sec_queue_limit": None}),
    ("C14", {"step_end_s": 700}),
    ("C15", {"service": "constant", "servers": 2}),
    ("C17", {"consumers": 3, "redo_share": 0.1, "slow_factor": 2.0}),
    ("C18", {"work": "exponential", "queue_limit": 60}),
    ("C19", {"breaker_on": "a->b", "mode": "error", "fail_share": 0.5, "probes": 3}),
    ("C20", {"budget": 0.1, "c_queue_limit": 40}),
]


@pytest.mark.parametrize(("family", "changed"), VARIANTS)
def test_other_parameters_become_scenarios(family: str, changed: dict[str, Any]) -> None:
    instance = read_instance(shipped()[f"{family}-a"])
    assert changed.keys() <= instance.parameters.keys()
    other = replace(instance, parameters={**instance.parameters, **changed})
    assert texts(other) != texts(instance)
    for text in texts(other).values():
        load_text(text)
