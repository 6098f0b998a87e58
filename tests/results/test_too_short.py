"""A service that is well at the end, but has not been for the five minutes that a recovery needs."""

from __future__ import annotations

from pathlib import Path

import twin

TEXT = """
scenario: ends-early
title: A fault that ends a minute before the run
start: 2025-11-01T00:00:00Z
duration: 12m
seed: 3
assumed: example
services:
  users: {kind: workload, dependencies: [{on: shop, mode: hard}]}
  shop: {kind: relay}
faults:
  - {id: breaks, at: +5m, for: 5m, set: {shop.fault_ratio: 1}}
"""


def test_too_short_to_call(tmp_path: Path) -> None:
    path = tmp_path / "ends-early.yaml"
    path.write_text(TEXT)
    run = twin.run(path)
    impact = run.impact()
    assert {s.ends for s in impact.services} == {"well since 00:10, too short to call"}
    assert "2 of them well by then: too short to call" in str(impact)
    assert "it recovered: well since 00:10, too short to call" in str(run.why("shop"))


def test_a_service_that_is_down_at_the_end_is_never_well(tmp_path: Path) -> None:
    path = tmp_path / "ends-early.yaml"
    path.write_text(TEXT.replace("for: 5m", "for: 7m"))
    run = twin.run(path)
    impact = run.impact()
    assert {s.ends for s in impact.services} == {"never"} and impact.well_too_short == 0
    assert "never, within this run" in str(run.why("shop"))
