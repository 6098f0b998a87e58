"""Studies of the tiny scenario: its arms, what they come to, and what one of them is known to come to."""

from __future__ import annotations

import math
from collections.abc import Iterable
from functools import cache
from pathlib import Path

import numpy as np

import twin
from twin.api.run import Run
from twin.base.thresholds import IMPAIRED_RATIO
from twin.experiments import compare
from twin.experiments.arms import Arm
from twin.experiments.comparison import ComparisonPlan, PairedComparison
from twin.experiments.realizations import Realization
from twin.experiments.study import Job, Setting
from twin.model.changes import Variation
from twin.simulation.run import simulate

TINY = twin.load(Path(__file__).with_name("tiny.yaml"))
WORLDS = 12
SEEDS = range(1, 41)  # of what is asked of all studies together; the rest asks for as many as it needs
PEOPLE, SITES = ("customers", "others"), ("site", "mirror")

OTHER_PEOPLE = Variation(set={"customers.rate_per_s": 0.0, "others.rate_per_s": 20.0})
EDGES = [(f"{who}->{site}", site) for who in PEOPLE for site in SITES]
OTHER_SITE = Variation(set={f"{edge}.share": float(site == "mirror") for edge, site in EDGES})
LONGER_S = 240.0
LONGER_LIVES = Variation(set={f"{edge}.lifetime_s": LONGER_S for edge, _ in EDGES})
AS_IT_IS = Variation(set={"customers.rate_per_s": 20.0, "site.service_time_s": 0.02})

SHAM_A, SHAM_B = Arm("a", (OTHER_PEOPLE,)), Arm("b", (OTHER_SITE,))
BOTH_SHAMS = Arm("a+b", (OTHER_PEOPLE, OTHER_SITE))
LONGER, SAME = Arm("longer", (LONGER_LIVES,)), Arm("same", (AS_IT_IS,))
ARMS = (SHAM_A, SHAM_B, BOTH_SHAMS, LONGER)


def lost_count(lifetime_s: float) -> float:
    """Requests lost, on average: 20 calls a second; of half of the connections, each closes within a tick of
    5 s with the same probability, and stays closed until the fault is over, 120 ticks after it began."""
    closes = -math.expm1(-5.0 / lifetime_s)
    return 100.0 * sum(0.5 * (1 - (1 - closes) ** ticks) for ticks in range(1, 121))


@cache
def study(seed: int) -> PairedComparison:
    """What ``twin compare`` makes of the study of this seed."""
    return compared(seed, ARMS, WORLDS)


def compared(seed: int, arms: tuple[Arm, ...], worlds: int) -> PairedComparison:
    question = ComparisonPlan("tiny", arms, worlds, within_s=600.0, draws=False)
    return compare.compared(QuickStudy(seed), question)  # type: ignore[arg-type]


class QuickStudy:
    """A study that keeps its runs in memory, and takes a short way from a run to the measures: the way of
    ``twin/simulation/sql/metrics.sql`` takes ten times as long as the run. A test holds one against the
    other."""

    def __init__(self, seed: int) -> None:
        self.setting = Setting({"tiny": TINY.model_copy(update={"seed": seed})})
        self.rows: dict[Job, dict[str, float]] = {}

    def say(self, text: str) -> None:
        pass

    def do(self, jobs: Iterable[Job]) -> QuickStudy:
        jobs = list(jobs)
        for arm in dict.fromkeys(job.arm for job in jobs):
            scenario = arm.applied(self.setting.bases["tiny"])
            for job in jobs:
                if job.arm == arm and job not in self.rows:
                    self.rows[job] = measured(
                        simulate(scenario, replicate=job.realization.replicate, digest=False)
                    )
        return self

    def values(
        self, metric: str, service: str = "", scenario: str = ""
    ) -> dict[str, dict[Realization, float]]:
        found: dict[str, dict[Realization, float]] = {}
        for job, row in self.rows.items():
            found.setdefault(job.arm.name, {})[job.realization] = row[metric]
        return found

    def of_services(self, metric: str, scenario: str = "") -> dict:
        return {}

    def curves(self, scenario: str = "") -> dict:
        return {}

    def invalid(self, scenario: str = "") -> set[Realization]:
        return set()


def measured(done: Run) -> dict[str, float]:
    """What the run comes to, by samples of a minute; no call waits, and each run has its trouble."""
    ratio, offered, tick = (done.samples[n].to_numpy() for n in ("error_ratio", "offered_per_s", "tick"))
    people, bad = np.isin(np.array(done.samples["service"].cast("string")), PEOPLE), ratio >= IMPAIRED_RATIO
    return {
        "service_minutes_lost": float(ratio[bad].sum()),
        "peak_impaired": float(np.unique(tick[bad], return_counts=True)[1].max()),
        "last_recovery_s": float(tick[bad].max() * TINY.tick_s) + TINY.topology.signal_period_s,
        "metastable": 0.0,  # that needs half an hour, which is more than the run has left after its fault
        "requests_lost": float((ratio * offered)[people].sum() * TINY.sample_s),
    }
