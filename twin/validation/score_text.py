"""A scorecard as text: what was missed first, then every outcome, the sums, and what the score rests on."""

from __future__ import annotations

import math
from collections.abc import Iterator
from datetime import datetime
from typing import Any

from rich.console import Console
from rich.markup import escape
from rich.padding import Padding
from rich.table import Table

from twin.base.units import format_duration
from twin.spec.inputs import UncertainInput
from twin.validation.ensemble import WIDE_MIN
from twin.validation.score import OutcomeClass, Scorecard, ScoreRow

SHOWN = 3  # numbers named for each miss
STYLES = {OutcomeClass.IMPOSED: "dim", OutcomeClass.FITTED: "dim", OutcomeClass.PREDICTED: ""}


def render(card: Scorecard, console: Console) -> None:
    """Print ``card``."""
    lists = (*_misses(card), *_wide(card), _outcomes(card), *_plateaus(card), *_counts(card))
    for part in (*lists, _sums(card), *_idle(card), *_foundations(card), *_distribution(card)):
        console.print(part)


def render_head(card: Scorecard, console: Console) -> None:
    """Print the score of each phase: the first thing to read."""
    for warning in card.warnings:
        console.print(f"[bold]Warning[/]: {escape(warning)}")
    table = Table(box=None, pad_edge=False)
    for name in ("predicted outcomes", "happen", "within\n10 min", "also without\nfeedback", "within\n44 min",
                 "also without\nfeedback", "mean error,\nmin", "without\nfeedback"):  # fmt: skip
        table.add_column(name, justify="left" if name.startswith("predicted") else "right")
    for each in card.phases:
        ours, theirs, also = each.twin, each.baseline, each.also
        near, far = (f"{ours[w]} of {ours['count']}" for w in ("within_10_min", "within_44_min"))
        table.add_row(
            escape(each.title), f"{ours['exist']} of {ours['count']}",
            near, str(also["within_10_min"]), far, str(also["within_44_min"]),
            _whole(ours["mean_abs_error_min"]),
            f"{_whole(theirs['mean_abs_error_min'])}, {theirs['exist']} happen",
        )  # fmt: skip
    console.print(table)
    console.print(
        "What is also right without feedback says nothing about the twin. "
        f"What never happens counts as {card.never_min:.0f} min off: "
        "from the first input to the last outcome.\n"
    )


def _misses(card: Scorecard) -> Iterator[str | Padding]:
    predicted = [row for row in card.rows if row.outcome_class is OutcomeClass.PREDICTED]
    yield f"[bold]Missed[/]: {len(card.misses)} of {len(predicted)} predicted outcomes"
    for row in card.misses:
        about = row.outcome.what or row.outcome.id
        hangs = ", ".join(card.hangs_on(row)[:SHOWN]) or "no unpublished number: the mechanism"
        how = "depends most on" if card.ensemble else "may depend on"
        yield Padding(escape(f"{row.outcome.id}: {off(row)}"), (0, 0, 0, 2))
        yield Padding(escape(f"{about}; {how} {hangs}"), (0, 0, 0, 6))
    for name in card.broken:
        yield f"  {name}: must not happen, and does"
    yield ""


def _wide(card: Scorecard) -> Iterator[str]:
    """The wide bands, and the unpublished number that would narrow each most."""
    if card.ensemble is None or not card.ensemble.wide:
        return
    yield f"[bold]Wide[/]: {len(card.ensemble.wide)} bands of more than {WIDE_MIN:.0f} min"
    for each in card.ensemble.wide:
        named = f"{each.number.target}, known to a third of its range, would leave {each.left_min:.0f}"
        perhaps = "" if each.certain else "perhaps "
        is_open = card.ensemble.width_min(each.outcome) == math.inf
        open_end = " to the end of the run, where it may not have happened" if is_open else ""
        yield escape(f"  {each.outcome}: {each.band_min:.0f} min{open_end}; {perhaps}{named}")
    yield ""


def off(row: ScoreRow) -> str:
    """'224 min early', or 'never happens'."""
    if row.error_min is None:
        return "never happens"
    return f"{abs(row.error_min):.0f} min {'late' if row.error_min > 0 else 'early'}"


def _outcomes(card: Scorecard) -> Table:
    table = Table(title="Published outcomes", title_justify="left", box=None, pad_edge=False)
    for name in ("outcome", "class", "published", "twin", "error", "without\nfeedback"):
        table.add_column(name, justify="left" if name in ("outcome", "class") else "right", no_wrap=True)
    for row in card.rows:
        cells = (row.outcome.id, row.outcome_class, _clock(row.outcome.at), _clock(row.simulated))
        errors = (_minutes(row.error_min), _minutes(row.baseline_error_min))
        table.add_row(*cells, *errors, style="red" if row in card.misses else STYLES[row.outcome_class])
    return table


def _plateaus(card: Scorecard) -> Iterator[Table]:
    """Where the twin stands while something was partly so."""
    if not card.plateaus:
        return
    table = Table(title="\nPublished plateaus", title_justify="left", box=None, pad_edge=False)
    for name in ("plateau", "class", "published", "twin", "without\nfeedback"):
        table.add_column(name, justify="left" if name in ("plateau", "class") else "right", no_wrap=True)
    for row in card.plateaus:
        sort = OutcomeClass.IMPOSED if row.plateau.imposed else OutcomeClass.PREDICTED
        bounds = f"{row.plateau.low:g} to {row.plateau.high:g}"
        style = STYLES[sort] if row.holds else "red"
        levels = (_plain(row.simulated), _plain(row.baseline))
        table.add_row(row.plateau.id, sort, bounds, *levels, style=style)
    yield table


def _counts(card: Scorecard) -> Iterator[Table]:
    """How many services were impacted: shares, as the twin has a part of them."""
    if not card.counts:
        return
    table = Table(title="\nPublished counts", title_justify="left", box=None, pad_edge=False)
    for name in ("count", "at", "published", "share", "twin", "share", "without\nfeedback"):
        table.add_column(name, justify="left" if name == "count" else "right", no_wrap=True)
    for row in card.counts:
        least = "≥ " if row.count.at_least else ""
        table.add_row(
            row.count.id, f"{row.count.at:%H:%M}", f"{least}{row.count.count} of {row.count.whole}",
            _percent(row.count.share), f"{row.counted} of {row.entries}", _percent(row.share),
            _percent(row.baseline_share),
        )  # fmt: skip
    yield table


def _idle(card: Scorecard) -> Iterator[str]:
    """Of what must not happen: what could not, so that it proves nothing."""
    for id, why in card.idle.items():
        yield escape(f"  {id} could not happen: {why}")


def _distribution(card: Scorecard) -> Iterator[Table | str]:
    """How the whole ensemble stands to what was published, in each phase."""
    if not card.distribution:
        return
    table = Table(title="\nDistribution", title_justify="left", box=None, pad_edge=False)
    for name in ("predicted outcomes", "covered by\n5–95 %", "median\nwidth, min", "open", "CRPS,\nmin",
                 "without\nfeedback", "skill", "skill where\nthat happens", "rank histogram"):  # fmt: skip
        table.add_column(name, justify="left" if name.startswith("pred") else "right")
    for each in (phase.as_json() for phase in card.distribution):
        width = each["median_band_min"]
        table.add_row(
            escape(each["phase"]), _percent(each["coverage"]), "open" if width is None else _whole(width),
            _percent(each["open_share"]), _whole(each["crps_min"]), _whole(each["baseline_crps_min"]),
            _plain(each["skill"]), _plain(each["skill_where_baseline_happens"]),
            " ".join(map(str, each["rank_histogram"])),
        )  # fmt: skip
    yield table
    yield "CRPS: error and spread together; skill 1 is perfect, 0 no better than without feedback."
    yield "Rank histogram: published times by tenth of the draws, the earliest first; flat is right."


def _sums(card: Scorecard) -> Table:
    twin, baseline = card.summary(), card.baseline_summary()
    table = Table(title="\nSums", title_justify="left", box=None, pad_edge=False)
    table.add_column("")
    for name in ("twin", "without feedback"):
        table.add_column(name, justify="right")
    for sort in STYLES:
        if not twin[sort]["count"]:
            continue
        table.add_row(f"{sort}, of {twin[sort]['count']}", "", "", style="bold")
        for label, key, form in _LINES:
            table.add_row(f"  {label}", *(form(side[sort][key]) for side in (twin, baseline)))
    table.add_row("predicted, order (Kendall's tau)", *(_plain(s["kendall_tau"]) for s in (twin, baseline)))
    broken = (str(len(side["must_not"]["broken"])) for side in (twin, baseline))
    table.add_row(f"must not happen and does, of {card.must_not_count}", *broken)
    return table


def _foundations(card: Scorecard) -> Iterator[str]:
    """What the score rests on: the fitted numbers; and how sure it is: the ensemble."""
    yield "\n[bold]Fitted[/]" if card.fitted else "\nNothing is fitted."
    for number in card.fitted:
        yield f"  {number.target} = {_value(number)}, to {', '.join(number.fitted_to)}"
    if card.beyond:
        yield f"Beyond the end of the run, so not scored: {', '.join(card.beyond)}"
    if card.ensemble is None:
        return
    drawn = card.ensemble.as_json()
    yield f"\n[bold]Ensemble[/] of {drawn['draws']} draws of {drawn['numbers']} numbers, {drawn['runs']} runs"
    if drawn["refitted"]:
        yield f"  Refitted in each draw: {', '.join(drawn['refitted'])}"
    yield (
        f"  {drawn['kept']} draws agree with what is known. Left out: {drawn['invalid']} invalid, impaired "
        f"before the first input; {drawn['implausible']} that contradict an outcome that may be fitted to."
    )
    if drawn["excused"]:
        yield f"  Not held against them, as the fit itself does it: {', '.join(drawn['excused'])}"
    yield f"  The 5–95 % band covers {_percent(drawn['coverage'])} of the predicted outcomes."
    if drawn["median_band_min"] is None:
        yield "  More than half of the bands are open: in some draws the outcome never happens."
    else:
        yield f"  Its median width is {_plain(drawn['median_band_min'])} min."
    yield f"  {_percent(drawn['open_share'])} of the bands are open."
    for moved in drawn["moved_by"]:
        yield escape(f"  {moved['number']} moves {moved['outcome']} by {moved['movement_min']:+.0f} min")


def _value(number: UncertainInput) -> str:
    if number.unit == "s" and isinstance(number.value, int | float):
        return format_duration(float(number.value)) + ("" if number.service else " after the start")
    return f"{number.value:g}" + ("/s" if number.unit == "1/s" else "")


def _clock(moment: datetime | None) -> str:
    return "never" if moment is None else f"{moment:%H:%M}"


def _minutes(error_min: float | None) -> str:
    return "never" if error_min is None else f"{error_min:+.0f} min"


def _percent(share: float | None) -> str:
    return "–" if share is None else f"{share:.0%}"


def _whole(value: float | None) -> str:
    return "–" if value is None else f"{value:.0f}"


def _plain(value: Any) -> str:
    return "–" if value is None else f"{value:.4g}"


_LINES = (
    ("happen", "exist_share", _percent),
    ("within 10 min", "within_10_min_share", _percent),
    ("within 44 min", "within_44_min_share", _percent),
    ("mean absolute error, min", "mean_abs_error_min", _plain),
)
