"""A study whose arms do nothing: every value is luck of its own, of a law in which nothing differs."""

from __future__ import annotations

from collections.abc import Sequence
from types import SimpleNamespace

import numpy as np

from twin.experiments.study import Job
from twin.experiments.worlds import World

NOISY = ("service_minutes_lost", "peak_impaired", "last_recovery_s", "requests_lost")


class ShamStudy:
    """In memory. ``spread``: standard deviation of the luck, of a mean of 100."""

    def __init__(self, seed: int, scenarios: Sequence[str], spread: float) -> None:
        base = SimpleNamespace(interventions=(), duration_s=3600.0, topology=SimpleNamespace(services={}))
        self.setting = SimpleNamespace(bases=dict.fromkeys(scenarios, base))
        self.rng, self.spread = np.random.default_rng(seed), spread
        self.rows: dict[Job, dict[str, float]] = {}

    def do(self, jobs: Sequence[Job], progress: object = None) -> ShamStudy:
        for job in jobs:
            if job not in self.rows:
                luck = 100.0 + self.spread * self.rng.standard_normal(len(NOISY))
                self.rows[job] = dict(zip(NOISY, luck.tolist(), strict=True)) | {"metastable": 0.0}
        return self

    def values(self, measure: str, service: str = "", scenario: str = "") -> dict[str, dict[World, float]]:
        found: dict[str, dict[World, float]] = {}
        for job, row in self.rows.items():
            if job.scenario == scenario:
                found.setdefault(job.arm.name, {})[job.world] = row[measure]
        return found

    def of_services(self, measure: str, scenario: str = "") -> dict:
        return {}

    def curves(self, scenario: str = "") -> dict:
        return {}
