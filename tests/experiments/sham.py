"""A study whose arms do nothing: every value is luck of its own, of a law in which nothing differs."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from types import SimpleNamespace

import numpy as np

from twin.experiments.realizations import Realization
from twin.experiments.study import Job, Reporter

NOISY = ("service_minutes_lost", "peak_impaired", "last_recovery_s", "requests_lost")


class ShamStudy:
    """In memory. ``spread``: standard deviation of the luck, of a mean of 100."""

    def __init__(self, seed: int, scenarios: Sequence[str], spread: float) -> None:
        base = SimpleNamespace(
            interventions=(), duration_s=3600.0, topology=SimpleNamespace(services={}), published=None
        )
        self.setting = SimpleNamespace(bases=dict.fromkeys(scenarios, base))
        self.rng, self.spread = np.random.default_rng(seed), spread
        self.rows: dict[Job, dict[str, float]] = {}

    def say(self, text: str) -> None:
        pass

    def invalid(self, scenario: str = "") -> set[Realization]:
        return set()

    def do(self, jobs: Iterable[Job]) -> ShamStudy:
        for job in jobs:
            if job not in self.rows:
                luck = 100.0 + self.spread * self.rng.standard_normal(len(NOISY))
                self.rows[job] = dict(zip(NOISY, luck.tolist(), strict=True)) | {"metastable": 0.0}
        return self

    def values(
        self, metric: str, service: str = "", scenario: str = ""
    ) -> dict[str, dict[Realization, float]]:
        found: dict[str, dict[Realization, float]] = {}
        for job, row in self.rows.items():
            if job.scenario == scenario:
                found.setdefault(job.arm.name, {})[job.realization] = row[metric]
        return found

    def of_services(self, metric: str, scenario: str = "") -> dict:
        return {}

    def curves(self, scenario: str = "") -> dict:
        return {}


class Heard(Reporter):
    """A reporter that keeps what it hears."""

    def __init__(self) -> None:
        self.said: list[str] = []
        self.counts: list[int] = []

    def says(self, text: str) -> None:
        self.said.append(text)

    def made(self, runs: int) -> None:
        self.counts.append(runs)
