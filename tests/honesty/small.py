"""Studies of the tiny scenario: its arms, what they come to, and what one of them is known to come to."""

from __future__ import annotations

import math
from collections.abc import Iterable
from functools import cache
from pathlib import Path

import numpy as np

import twin
from twin.model import Scenario
from twin.runs import Run, run
from twin.studies.arms import Arm
from twin.variations import Variation

TINY = twin.load(Path(__file__).with_name("tiny.yaml"))
WORLDS = 12
SEEDS = range(1, 101)
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

Values = dict[str, np.ndarray]  # measure → (worlds,)


def lost_count(lifetime_s: float) -> float:
    """Requests lost, on average: 20 calls a second; of half of the connections, each closes within a tick of
    5 s with the same probability, and stays closed until the fault is over, 120 ticks after it began."""
    closes = -math.expm1(-5.0 / lifetime_s)
    return 100.0 * sum(0.5 * (1 - (1 - closes) ** ticks) for ticks in range(1, 121))


@cache
def study(seed: int) -> dict[str, Values]:
    """What the study of this seed finds in each of its worlds: arm → values."""
    return run_arms(seed, (Arm(), SHAM_A, SHAM_B, BOTH_SHAMS, LONGER), WORLDS)


def run_arms(seed: int, arms: Iterable[Arm], worlds: int) -> dict[str, Values]:
    base = TINY.model_copy(update={"seed": seed})
    return {arm.name: _in_worlds(arm.applied(base), worlds) for arm in arms}


def _in_worlds(scenario: Scenario, worlds: int) -> Values:
    rows = [measured(run(scenario, replicate=k, digest=False)) for k in range(1, worlds + 1)]
    return {name: np.array([row[name] for row in rows]) for name in rows[0]}


def measured(done: Run) -> dict[str, float]:
    """Two of the measures of ``twin/sql/worth.sql``, without the tenth of a second that SQL takes for all of
    them: there is a test that holds one against the other."""
    service = np.array(done.samples["service"].cast("string"))
    ratio, offered = (done.samples[name].to_numpy() for name in ("error_ratio", "offered_per_s"))
    people, bad = np.isin(service, PEOPLE), np.isin(service, SITES) & (ratio >= 0.05)
    return {
        "requests_lost": float((ratio * offered)[people].sum() * TINY.sample_s),
        "service_minutes_lost": float(ratio[bad].sum() * TINY.sample_s / 60),
    }
