"""twin search: the cheapest set of mitigations and settings that meets a goal."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path
from typing import TYPE_CHECKING, Any

import click

from twin.base.extras import require_extra
from twin.cli import _show as show
from twin.cli._arms import prepared, seconds
from twin.cli._command import command, headed_option
from twin.cli._errors import BadInput
from twin.cli._options import (
    budget_option,
    changes_with,
    mitigations_option,
    output_options,
    replicates_option,
    study_options,
    within_option,
    worlds_option,
)
from twin.cli._study import settings_of
from twin.report.wording import amount

if TYPE_CHECKING:
    from twin.experiments.search import Confirmed, SearchResult, Term, TermResult, Tried


GOAL_METRICS = """\
\b
METRIC is one of these:
  service_minutes_lost  minutes lost, over all services
  peak_impaired         most services impaired at the same time
  time_to_recovery      time until all services are well
  p_recovered           share of worlds that are well within --within
  p_metastable          share of worlds with a failure that outlives its cause
  requests_lost         failed calls of customers
  SERVICE.lost_min, SERVICE.impaired_min, SERVICE.peak_error_ratio,
  SERVICE.time_to_recovery"""


@command(
    "search",
    'twin search us-east-1-2025-10-20 --goal "peak_impaired < 20" --budget 150',
    'twin search us-east-1-2025-10-20 --goal "time_to_recovery < 4h and p_recovered > 80%" --budget 300',
    'twin search us-east-1-2025-10-20 --goal "sts.lost_min < 30 in 90%" --budget 300',
    note=GOAL_METRICS,
)
@click.argument("scenario")
@headed_option(
    "--goal",
    required=True,
    metavar="GOAL",
    help="Conditions, joined by 'and': METRIC < VALUE (or <=, >, >=). Add 'in 90%' for a share of worlds.",
)
@budget_option(200)
@mitigations_option
@within_option
@worlds_option("10 % of the budget, 8 to 64")
@replicates_option()
@changes_with("drawn", mitigate=False)
@study_options
@output_options
def search_command(
    scenario: str, goal: str, budget: int, mitigations_in: Path, within: str, worlds: int | None,
    replicates: int | None, folder: Path | None, runner: str, actors: int, address: str | None,
    as_json: bool, **changes: Any,
) -> None:  # fmt: skip
    """Find the cheapest set of mitigations that meets a goal.

    A condition is about the mean over all worlds or, with 'in 90%', about the share of worlds in which it
    holds. The goal is met if new worlds confirm it with 95 % confidence. --worlds or --replicates is their
    number.

    The same scenario, goal, budget and mitigations always give the same answer. An interrupted search
    continues from the answers in its study.
    """
    from twin.experiments.opened import open_study
    from twin.experiments.search import Wanted, choice_space, parse_goal, search_plan, searched

    require_extra("search", "twin search")
    if worlds and replicates:
        raise BadInput("--replicates: not with --worlds, each of which has noise of its own")
    base = prepared(scenario, changes)
    wanted = Wanted(base.name, parse_goal(goal, base), budget, seconds(within, "--within"),
                    replicates is None, replicates or worlds or 0)  # fmt: skip
    planned = search_plan(wanted.goal, budget, wanted.worlds)
    offered = choice_space(base, mitigations_in)
    knobs = sum(len(part.knobs) for part in offered.parts)
    offers = {"mitigation": len(offered.parts), "setting": knobs, "contradiction": len(offered.against)}
    said = ", ".join(show.counted(n, noun) for noun, n in offers.items())
    show.say(f"{said}; the last {show.counted(planned.reserve, 'run')} "
             f"confirm at most {show.counted(planned.candidates, 'set')}")  # fmt: skip
    settings = settings_of({"folder": folder, "runner": runner, "actors": actors, "address": address})
    with open_study({base.name: base}, settings, runs=budget) as study:
        found = searched(study, wanted, offered)
    if as_json:
        show.document(found.as_json())
    else:
        show_search(found)


# --- what is said ------------------------------------------------------------


def show_search(found: SearchResult) -> None:
    """The candidates beside the baseline, and what to make of them."""
    terms = found.wanted.goal.terms
    columns = ("set", "cost", "", *(term.text for term in terms))
    rows = [("(baseline)", 0, "", *_values(found, found.baseline))]
    rows += [
        (c.tried.choice.words, c.tried.cost, _word(c), *_values(found, c.fresh))
        for c in found.confirmed
        if c.tried.choice.parts
    ]
    show.table(columns, rows, numbers=("cost",), whole=columns[2:], key=1)
    click.echo()
    show.prose("\n".join([*_verdict(found), *_notes(found)]))


def _word(c: Confirmed) -> str:
    return "meets it" if c.met else "misses it" if c.missed else "not significant"


def _values(found: SearchResult, tried: Tried) -> Iterator[str]:
    for term, j in zip(found.wanted.goal.terms, tried.judged, strict=True):
        yield _value(term, j)


def _value(term: Term, j: TermResult) -> str:
    """'12.3, at most 15.1': the mean, and the end that the goal is held against."""
    from twin.experiments.search.goals import SHARE

    metric = SHARE if term.share is not None else term.metric
    upward = term.share is not None or term.sign.startswith(">")
    end = f"at least {amount(metric, j.low)}" if upward else f"at most {amount(metric, j.high)}"
    return f"{amount(metric, j.mean)}, {end}"


def _verdict(found: SearchResult) -> Iterator[str]:
    best = found.best
    if best is not None:
        met = best.tried
        yield f"Cheapest that meets it: {met.choice.words}, at a cost of {met.cost} ({_classes(found, met)})."
        yield from _needed(best)
        return
    near = found.nearest
    yield (f"No set meets it within the budget. The nearest of {len(found.tried)}: {near.choice.words}, at a "
           f"cost of {near.cost}: {'; '.join(_values(found, near))} "
           f"in {show.counted(near.n, 'world')}.")  # fmt: skip


def _classes(found: SearchResult, tried: Tried) -> str:
    return ", ".join(found.space.by_name[name].price.class_ for name in tried.choice.parts) or "nothing to do"


def _needed(best: Confirmed) -> Iterator[str]:
    """Whether it does with less, as far as the search knows."""
    for part, less in best.less.items():
        if less is None:
            yield f"Without {part}: not tried, the budget was spent."
        elif less.promising:
            worlds = show.counted(less.n, "world")
            yield f"Without {part} it did in {worlds} of the search, and not for sure in the fresh."
        else:
            yield f"Without {part} it falls short, in {show.counted(less.n, 'world')} of the search."


def _notes(found: SearchResult) -> Iterator[str]:
    sets = show.counted(len(found.tried), "set")
    n, spent = found.plan.fresh, "nothing was left to try" if found.done else "the budget was spent"
    yield (f"{sets} tried in {show.counted(found.runs, 'run')}; {spent}. Values above are of {n} fresh "
           "worlds, which played no part in the search.")  # fmt: skip
    if len(found.confirmed) > 1:
        yield (f"{len(found.confirmed)} sets were held against them, each at {found.confidence:.1%}: so all "
               "that is said of them holds with 95 %.")  # fmt: skip
    yield "Cost: classes counted 1 (setting) to 5 (architecture) and added: a rough order, and no money."
    if found.invalid:
        yield f"Replaced, as impaired before the first input: {show.counted(found.invalid, 'world')}."
    if found.space.left_out:
        yield f"Not to choose from: {', '.join(found.space.left_out)} (--json says why)."
