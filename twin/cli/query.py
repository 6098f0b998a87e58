"""twin query."""

from __future__ import annotations

import sys
from datetime import datetime
from pathlib import Path
from typing import Any

import click

from twin.cli import _show as show
from twin.cli._command import command
from twin.cli._options import format_option, open_named_run, out_option, output_options

ROWS = 1000  # of an answer that a table for people shows


VIEWS = """\
\b
Tables: events, samples, services, dependencies, inputs
Views:
  availability   share of good calls, by service and minute
  blast_radius   number of services degraded, impaired or down, over time
  blast_steps    the same as spans of time, to draw
  cascade        each event with its chain of causes
  curve          most services impaired at once, in each five minutes
  episodes       onset and recovery of each impairment
  hubs           number of callers of each service
  impact         one row per impaired service: onset, recovery, minutes
  impairment     each service in each sample interval: impaired or not
  interventions  faults and actions in the order in which they began
  lanes          the state of each service as spans of time, to draw
  lost_requests  what customers asked, and what of it failed
  metrics        the metrics of the run, of each service and of the whole
  outlived       how long each impairment outlived its faults
  reachability   share of calls that fail before they reach a service
  signals        error ratio, latency, capacity by sample interval
  states         impairment, and who is well but unreachable
  story          the events of each service, each with its cause
  stretches      each onset and the recovery after it, as the run noted them
  totals         one row for the whole run
  undisturbed    latency and capacity of each service before trouble
  unreachable    one row per service that was well but not reached"""


@command(
    "query",
    "twin query last 'from totals'",
    "twin query last 'select * from episodes order by onset_tick' --format csv > episodes.csv",
    "echo 'from blast_radius' | twin query last - --json",
    "twin query last 'show tables'",
    note=VIEWS,
)
@click.argument("run")
@click.argument("sql")
@format_option
@out_option
@output_options
def query_command(run: str, sql: str, form: str, out: Path, as_json: bool) -> None:
    """Ask RUN a question in SQL; '-' reads it from stdin.

    A query reads this run and nothing else, and changes nothing. Times are UTC. SQL is that of DuckDB, where
    'from totals' is short for 'select * from totals', and 'describe totals' shows the columns.
    """
    text = sys.stdin.read() if sql == "-" else sql
    answer = open_named_run(run, out).sql(text)
    if as_json or form == "json":
        show.document(answer.to_pylist())
    elif form == "csv":
        click.echo(show.csv_text(answer.column_names, zip(*_columns(answer), strict=True)), nl=False)
    else:
        _table(answer.column_names, _columns(answer.slice(0, ROWS)))
        if answer.num_rows > ROWS:
            show.say(f"… {show.counted(answer.num_rows - ROWS, 'more row')}: --format csv has them all")


def _table(names: list[str], columns: list[list[object]]) -> None:
    """Rows for people: if they are too wide, in parts that repeat the columns up to the service."""
    times = {
        name
        for name, cells in zip(names, columns, strict=True)
        if any(isinstance(v, datetime) for v in cells[:1])
    }
    rows = [
        [f"{v:%Y-%m-%d %H:%M:%S}" if isinstance(v, datetime) else v for v in row]
        for row in zip(*columns, strict=True)
    ]
    key = names.index("service") + 1 if "service" in names[:3] else 1
    show.table(names, rows, whole=times, key=key)


def _columns(answer: Any) -> list[list[object]]:
    return [column.to_pylist() for column in answer.columns]
