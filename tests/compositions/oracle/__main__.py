"""``python -m tests.compositions.oracle FILE``: users over time, as the twin and the oracle have them."""

from __future__ import annotations

import click
import numpy as np

import twin
from tests.compositions.oracle import simulate_requests
from tests.compositions.oracle.table import beside, estimates, over_time
from tests.compositions.twin_side import twin_users
from twin.base.units import parse_duration
from twin.model.scenario import Scenario


@click.command()
@click.argument("file")
@click.option("--seeds", default=4, show_default=True, help="independent runs of each side")
@click.option("--bin", "width", default="30s", show_default=True, help="length of a row")
@click.option("--oracle-only", is_flag=True, help="do not run the twin")
def main(file: str, seeds: int, width: str, oracle_only: bool) -> None:
    """Print users' goodput, error ratio, p50 and p99 of the scenario FILE over time.

    Each is the mean over independent runs. A call belongs to the row in which it ended.
    """
    try:
        scenario, bin_s = twin.load(file), parse_duration(width)
        theirs = [simulate_requests(scenario, seed).users for seed in range(seeds)]
    except (twin.SpecError, ValueError) as error:
        raise click.ClickException(str(error)) from None
    except NotImplementedError as error:
        raise click.ClickException(f"the oracle does not know {error}") from None
    ours = None if oracle_only else [twin_users(twin.run(scenario, replicate=seed)) for seed in range(seeds)]
    for name, service in scenario.topology.services.items():
        if service.dependencies and any(row.caller == name for run in theirs for row in run):
            click.echo(f"{name}: mean of {seeds} runs of each side")
            click.echo(_table(scenario, name, ours, theirs, bin_s))


def _table(scenario: Scenario, name: str, ours: list | None, theirs: list, bin_s: float) -> str:
    def side(runs: list) -> list:
        return estimates([_of(scenario, run, name, bin_s) for run in runs])

    return beside(None if ours is None else side(ours), side(theirs), bin_s)


def _of(scenario: Scenario, run: list, name: str, bin_s: float) -> np.ndarray:
    return over_time([row for row in run if row.caller == name], bin_s, scenario.duration_s)


if __name__ == "__main__":
    main()
