"""The pictures of a comparison. Each has a description, and none depends on colour alone."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from datetime import datetime, timedelta

import numpy as np
from markupsafe import Markup
from matplotlib.axes import Axes
from matplotlib.figure import Figure
from matplotlib.ticker import FuncFormatter, MaxNLocator, MultipleLocator

from twin.experiments.arms import BASELINE
from twin.experiments.comparison import ArmResult, PairedComparison
from twin.model.changes import COSTS
from twin.report.drawing import (
    BAD,
    BASE,
    GOOD,
    INK,
    LINE,
    PAPER,
    QUIET,
    UNCLEAR,
    bare,
    picture,
)
from twin.report.verdict import difference, order, primary
from twin.report.wording import MINUS, amount, hours, share
from twin.results.metrics import PRIMARY, Metric
from twin.results.of_run import CURVE_S
from twin.statistics.attribution import Attribution
from twin.statistics.durations import Survival
from twin.statistics.estimates import Band, Estimate

ROW, EDGE = 0.52, 1.0  # inches a row of a forest takes, and what is around them
MOST = 40  # rows of a forest
HEAD = 0.5  # rows that the name of a class of cost takes
NAMED = 4  # arms of a class of cost that have a row of their own, if no more are on the front
HOURS = (1 / 6, 1 / 4, 1 / 2, 1, 2, 3, 4, 6, 12, 24, 48)  # between ticks of an axis of time


def _thousands(value: float, _: object = None) -> str:
    return f"{value:,.0f}".replace("-", MINUS)


# --- differences ---------------------------------------------------------------


def forest(found: PairedComparison, arms: Sequence[ArmResult]) -> Markup:
    """The paired difference of each arm from the baseline, with its interval."""
    shown = arms[:MOST]
    m = primary(found)

    def draw(figure: Figure, narrow: bool) -> None:
        axes = figure.add_subplot()
        bare(axes)
        axes.set_ylim(len(shown) - 0.45, -0.75)
        axes.axvline(0, color=INK, lw=1)
        for k, arm in enumerate(shown):
            _whisker(axes, k, arm.difference[PRIMARY], _colour(arm), arm.significant[PRIMARY])
            _named(axes, k, arm.arm.name, difference(m, arm), _colour(arm))
        axes.xaxis.set_major_locator(MaxNLocator(4 if narrow else 8))
        axes.xaxis.set_major_formatter(FuncFormatter(_thousands))
        axes.set_xlabel("service-minutes lost, difference from the baseline" if not narrow else
                        "service-minutes, from the baseline")  # fmt: skip

    summary = "; ".join(f"{a.arm.name} {difference(m, a)}, {a.verdict}" for a in shown)
    words = f"Difference from the baseline in service-minutes lost, with 95 % intervals: {summary}."
    return picture("forest", words, lambda _: EDGE + ROW * len(shown), draw)


def _colour(arm: ArmResult) -> str:
    if not arm.significant[PRIMARY]:
        return UNCLEAR
    return GOOD if arm.difference[PRIMARY].mean < 0 else BAD


def _whisker(axes: Axes, row: float, e: Estimate, colour: str, significant: bool) -> None:
    """A mean with its interval: full if significant, hollow if not."""
    low, high = max(e.low, -1e18), min(e.high, 1e18)
    axes.plot([low, high], [row, row], color=colour, lw=2.4, solid_capstyle="butt")
    axes.plot([e.mean], [row], "o", ms=8, color=colour, mfc=colour if significant else PAPER, mew=1.8)


def _named(axes: Axes, row: float, name: str, value: str, colour: str, bold: bool = True) -> None:
    """A row's name above it at the left, its value at the right."""
    across = axes.get_yaxis_transform()
    box = {"facecolor": PAPER, "edgecolor": "none", "pad": 1.5}  # over the zero line
    axes.text(0.005, row - 0.3, name, transform=across, va="bottom", bbox=box,
              fontweight="bold" if bold else "normal", color=INK if bold else QUIET)  # fmt: skip
    axes.text(1, row - 0.3, value, transform=across, ha="right", va="bottom", bbox=box,
              color=QUIET if colour == UNCLEAR else colour)  # fmt: skip


# --- over time -------------------------------------------------------------------


def timelines(found: PairedComparison, best: ArmResult, start: datetime, origin_s: float) -> Markup:
    """Services impaired at once, baseline against best: mean, and the band of 5 to 95 % of the worlds."""
    bands = {BASELINE: found.band(BASELINE), best.arm.name: found.band(best.arm.name)}
    zero = start + timedelta(seconds=origin_s)

    def draw(figure: Figure, narrow: bool) -> None:
        axes = figure.add_subplot()
        for (name, band), colour, dashes in zip(bands.items(), (BASE, GOOD), ("--", "-"), strict=True):
            _band(axes, band, origin_s, colour, dashes, name)
        axes.axvline(0, color=QUIET, lw=1, ls=":")
        axes.set_ylim(-0.03 * axes.get_ylim()[1])  # keeps a line at 0 in view
        axes.set_xlim(-origin_s / 3600, found.horizon_s / 3600)
        axes.yaxis.set_major_locator(MaxNLocator(6, integer=True))
        axes.grid(axis="y")
        axes.set_title("services impaired at once, maximum of each 5 min", color=QUIET, fontsize=11)
        _two_clocks(axes, zero, found.horizon_s + origin_s, narrow)
        _legend(figure, axes, narrow)

    peak = {name: float(band.mean.max()) for name, band in bands.items()}
    summary = "; ".join(f"{name}: maximum of the mean {p:.1f}" for name, p in peak.items())
    words = f"Services impaired at once over time, mean and 5 to 95 % of the worlds. {summary}."
    return picture("timelines", words, lambda narrow: 4.4, draw)


def _legend(figure: Figure, axes: Axes, narrow: bool) -> None:
    """Above everything, where it hides nothing."""
    handles, names = axes.get_legend_handles_labels()
    figure.legend(handles, names, loc="outside upper left", ncols=1 if narrow else 2, borderaxespad=0)


def _band(axes: Axes, band: Band, origin_s: float, colour: str, dashes: str, name: str) -> None:
    at = (np.arange(len(band.mean) + 1) * CURVE_S - origin_s) / 3600
    mean, low, high = (np.append(v, v[-1:]) for v in (band.mean, band.low, band.high))  # to the bin's end
    axes.fill_between(at, low, high, step="post", color=colour, alpha=0.16, lw=0)
    axes.step(at, mean, where="post", color=colour, ls=dashes, label=name)


def _two_clocks(axes: Axes, zero: datetime, length_s: float, narrow: bool) -> None:
    """Hours since the first input, and below them the local time."""
    step = _step(length_s, 4 if narrow else 10)
    axes.xaxis.set_major_locator(MultipleLocator(step))

    def words(hour: float, _: object = None) -> str:
        local = zero + timedelta(hours=hour)
        since = f"{hour * 60:+.0f} min" if step < 1 else f"{hour:+g} h"
        new_day = hour > 0 and local.date() != (local - timedelta(hours=step)).date()
        day = f"\n{local:%d %b}" if new_day else ""
        return f"{since if hour else '0'}\n{local:%H:%M}{day}".replace("-", MINUS)

    axes.xaxis.set_major_formatter(FuncFormatter(words))
    zone = f"UTC{zero:%z}".replace("-", MINUS)
    axes.set_xlabel(f"since the first input, and local time ({zone}); it begins on {zero:%d %b %Y}")


def _step(length_s: float, ticks: int) -> float:
    """Hours from tick to tick."""
    return next((h for h in HOURS if length_s / 3600 / h <= ticks), HOURS[-1])


def recoveries(
    found: PairedComparison, best: ArmResult, curves: Mapping[str, tuple[Survival, Survival]]
) -> Markup:
    """Share of the worlds without recovery yet, over time; title → (baseline, best)."""
    unit, unit_s = ("hours", 3600.0) if found.horizon_s >= 7200 else ("minutes", 60.0)

    def draw(figure: Figure, narrow: bool) -> None:
        columns = 1 if narrow or len(curves) == 1 else 2
        grid = figure.subplots(-(-len(curves) // columns), columns, squeeze=False, sharey=True).ravel()
        for axes, (title, pair) in zip(grid, curves.items(), strict=False):
            names = (BASELINE, best.arm.name)
            for curve, colour, dashes, name in zip(pair, (BASE, GOOD), ("--", "-"), names, strict=True):
                _steps(axes, curve, colour, dashes, name, unit_s)
            axes.set_title(title)
            axes.set_ylim(-0.03, 1.03)
            axes.set_xlim(0, found.horizon_s / unit_s)
            axes.yaxis.set_major_formatter(FuncFormatter(lambda v, _: f"{100 * v:.0f} %"))
            axes.xaxis.set_major_locator(MultipleLocator(_step(found.horizon_s, 6) * 3600 / unit_s))
            axes.set_xlabel(f"{unit} since the first input")
            axes.grid()
        for axes in grid[len(curves) :]:
            axes.set_visible(False)
        _legend(figure, grid[0], narrow)

    def half(curve: Survival) -> str:
        return hours(curve.median_s) if np.isfinite(curve.median_s) else "no time within the run"

    summary = "; ".join(f"{title}: half recovered after {half(a)}, with {best.arm.name} {half(b)}"
                     for title, (a, b) in curves.items())  # fmt: skip
    words = f"Share of the worlds without recovery yet, over time (Kaplan-Meier). {summary}."
    rows = {True: len(curves), False: -(-len(curves) // 2)}
    return picture("recoveries", words, lambda narrow: 0.5 + 2.9 * rows[narrow], draw)


def _steps(axes: Axes, curve: Survival, colour: str, dashes: str, name: str, unit_s: float) -> None:
    at = np.concatenate([[0.0], curve.times_s, [curve.horizon_s]]) / unit_s
    still, low, high = (np.concatenate([[1.0], v, v[-1:] if len(v) else [1.0]])
                        for v in (curve.still, curve.low, curve.high))  # fmt: skip
    axes.fill_between(at, low, high, step="post", color=colour, alpha=0.16, lw=0)
    axes.step(at, still, where="post", color=colour, ls=dashes, label=name)


# --- costs, and shares of the loss ----------------------------------------------------


def costs(found: PairedComparison, priced: Sequence[tuple[str, ArmResult]], front: Sequence[str]) -> Markup:
    """The saving of each arm, by class of cost. Diamonds: no other arm beats it in both."""
    lanes = {c: _lane([a for cost, a in priced if cost == c], front) for c in COSTS}
    lanes = {c: lane for c, lane in lanes.items() if lane}
    m = primary(found)

    def draw(figure: Figure, narrow: bool) -> None:
        axes = figure.add_subplot()
        bare(axes)
        row = 0.0
        for cost, lane in lanes.items():
            deep = HEAD + len(lane)
            axes.axhline(row, color=LINE, lw=1)
            axes.text(0, row + 0.12, f" {cost}", transform=axes.get_yaxis_transform(), color=QUIET, va="top")
            axes.plot([0, 0], [row + HEAD, row + deep], color=INK, lw=1)
            for j, arms in enumerate(lane):
                _savings(axes, row + HEAD + j + 0.65, arms, front, m)
            row += deep
        axes.set_ylim(row, 0)
        axes.margins(x=0.03)
        axes.xaxis.set_major_locator(MaxNLocator(4 if narrow else 8))
        axes.xaxis.set_major_formatter(FuncFormatter(_thousands))
        axes.set_xlabel("service-minutes saved")

    at = {a.arm.name: (cost, amount(m, -a.difference[PRIMARY].mean)) for cost, a in priced}
    summary = "; ".join(f"{n} ({at[n][0]}) saves {at[n][1]}" for n in front if n in at)
    words = f"Service-minutes saved by class of cost. No other arm beats these in both: {summary}."
    rows = sum(HEAD + len(lane) for lane in lanes.values())
    return picture("costs", words, lambda _: 0.6 + ROW * rows, draw)


def _lane(arms: Sequence[ArmResult], front: Sequence[str]) -> list[list[ArmResult]]:
    """The rows of a class of cost: arms on the front and the best others, one each, then all the rest."""
    ranked = sorted(arms, key=lambda a: (a.arm.name not in front, order(a)))
    named = max(NAMED, sum(a.arm.name in front for a in arms))
    return [[a] for a in ranked[:named]] + ([ranked[named:]] if ranked[named:] else [])


def _savings(axes: Axes, row: float, arms: Sequence[ArmResult], front: Sequence[str], m: Metric) -> None:
    """A row of a lane: one arm with its name and interval, or the means of many."""
    for arm in arms:
        d, best = arm.difference[PRIMARY], arm.arm.name in front
        colour = _colour(arm) if best else UNCLEAR
        if len(arms) == 1:
            axes.plot([-d.high, -d.low], [row, row], color=colour, lw=2.4 if best else 1.4)
            _named(axes, row, arm.arm.name, f"{amount(m, -d.mean)}", colour, bold=best)
        axes.plot([-d.mean], [row], "D" if best else "o", ms=8 if best else 5, color=colour,
                  mfc=colour if arm.significant[PRIMARY] else PAPER)  # fmt: skip
    if len(arms) > 1:
        _named(axes, row, f"{len(arms)} others", "", UNCLEAR, bold=False)


def shares(attribution: Attribution) -> Markup:
    """Each defect's share of the loss, with its interval."""
    ranked = sorted(attribution.shares.items(), key=lambda item: -item[1].mean)

    whole = attribution.whole.mean

    def text(e: Estimate) -> str:
        of_all = f"{share(e.mean / whole)} · " if whole > 0 and e is not attribution.whole else ""
        return of_all + f"{_thousands(e.mean)} [{_thousands(e.low)}, {_thousands(e.high)}]"

    def draw(figure: Figure, narrow: bool) -> None:
        axes = figure.add_subplot()
        bare(axes)
        axes.set_ylim(len(ranked) - 0.45, -0.75)
        axes.axvline(0, color=INK, lw=1)
        for k, (name, e) in enumerate(ranked):
            significant = e.low > 0 or e.high < 0
            colour = BASE if significant else UNCLEAR
            axes.barh(k, e.mean, height=0.3, color=colour, alpha=0.5)
            _whisker(axes, k, e, colour, significant)
            _named(axes, k, name, text(e), colour)
        axes.xaxis.set_major_locator(MaxNLocator(4 if narrow else 8))
        axes.xaxis.set_major_formatter(FuncFormatter(_thousands))
        axes.set_xlabel("service-minutes of the loss")

    summary = "; ".join(f"{name} {text(e)}" for name, e in ranked)
    words = (
        f"Shares of the loss of {text(attribution.whole)} service-minutes, with 95 % intervals: {summary}."
    )
    return picture("shares", words, lambda _: EDGE + ROW * len(ranked), draw)
