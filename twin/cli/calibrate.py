"""twin calibrate."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING, Any

import click

from twin.cli import _hold_out
from twin.cli import _show as show
from twin.cli._command import command, headed_option
from twin.cli._errors import BadInput
from twin.cli._options import budget_option, change_options, changed_scenario, output_options, study_options
from twin.cli._study import settings_of

if TYPE_CHECKING:
    from twin.experiments.opened import StudySettings
    from twin.model.scenario import Scenario
    from twin.spec.inputs import UncertainInput
    from twin.validation.calibrate import Calibration, Fitted
    from twin.validation.fit import CannotFit
    from twin.validation.identifiability import Ratio


@command(
    "calibrate",
    "twin calibrate us-east-1-2025-10-20",
    "twin calibrate my-scenario.yaml --leave-one-out --write",
    "twin calibrate us-east-1-2025-10-20 --hold-out-after dwfm-leases-held",
    "twin calibrate us-east-1-2025-10-20 --profile dwfm.holders_count/dwfm.capacity_per_s",
)
@click.argument("scenario")
@budget_option(150)
@headed_option(
    "--leave-one-out", is_flag=True, help="Repeat the fit once per outcome, each time without that outcome."
)
@headed_option("--write", is_flag=True, help="Write the fitted values into the scenario's file.")
@headed_option(
    "--profile",
    "pair",
    metavar="A/B",
    help="Do not fit. Show whether the data fix A and B, or only their ratio A/B (or product A*B).",
)
@headed_option(
    "--hold-out-after", "after", metavar="TIME|OUTCOME",
    help="Fit only to what was published up to TIME, or up to that OUTCOME, and predict the rest. Show the "
         "score of this fit beside that of the scenario.",
)  # fmt: skip
@change_options
@study_options
@output_options
def calibrate_command(
    scenario: str, budget: int, leave_one_out: bool, write: bool, pair: str | None, after: str | None,
    as_json: bool, folder: Path | None, runner: str, actors: int, address: str | None, **changes: Any,
) -> None:  # fmt: skip
    """Fit the numbers of SCENARIO that have a key fitted_to.

    Each is fitted to the published outcomes that this key lists. The scenario says which outcomes may be used
    (scoring: fit_domains). No other outcome is used for the fit. The same scenario and seed give the same
    numbers.

    An interrupted fit continues from the answers in its study.
    """
    from twin.spec.library import scenario_path
    from twin.validation.fit import CannotFit

    loaded, path = changed_scenario(scenario, changes), scenario_path(scenario)
    if pair is not None and (write or leave_one_out):
        raise BadInput("--profile: fits nothing, so there is nothing for --write or --leave-one-out")
    if after is not None and (write or leave_one_out or pair is not None):
        raise BadInput("--hold-out-after: stands alone, without --write, --leave-one-out and --profile")
    settings = settings_of({"folder": folder, "runner": runner, "actors": actors, "address": address})
    try:
        if pair is not None:
            _profile(loaded, pair, settings, as_json)
        elif after is not None:
            _hold_out.run_hold_out(loaded, after, budget, settings, as_json)
        else:
            _calibrate(loaded, path, budget, leave_one_out, settings, write, as_json)
    except CannotFit as error:
        raise _located(error, path) from None


def _profile(scenario: Scenario, pair: str, settings: StudySettings, as_json: bool) -> None:
    from twin.validation.identifiability import profile

    found = profile(scenario, pair, settings=settings)
    if as_json:
        show.document(found.as_json())
    else:
        _show_ratio(found)


def _calibrate(
    scenario: Scenario, path: Path, max_runs: int, leave_one_out: bool, settings: StudySettings, write: bool,
    as_json: bool,
) -> None:  # fmt: skip
    from twin.spec.rewrite import rewrite
    from twin.validation.calibrate import calibrate

    found = calibrate(scenario, max_runs=max_runs, leave_one_out=leave_one_out, settings=settings)
    if write:
        rewrite(path, {f.number.target: (f.after, f.number.unit) for f in found.numbers}, scenario.start)
    if as_json:
        show.document({"scenario": scenario.name, **found.as_json(), "written": str(path) if write else None})
        return
    _show(found, scenario)
    if write:
        click.echo(f"\nwritten to {path}")


def _located(error: CannotFit, path: Path) -> Exception:
    """The same problems with their lines in the scenario's file."""
    from twin.spec import Problem, SpecError
    from twin.spec.rewrite import value_places
    from twin.spec.tree import read_tree

    tree = read_tree(path, [])
    places = value_places(tree) if tree is not None else {}
    where = {target: (place.line, place.column) for target, place in places.items()}
    return SpecError(
        Problem(str(path), *where.get(wrong.target, (1, 1)), *wrong[:4]) for wrong in error.problems
    )


def _show(found: Calibration, scenario: Scenario) -> None:
    rows = [
        (id, show_error(was), show_error(now), f"{scale:g} min") for id, was, now, scale in found.errors()
    ]
    click.echo(f"{show.counted(found.runs, 'run')} for the fit, {found.all_runs} in all; seed {found.seed}\n")
    show.table(("fitted outcome", "before", "after", "scale"), rows, numbers=("before", "after", "scale"))
    before, after = found.broken()
    click.echo(
        f"must not happen in these domains: {len(found.aim.bans)}, broken before {len(before)}, after "
        f"{len(after)}" + (f" ({', '.join(after)})" if after else "") + "\n"
    )
    columns = ("fitted number", "before", "after", "reach alone", "prior", "known")
    show.table(columns, [_row(f, scenario) for f in found.numbers])
    for f in found.numbers:
        for note in _notes(f):
            show.prose(f"  {f.number.target}: {note}")
    _show_left_out(found)


def _row(f: Fitted, scenario: Scenario) -> tuple[str, ...]:
    assert f.number.range is not None
    before, after = (_value(f.number, value, scenario) for value in (f.before, f.after))
    reach, prior = (
        " to ".join(_value(f.number, end, scenario) for end in ends) for ends in (f.reach, f.number.range)
    )
    return f.number.target, before, after, reach, prior, f"{f.learned_ratio:.0%}"


def _notes(f: Fitted) -> list[str]:
    notes = []
    if f.alike:
        notes.append(f"cannot be told from {', '.join(f.alike)}: only a combination of them is fitted")
    if not f.is_identified:
        notes.append("not identified: the outcomes leave most of its prior as likely as this value")
    if f.number.range is not None and f.after in f.number.range:
        notes.append("at the end of its range: the prior, or a mechanism, is wrong")
    return notes


def _show_left_out(found: Calibration) -> None:
    if not found.left_out:
        return
    click.echo()
    show.prose("Without each outcome in turn. A number without another outcome has the middle of its range.")
    rows = [
        (
            each.outcome, show_error(each.error_min), " / ".join(map(show_error, each.prior_errors_min)),
            ", ".join(each.released) or "–", f"{each.moved_median_min:.1f} min",
            f"{each.moved_most[0]} {each.moved_most[1]:+.0f} min" if each.moved_most else "–",
        )
        for each in found.left_out
    ]  # fmt: skip
    columns = ("left out", "its error", "over the prior, 5/50/95 %", "released", "predicted move", "the most")
    show.table(columns, rows, whole=set(columns) - {"released"}, key=1)


def _show_ratio(found: Ratio) -> None:
    sign = {"/": "both by", "*": "one by, the other down by"}[found.kept]
    rows = [(f"{sign} {f:.2f}", f"{moved:.2f}", o) for f, moved, o in found.together]
    rows += [(f"{found.first.target} alone by {f:.2f}", f"{moved:.2f}", o) for f, moved, o in found.apart]
    show.table(("moved", "scales", "outcome that moves most"), rows, numbers=("scales",))
    pair = f"{found.first.target} {found.kept} {found.second.target}"
    click.echo()
    show.prose(f"{pair}: the outcomes that may be fitted to tell {found.verdict}")


def show_error(error_min: float | None) -> str:
    """'+4 min', 'never'."""
    return "never" if error_min is None else f"{error_min:+.1f} min"


def _value(number: UncertainInput, value: float | int, scenario: Scenario) -> str:
    from twin.spec.rewrite import written

    return written(value, number.unit, "", scenario.start, is_time=not number.service)
