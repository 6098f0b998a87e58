"""twin run."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING, Any

import click

from twin.cli import _fork as forking
from twin.cli import _show as show
from twin.cli._command import command, headed_option
from twin.cli._errors import BadInput
from twin.cli._execute import execute
from twin.cli._options import change_options, changed_scenario, run_options
from twin.cli._summary import as_document, require, summary

if TYPE_CHECKING:
    from twin.model.scenario import Scenario


@command(
    "run",
    "twin run scenarios/us-east-1-2025-10-20.yaml",
    "twin run us-east-1-2025-10-20 --set sts.capacity_per_s=500/s --until +6h",
    "twin run us-east-1-2025-10-20 --drop ID --with my-services.yaml --json",
    "twin explore --json > race.json && twin run us-east-1-2025-10-20 --trace race.json",
    "twin run us-east-1-2025-10-20 --fork last@+4h25m --set dwfm.admission_ratio=0.5",
)
@click.argument("scenario")
@headed_option(
    "--trace",
    metavar="FILE",
    type=click.Path(path_type=Path),
    help="Make the DNS automation follow the steps in this file, from twin explore --json.",
)
@headed_option("--trace-at", metavar="TIME", help="Time of the first step of the trace.")
@headed_option(
    "--fork",
    "left",
    metavar="RUN@TIME",
    help="Take a finished run of SCENARIO up to this time, then apply --set, --drop and other changes.",
)
@change_options
@run_options
def run_command(
    scenario: str, as_json: bool, trace: Path | None, trace_at: str | None, left: str | None, **options: Any
) -> None:
    """Run SCENARIO to its end: what broke, when, for how long.

    SCENARIO is a file, or a name that twin list scenarios prints. The run is written to a folder: two Parquet
    tables and a manifest. The exit code is 1 if an expect: of the scenario was not met.
    """
    from twin.results.expectations import check_expected

    if left is None:
        loaded = scripted(changed_scenario(scenario, options), trace, trace_at)
        done = execute(loaded, options)
    elif trace is not None or trace_at is not None:
        raise BadInput("--trace: not with --fork, as the past was made without")
    else:
        loaded, done = forking.execute_fork(scenario, left, options)
    expected = check_expected(loaded, done)
    if as_json:
        show.document(as_document(done, expected))
    else:
        summary(done, expected)
    require(expected)


def scripted(scenario: Scenario, trace: Path | None, at: str | None) -> Scenario:
    """The scenario with the trace in place of what makes its automation fail. Raises BadInput, SpecError."""
    if trace is None:
        if at is not None:
            raise BadInput("--trace-at says when a trace begins: give it with --trace FILE")
        return scenario
    from twin.analysis.dns_race.traces import script

    return script(scenario, trace, at)
