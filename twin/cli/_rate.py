"""twin explore --rate: how often the race would happen by chance."""

from __future__ import annotations

import math
from typing import TYPE_CHECKING, Any

import click
from click.core import ParameterSource

from twin.cli import _show as show
from twin.cli._command import OWN, all_of, headed_option
from twin.cli._errors import BadInput
from twin.cli._options import seed_option

if TYPE_CHECKING:
    from twin.analysis.dns_race.rate import Habits
    from twin.analysis.dns_race.rate_table import RaceRate, RateRow
    from twin.statistics.estimates import Estimate

VARIED = {"keep": "plans kept", "plan_interval_s": "plan interval", "backoff_s": "first back-off",
          "cap_s": "cap of the back-off"}  # fmt: skip


rate_options = all_of(
    headed_option("--rate", is_flag=True, help="How often the race happens by chance, in events a year."),
    headed_option("--plan-interval", metavar="DURATION", help="With --rate: time between plans."),
    headed_option("--backoff", metavar="DURATION",
                  help="With --rate: first wait after a try that did not get the lock."),
    headed_option("--backoff-cap", metavar="DURATION", help="With --rate: longest wait.  [default: none]"),
    headed_option("--lose-ratio", type=float, default=1 / 3, show_default="1/3", metavar="RATIO",
           help="With --rate: probability that a try does not get the lock. Unpublished."),
    headed_option("--jitter", type=float, default=0.5, show_default=True, metavar="RATIO",
           help="With --rate: a wait is shortened at random by up to this ratio."),
    seed_option(OWN),
)  # fmt: skip
SEED = 1  # of the splitting, where none is given
OF_THE_RATE = {"rate", "plan_interval", "backoff", "backoff_cap", "lose_ratio", "jitter", "seed"}
SHARED = {"keep", "endpoints", "as_json"}


def by_chance(ctx: click.Context, numbers: dict[str, Any]) -> bool:
    """Whether the rate was asked for; then what was not given is None. Raises BadInput for what does not go
    together."""
    given = {name for name in ctx.params if ctx.get_parameter_source(name) == ParameterSource.COMMANDLINE}
    by_rate = bool(numbers["rate"])
    if odd := given - OF_THE_RATE - SHARED if by_rate else given & OF_THE_RATE:
        flags = {parameter.name: parameter.opts[0] for parameter in ctx.command.params}
        names = ", ".join(flags[name] for name in sorted(odd))
        raise BadInput(f"{names}: does not go with --rate" if by_rate else f"{names}: only with --rate")
    if by_rate:
        numbers.update({name: None for name in ("keep", "endpoints") if name not in given})
    return by_rate


def habits(given: dict[str, Any]) -> Habits:
    """The habits that the options describe. Raises BadInput."""
    from twin.analysis.dns_race.rate_table import habits_of

    try:
        return habits_of(
            plan_interval_s=_duration(given["plan_interval"], "--plan-interval"),
            keep=given.get("keep"),
            endpoints=given.get("endpoints"),
            backoff_s=_duration(given["backoff"], "--backoff"),
            cap_s=_duration(given["backoff_cap"], "--backoff-cap") or math.inf,
            lose_ratio=given["lose_ratio"],
            jitter_ratio=given["jitter"],
        )
    except ValueError as error:
        raise BadInput(f"--rate: expected {error}") from None


def _duration(text: str | None, option: str) -> float | None:
    from twin.base import units

    if text is None:
        return None
    try:
        seconds = units.parse_duration(text.strip())
    except units.Refused as refused:
        raise BadInput(f"{option}: found '{text}', expected {refused.expected}") from None
    if seconds <= 0:
        raise BadInput(f"{option}: found '{text}', expected a duration longer than 0")
    return float(seconds)


def run_rate(base: Habits, seed: int | None, as_json: bool) -> None:
    """Estimate, and print."""
    from twin.analysis.dns_race.rate_table import race_rate

    found = race_rate(base, SEED if seed is None else seed)
    if as_json:
        show.document(found.as_json())
    else:
        show_rate(found)


def show_rate(found: RaceRate) -> None:
    """The tables."""
    from twin.analysis.dns_race.rate_table import ASSUMED

    base = found.base.habits
    show.prose(f"How often chance alone starves an Enactor until the race is on: {ASSUMED}.")
    show.prose(f"Each try loses with probability {base.lose_ratio:g}; {base.endpoints:g} endpoints; "
               f"clean-up {base.window_s:g} s after an endpoint's write, on average.")  # fmt: skip
    click.echo()
    columns = ("varied", "value", "keep plans late", "95 % interval", "events a year", "95 % interval ")
    rows = [_line(row) for row in (found.base, *found.rows)]
    show.table(columns, rows, numbers=columns[1:])
    law = found.law
    fitted = "no estimate" if law.fitted_exponent is None else f"{law.fitted_exponent:.2f}"
    click.echo()
    show.prose(f"Without a cap, to be late is a power law of the plans kept: exponent {fitted}, "
               f"-log2 p = {law.expected_exponent:.2f}.")  # fmt: skip
    show.table(
        ("lost tries", "delay s", "p^k", "estimate", "95 % interval"),
        [(d.lost_tries, d.delay_s, _short(d.closed_form), *_cells(d.estimate)) for d in found.delays],
        numbers=("lost tries", "delay s", "p^k", "estimate"),
    )


def _line(row: RateRow) -> tuple[Any, ...]:
    value = getattr(row.habits, row.varied) if row.varied else None
    text = "" if value is None else "none" if math.isinf(value) else f"{value:g}"
    return (VARIED.get(row.varied, "as given"), text, *_cells(row.late), *_cells(row.events_per_year))


def _cells(found: Estimate) -> tuple[str, str]:
    return _short(found.mean), f"{_short(found.low)} to {_short(found.high)}"


def _short(value: float) -> str:
    return "0" if value == 0 else f"{value:.3g}"
