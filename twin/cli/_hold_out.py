"""twin calibrate --hold-out-after: the score of a fit that saw the first part of the event only."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import click

from twin.cli import _show as show

if TYPE_CHECKING:
    from twin.experiments.opened import StudySettings
    from twin.model.scenario import Scenario
    from twin.validation.hold_out import HoldOut

SIDES = ("shipped", "held_out", "without_feedback")
COLUMNS = ("", "fit to all", "fit to the first part", "without feedback")
LINES = {
    "happen": "exist", "within 10 min": "within_10_min", "within 44 min": "within_44_min",
    "mean error, min": "mean_abs_error_min",
}  # fmt: skip


def run_hold_out(
    scenario: Scenario, after: str, max_runs: int, settings: StudySettings, as_json: bool
) -> None:
    """Fit, score and print. Raises CannotFit, SpecError."""
    from twin.validation.hold_out import hold_out, moment_of

    found = hold_out(scenario, moment_of(scenario, after), max_runs=max_runs, settings=settings)
    if as_json:
        show.document({"scenario": scenario.name, **found.as_json()})
        return
    _show(found)


def _show(found: HoldOut) -> None:
    at = f"{found.after:%d %b %H:%M}"
    show.prose(
        f"Fitted to what was published up to {at}, in {show.counted(found.runs, 'run')}: "
        + (", ".join(found.values) or "nothing")
        + f". Back in the middle of its prior: {', '.join(n.target for n in found.released) or 'nothing'}."
    )
    click.echo()
    for later, when in ((False, f"up to {at}"), (True, f"after {at}, which the second fit never saw")):
        _table(found.sums(later), when)
    _notes(found)


def _table(sums: dict[str, Any], when: str) -> None:
    click.echo(f"Published {when}: {show.counted(sums['shipped']['count'], 'predicted outcome')}")
    rows = [(name, *(_plain(sums[side][key]) for side in SIDES)) for name, key in LINES.items()]
    show.table(COLUMNS, rows, numbers=COLUMNS[1:])
    click.echo()


def _notes(found: HoldOut) -> None:
    later = found.sums(True)
    if fitted := later["fitted_in_shipped"]:
        show.prose(f"The fit to all has seen {', '.join(fitted)}. The other one predicts it.")
    if errors := sorted(found.prior_errors_min):
        low, middle, high = (f"{errors[k]:.0f}" for k in (0, len(errors) // 2, -1))
        show.prose(
            f"Over {show.counted(len(errors), 'place')} of the prior, the mean error of the second fit after "
            f"that time is {low} min at best, {high} min at worst, and {middle} min in the middle."
        )
    never = f"{found.held.never_min:.0f} min off: from the first input to the last outcome"
    show.prose(f"What never happens counts as {never}.")


def _plain(value: float | None) -> str:
    return "–" if value is None else f"{value:.0f}"
