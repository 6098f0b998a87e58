"""How often load balancers flap when launches resume, over draws of the prior.

``python -m tests.kinds.flapping 100`` prints the share in each reading, and the numbers on which it hangs.
"""

from __future__ import annotations

import sys
from functools import cache
from pathlib import Path
from statistics import mean
from typing import Any, NamedTuple

import click

import twin
from twin.api.run import Run
from twin.experiments.realizations import Realization, quantiles, realized
from twin.model.scenario import Scenario

FILE = Path(__file__).with_name("launches_resume.yaml")
RESUMED_S, WINDOW_S = 20_400.0, 4 * 3600.0 + 8 * 60.0
NO_LAUNCHES = {"limited__set__ec2-launch__admitted_ratio": 0.0}
NOTHING_HAPPENS = ("no-leases", "limited")


class Result(NamedTuple):
    """Of one draw: whether network state is late at any time; whether balancers are impaired before launches
    resume, and in the window after; and the worst share of connections that fail."""

    is_late: bool
    before: bool
    after: bool
    worst_ratio: float


def onsets_s(run: Run, service: str, event: str = "onset") -> list[float]:
    rows = run.events.to_pylist()
    return [r["tick"] * run.scenario.tick_s for r in rows if (r["service"], r["event"]) == (service, event)]


def errors(run: Run) -> list[float]:
    return [row["error_ratio"] for row in run.samples.to_pylist() if row["service"] == "nlb"]


@cache
def small(drop: tuple[str, ...] = (), **changes: Any) -> Scenario:
    """The scenario with changes: double underscores stand for the dot."""
    return twin.load(FILE, set={name.replace("__", "."): value for name, value in changes.items()}, drop=drop)


def of_draw(scenario: Scenario, draw: int) -> Result:
    """One world of the prior."""
    run = twin.run(realized(scenario, Realization(draw=draw), {}))
    found = onsets_s(run, "nlb")
    late = bool(onsets_s(run, "network-manager", "queue_formed"))
    after = any(RESUMED_S <= s <= RESUMED_S + WINDOW_S for s in found)
    return Result(late, any(s < RESUMED_S for s in found), after, max(errors(run)))


def valid_draws(count: int) -> list[int]:
    """Of the first draws, those in which Network Manager can carry a usual day; the others are no Region."""
    return [d for d in range(1, count + 1) if not of_draw(small(NOTHING_HAPPENS), d).is_late]


def share(scenario: Scenario, draws: list[int]) -> float:
    return mean(of_draw(scenario, d).after for d in draws)


def main(count: int) -> None:
    draws = valid_draws(count)
    click.echo(f"{len(draws)} of {count} draws carry a usual day")
    hits = {}
    for reading in ("both", "checkers", "targets"):
        hits = {d: of_draw(small(nlb__newcomers=reading), d).after for d in draws}
        click.echo(f"{reading:10} {mean(hits.values()):.0%}")
        if reading == "both":
            hang_on(hits)
    for interval_s in (10.0, 60.0):
        click.echo(f"interval {interval_s:.0f} s: {share(small(nlb__interval_s=interval_s), draws):.0%}")
    click.echo(f"one zone in ten minutes: {share(small(nlb__velocity_zones_count=1), draws):.0%}")
    click.echo(f"without a scale-out: {share(small(nlb__checkers_limit_ratio=1.0), draws):.0%}")


def hang_on(hits: dict[int, bool]) -> None:
    """The numbers whose quantiles differ most between draws with and without."""
    base, gaps = small(), {}
    for number in quantiles(base, 1):
        of = {d: quantiles(base, d)[number] for d in hits}
        sides = [[of[d] for d in hits if hits[d] is side] for side in (True, False)]
        gaps[number.target] = mean(sides[0]) - mean(sides[1]) if all(sides) else 0.0
    for target in sorted(gaps, key=lambda name: -abs(gaps[name]))[:6]:
        click.echo(f"    {target}: quantile {gaps[target]:+.2f} where they flap")


if __name__ == "__main__":
    main(int(sys.argv[1]))
