"""twin search: the cheapest set of mitigations and settings that meets a goal."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path
from typing import TYPE_CHECKING, Any

import click

from twin.cli import _show as show
from twin.cli._arms import prepared, seconds
from twin.cli._errors import BadInput
from twin.cli._options import all_of, change_options, debug_option, examples, json_option
from twin.cli._study import Options, study, study_options
from twin.cli.compare import WITHIN
from twin.report.wording import amount

if TYPE_CHECKING:
    from twin.experiments.search import Confirmed, Found, Judged, Term, Tried

searching_options = all_of(
    click.option(
        "--goal", required=True, metavar="GOAL",
        help="MEASURE < VALUE (<=, >, >=), joined by 'and'; SERVICE.MEASURE too; 'in 90%' of the worlds.",
    ),
    click.option(
        "--budget", type=click.IntRange(1, 1_000_000), default=200, show_default=True,
        help="Runs at most, those of the baseline and those done before among them.",
    ),
    click.option(
        "--mitigations", "folder_from", metavar="DIR",
        type=click.Path(exists=True, file_okay=False, path_type=Path),
        help="Folder of the mitigations to choose from.  [default: scenarios/mitigations]",
    ),
    click.option(
        "--within", default=WITHIN, show_default=True, metavar="DURATION", help="By when a recovery counts."
    ),
    click.option("--shipped", is_flag=True, help="Keep the shipped numbers; worlds differ in noise alone."),
)  # fmt: skip


@click.command(
    "search",
    epilog=examples(
        'twin search us-east-1-2025-10-20 --goal "peak_impaired < 20" --budget 150',
        'twin search us-east-1-2025-10-20 --goal "time_to_recovery < 4h and p_recovered > 80%" --budget 300',
        'twin search us-east-1-2025-10-20 --goal "sts.lost_min < 30 in 90%" --budget 300',
    ),
)
@click.argument("scenario")
@searching_options
@change_options
@study_options
@json_option
@debug_option
def search_command(
    scenario: str, goal: str, budget: int, folder_from: Path | None, within: str, shipped: bool,
    mitigations: tuple[str, ...], folder: Path | None, runner: str, actors: int, address: str | None,
    as_json: bool, **changes: Any,
) -> None:  # fmt: skip
    """Find the cheapest set of mitigations, and settings, with which SCENARIO meets a goal.

    A goal is about the mean over all worlds, or about the share of them in which something holds; it is met
    if the one-sided 95 % interval lies on the right side, in worlds that played no part in the search. The
    answer follows from scenario, goal, budget and folder; a search that was interrupted goes on from the runs
    that its study has.
    """
    from twin.experiments.search import Wanted, parse_goal, plan, space
    from twin.experiments.search import search as run
    from twin.spec.mitigations import FOLDER

    if mitigations:
        raise BadInput("--mitigate: a search chooses them itself; --mitigations DIR says from which")
    base = prepared(scenario, changes)
    wanted = Wanted(base.name, parse_goal(goal, base), budget, seconds(within, "--within"), not shipped)
    planned = plan(wanted.goal, budget)
    offered = space(base, folder_from or FOLDER)
    knobs = sum(len(part.knobs) for part in offered.parts)
    show.say(f"{len(offered.parts)} mitigations, {knobs} settings, {len(offered.against)} contradictions; "
             f"the last {planned.reserve} runs confirm {planned.candidates} sets at most")  # fmt: skip
    with study({base.name: base}, Options(folder, runner, actors, address), budget) as (opened, tick):
        found = run(opened, wanted, offered, show.say, tick)
    if as_json:
        show.document(found.as_json())
    else:
        table(found)


# --- what is said ------------------------------------------------------------


def table(found: Found) -> None:
    """The candidates beside the baseline, and what to make of them."""
    terms = found.wanted.goal.terms
    columns = ("set", "cost", "", *(term.text for term in terms))
    rows = [("(baseline)", 0, "", *_values(found, found.baseline))]
    rows += [
        (c.tried.choice.words, c.tried.cost, _word(c), *_values(found, c.fresh))
        for c in found.confirmed
        if c.tried.choice.parts
    ]
    show.table(columns, rows, numbers=("cost",))
    click.echo("\n" + "\n".join(_verdict(found)) + "\n" + "\n".join(_notes(found)))


def _word(c: Confirmed) -> str:
    return "meets it" if c.met else "misses it" if c.missed else "cannot be told"


def _values(found: Found, tried: Tried) -> Iterator[str]:
    for term, j in zip(found.wanted.goal.terms, tried.judged, strict=True):
        yield _value(term, j)


def _value(term: Term, j: Judged) -> str:
    """'12.3, at most 15.1': the mean, and the end that the goal is held against."""
    from twin.experiments.search.goals import SHARE

    measure = SHARE if term.share is not None else term.measure
    upward = term.share is not None or term.sign.startswith(">")
    end = f"at least {amount(measure, j.low)}" if upward else f"at most {amount(measure, j.high)}"
    return f"{amount(measure, j.mean)}, {end}"


def _verdict(found: Found) -> Iterator[str]:
    best = found.best
    if best is not None:
        met = best.tried
        yield f"Cheapest that meets it: {met.choice.words}, at a cost of {met.cost} ({_classes(found, met)})."
        yield from _needed(best)
        return
    near = found.nearest
    yield (f"No set meets it within the budget. The nearest of {len(found.tried)}: {near.choice.words}, at a "
           f"cost of {near.cost}: {'; '.join(_values(found, near))} in {near.n} worlds.")  # fmt: skip


def _classes(found: Found, tried: Tried) -> str:
    return ", ".join(found.space.by_name[name].price.class_ for name in tried.choice.parts) or "nothing to do"


def _needed(best: Confirmed) -> Iterator[str]:
    """Whether it does with less, as far as the search knows."""
    for part, less in best.less.items():
        if less is None:
            yield f"Without {part}: not tried, the budget was spent."
        elif less.promising:
            yield f"Without {part} it did in {less.n} worlds of the search, and not for sure in the fresh."
        else:
            yield f"Without {part} it falls short, in {less.n} worlds of the search."


def _notes(found: Found) -> Iterator[str]:
    n, spent = found.plan.fresh, "nothing was left to try" if found.done else "the budget was spent"
    yield (f"{len(found.tried)} sets tried in {found.runs} runs; {spent}. Values above are of {n} fresh "
           "worlds, which played no part in the search.")  # fmt: skip
    if len(found.confirmed) > 1:
        yield (f"{len(found.confirmed)} sets were held against them, each at {found.confidence:.1%}: so all "
               "that is said of them holds with 95 %.")  # fmt: skip
    yield "Cost: classes counted 1 (setting) to 5 (architecture) and added: a rough order, and no money."
    if found.ill:
        yield (f"{found.ill} other worlds were left out: there, something is impaired before anything has "
               "happened.")  # fmt: skip
    if found.space.left_out:
        yield f"Not to choose from: {', '.join(found.space.left_out)} (--json says why)."
