"""twin explore --rate: how often the race would happen by chance."""

from __future__ import annotations

import math
from collections.abc import Iterator
from typing import TYPE_CHECKING, Any

import click
from click.core import ParameterSource

from twin.cli import _show as show
from twin.cli._command import OWN, all_of, headed_option
from twin.cli._errors import BadInput
from twin.cli._options import seed_option

if TYPE_CHECKING:
    from twin.analysis.dns_race.rate import Estimate, Habits

FACTORS = (0.5, 1.0, 2.0, 4.0)
CAPS_S = (math.inf, 3600.0, 600.0, 60.0, 10.0)
VARIED = {"keep": "plans kept", "plan_interval_s": "plan interval", "backoff_s": "first back-off",
          "cap_s": "cap of the back-off"}  # fmt: skip


rate_options = all_of(
    headed_option("--rate", is_flag=True, help="How often the race happens by chance, in events a year."),
    headed_option("--plan-interval", metavar="DURATION", help="With --rate: time between plans."),
    headed_option("--backoff", metavar="DURATION", help="With --rate: first wait after a lost lock."),
    headed_option("--backoff-cap", metavar="DURATION", help="With --rate: longest wait.  [default: none]"),
    headed_option("--lose-ratio", type=float, default=1 / 3, show_default="1/3", metavar="RATIO",
           help="With --rate: probability that a try loses the lock. Unpublished."),
    headed_option("--jitter", type=float, default=0.5, show_default=True, metavar="RATIO",
           help="With --rate: largest share by which a wait is shortened at random."),
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
    """The simulator's numbers, where nothing else is given. Raises BadInput."""
    from twin.analysis.dns_race.rate import Habits, check
    from twin.kinds import kinds_that, registry

    (kind,) = kinds_that("holds_event")
    numbers = registry()[kind].PARAMETERS
    known = {p.name: float(p.default) for p in numbers if isinstance(p.default, int | float)}
    endpoints = float(given.get("endpoints") or known["endpoints_count"])
    # Half of the other endpoints are still to be written when the clean-up of one begins to matter.
    window_s = (endpoints - 1) / 2 * known["batch_s"] + known["cleanup_s"]
    interval_s = _duration(given["plan_interval"], "--plan-interval") or known["plan_interval_s"]
    found = Habits(
        plan_interval_s=interval_s,
        keep=float(given.get("keep") or known["keep_count"]),
        backoff_s=_duration(given["backoff"], "--backoff") or known["backoff_s"],
        cap_s=_duration(given["backoff_cap"], "--backoff-cap") or math.inf,
        lose_ratio=given["lose_ratio"],
        jitter_ratio=given["jitter"],
        endpoints=endpoints,
        window_s=min(window_s, interval_s),
    )
    try:
        check(found)
    except ValueError as error:
        raise BadInput(f"--rate: expected {error}") from None
    return found


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
    found = rate_document(base, SEED if seed is None else seed)
    if as_json:
        show.document(found)
    else:
        show_rate(found, base)


def rate_document(base: Habits, seed: int) -> dict[str, Any]:
    """The document of --rate: the base, one number varied at a time, and the law held against both."""
    rows = [_row(name, h, seed) for name, h in variants(base)]
    return {
        "base": _row("", base, seed),
        "rows": rows,
        "law": law(base, seed),
        "delays": delays(base, seed),
        "assumed": "the chance to lose a lock and the first back-off are unpublished",
    }


def variants(base: Habits) -> Iterator[tuple[str, Habits]]:
    """(what is varied, the habits)."""
    for name in ("keep", "plan_interval_s", "backoff_s"):
        for factor in FACTORS:
            value = getattr(base, name) * factor
            h = base._replace(**{name: max(1.0, round(value)) if name == "keep" else value})
            yield name, h._replace(window_s=min(h.window_s, h.plan_interval_s))
    for cap_s in sorted({*CAPS_S, base.cap_s}, reverse=True):
        yield "cap_s", base._replace(cap_s=cap_s)


def _row(varied: str, h: Habits, seed: int) -> dict[str, Any]:
    from twin.analysis.dns_race.rate import exactly, likelihood

    found = likelihood(h, seed=seed)
    late, events = exactly(h)
    return {
        "varied": varied,
        **{name: None if math.isinf(value) else value for name, value in h._asdict().items()},
        "late": _interval(found.late),
        "late_without_jitter": late,
        "events_per_year": _interval(found.events_per_year),
        "events_per_year_without_jitter": events,
    }


def _interval(found: Estimate) -> dict[str, float]:
    return {"mean": found.mean, "low": found.low, "high": found.high}


def law(base: Habits, seed: int) -> dict[str, Any]:
    """The exponent of the power law, as expected and as fitted to plans kept, without a cap."""
    from twin.analysis.dns_race.rate import exponent, fitted_exponent, likelihood

    free = base._replace(cap_s=math.inf)
    keeps = [base.keep * 2**k for k in range(5)]
    late = [likelihood(free._replace(keep=keep), seed=seed).late.mean for keep in keeps]
    fitted = fitted_exponent(keeps, late) if min(late) > 0 else None
    return {"expected_exponent": exponent(base), "fitted_exponent": fitted, "keeps": keeps, "late": late}


def delays(base: Habits, seed: int) -> list[dict[str, Any]]:
    """P(D >= b (2^k - 1)) = p^k, by splitting over levels that are those delays: without jitter, no cap."""
    from twin.analysis.dns_race.rate import delay_likelihood

    free = base._replace(cap_s=math.inf, jitter_ratio=0.0)
    return [
        {"lost_tries": k, "delay_s": base.backoff_s * (2**k - 1), "closed_form": base.lose_ratio**k,
         "estimate": _interval(delay_likelihood(free, k, seed=seed))}
        for k in (1, 2, 5, 10, 15)
    ]  # fmt: skip


def show_rate(found: dict[str, Any], base: Habits) -> None:
    """The tables."""
    show.prose(f"How often chance alone starves an Enactor until the race is on: {found['assumed']}.")
    show.prose(f"Each try loses with probability {base.lose_ratio:g}; {base.endpoints:g} endpoints; "
               f"clean-up {base.window_s:g} s after an endpoint's write, on average.")  # fmt: skip
    click.echo()
    columns = ("varied", "value", "keep plans late", "95 % interval", "events a year", "95 % interval ")
    rows = [_line(row) for row in (found["base"], *found["rows"])]
    show.table(columns, rows, numbers=columns[1:])
    law = found["law"]
    fitted = "no estimate" if law["fitted_exponent"] is None else f"{law['fitted_exponent']:.2f}"
    click.echo()
    show.prose(f"Without a cap, to be late is a power law of the plans kept: exponent {fitted}, "
               f"-log2 p = {law['expected_exponent']:.2f}.")  # fmt: skip
    show.table(
        ("lost tries", "delay s", "p^k", "estimate", "95 % interval"),
        [(d["lost_tries"], d["delay_s"], _short(d["closed_form"]), *_cells(d["estimate"]))
         for d in found["delays"]],
        numbers=("lost tries", "delay s", "p^k", "estimate"),
    )  # fmt: skip


def _line(row: dict[str, Any]) -> tuple[Any, ...]:
    name = row["varied"]
    value = "" if not name else "none" if row[name] is None else f"{row[name]:g}"
    return (VARIED.get(name, "as given"), value, *_cells(row["late"]), *_cells(row["events_per_year"]))


def _cells(found: dict[str, float]) -> tuple[str, str]:
    return _short(found["mean"]), f"{_short(found['low'])} to {_short(found['high'])}"


def _short(value: float) -> str:
    return "0" if value == 0 else f"{value:.3g}"
