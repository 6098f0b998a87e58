"""twin compare: which changes would have helped, how much, and how sure one can be."""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from pathlib import Path
from typing import TYPE_CHECKING, Any

import click

from twin.cli import show
from twin.cli.errors import BadInput
from twin.cli.options import ROOT, all_of, change_options, debug_option, examples, json_option, load
from twin.cli.reporting import check_place, html_option, write_page
from twin.cli.studying import Options, study, study_options
from twin.cli.suiting import fitting, others
from twin.cli.suiting import table as show_suite
from twin.cli.tourneying import all_options, everything, hold, most_runs, say

if TYPE_CHECKING:
    from twin.compare import Compared, Comparison, Measure
    from twin.model import Scenario
    from twin.studies.arms import Arm

WITHIN = "6h"

comparing_options = all_of(
    click.option(
        "--replicates",
        type=click.IntRange(2, 1_000_000),
        default=64,
        show_default=True,
        help="Worlds in which baseline and mitigations run.",
    ),
    click.option(
        "--within", default=WITHIN, show_default=True, metavar="DURATION", help="By when a recovery counts."
    ),
    click.option(
        "--weights",
        type=click.Path(path_type=Path),
        metavar="FILE",
        help="YAML: service: weight of a minute of it; 1 where nothing is said.",
    ),
    click.option("--shipped", is_flag=True, help="Keep the shipped numbers; worlds differ in noise alone."),
    click.option("--to-the-end", is_flag=True, help="All replicates, also where the answer is clear early."),
    *all_options,
    click.option("--suite", is_flag=True, help="Also in every scenario of scenarios/faults."),
    click.option(
        "--mitigations",
        "mitigations_in",
        type=click.Path(exists=True, file_okay=False, path_type=Path),
        default=ROOT / "scenarios" / "mitigations",
        metavar="DIR",
        help="Folder of mitigations.  [default: scenarios/mitigations]",
    ),
    click.option(
        "--parquet", type=click.Path(path_type=Path), metavar="FILE", help="The tables as Parquet."
    ),
    html_option,
)  # fmt: skip


@click.command(
    epilog=examples(
        "twin compare us-east-1-2025-10-20 --mitigate compare-and-swap --replicates 16",
        "twin compare us-east-1-2025-10-20 --mitigate long-leases --mitigate long-leases+restart-runbook",
    )
)
@click.argument("scenario")
@change_options
@comparing_options
@study_options
@json_option
@debug_option
def compare(
    scenario: str, mitigations: tuple[str, ...], replicates: int, within: str, weights: Path | None,
    shipped: bool, to_the_end: bool, parquet: Path | None, html: Path | None, every: bool, pairs: int,
    suite: bool, attribution: int, mitigations_in: Path, folder: Path | None, runner: str, actors: int,
    address: str | None, as_json: bool, **changes: Any,
) -> None:  # fmt: skip
    """Run SCENARIO with and without each mitigation, in the same worlds, and say which would have helped.

    Each --mitigate is one side of the comparison; A+B is two of them at once; --all takes every one. Worlds
    differ in their noise, in how long people take, and in every number that nobody published, drawn from its
    range.
    """
    from twin.compare import Question
    from twin.compare import compare as run
    from twin.suite import judge

    check_place(html)
    base = prepared(scenario, changes)
    if every and mitigations:
        raise BadInput("--all: not with --mitigate")
    arms = everything(base, mitigations_in) if every else sides(mitigations, base, mitigations_in)
    question = Question(
        base.name, arms, replicates, seconds(within, "--within"), weights_of(weights, base),
        draws=not shipped, early=not to_the_end,
    )  # fmt: skip
    options = Options(folder, runner, actors, address)
    most = most_runs(len(arms), replicates, pairs, attribution) if every else replicates * (1 + len(arms))
    more = others(lambda path: prepared(path, changes), base.name) if suite else {}
    texts = [arm.name for arm in arms] if every else mitigations
    fits = {name: fitting(texts, other, mitigations_in) for name, other in more.items()}
    most += replicates * sum(1 + len(mine) for mine in fits.values())
    held = judged = None
    with study({base.name: base, **more}, options, most) as (opened, tick):
        if every:
            held = hold(opened, question, mitigations_in, pairs, attribution, tick)
        found = held.singles if held else run(opened, question, show.say, tick)
        if suite:
            judged = judge(opened, question, {base.name: arms, **fits}, show.say, tick)
    if parquet is not None:
        write(found, parquet)
    if html is not None:
        write_page(html, base, found, held, opened)
    if as_json:
        extra = {"suite": judged.as_json()} if judged else {}
        show.document({**(held or found).as_json(), **extra})
        return
    table(found)
    if held:
        say(held)
    if judged:
        show_suite(judged)


def prepared(scenario: str, changes: dict[str, Any]) -> Scenario:
    """The scenario with the changes asked for; people act on what they know, after drawn times."""
    from twin.spec.responders import with_responders

    base = load(scenario, {**changes, "mitigations": ()})
    if changes["responders"] is None and any(x.follows for x in base.actions):
        base = with_responders(base, "drawn")
    return base


def sides(texts: Iterable[str | Path], base: Scenario, folder: Path) -> tuple[Arm, ...]:
    """The arms asked for. Raises SpecError with the problems of all of them."""
    from twin.spec import Problem, SpecError
    from twin.studies.arms import arm_of

    arms: list[Arm] = []
    problems: list[Problem] = []
    for text in texts:
        try:
            arms.append(arm_of(text, base, folder))
        except SpecError as error:
            problems += error.problems
    if problems:
        raise SpecError(problems)
    if not arms:
        raise BadInput("--mitigate: at least one; `twin list mitigations` shows them")
    return tuple({arm.name: arm for arm in arms}.values())


def seconds(text: str, option: str) -> float:
    """A duration of more than nought. Raises BadInput."""
    from twin import units

    try:
        found = units.parse_duration(text)
    except units.Refused as refused:
        raise BadInput(f"{option}: found '{text}', expected {refused.expected}") from None
    if found <= 0:
        raise BadInput(f"{option}: found '{text}', expected more than nought")
    return found


def weights_of(path: Path | None, base: Scenario) -> dict[str, float]:
    """Service → weight. Raises SpecError with every problem of the file."""
    from twin.spec import Problem, SpecError
    from twin.spec.problems import did_you_mean
    from twin.spec.tree import read_tree

    if path is None:
        return {}
    problems: list[Problem] = []
    tree = read_tree(path, problems)
    found: dict[str, float] = {}
    for name, value in tree.items() if tree is not None else ():
        if name not in base.topology.services:
            hint = did_you_mean(name, base.topology.services)
            problems.append(value.problem(name, f"'{name}'", "a service", hint, at_key=True))
        elif not isinstance(value.value, int | float) or isinstance(value.value, bool) or value.value < 0:
            problems.append(value.problem(name, f"{value.value!r}", "a weight, 0 or more"))
        else:
            found[name] = float(value.value)
    if problems:
        raise SpecError(problems)
    return found


# --- what is said ------------------------------------------------------------


def table(found: Comparison) -> None:
    """The ranking, with intervals; what can be told apart; what was left out."""
    columns = ("mitigation", "", "worlds", *(m.title for m in found.measures))
    rows: list[tuple[object, ...]] = [("(baseline)", "", len(found.worlds), *_baseline(found))]
    rows += [(a.arm.name, a.words, len(a.worlds), *_differences(found, a)) for a in found.ranking]
    show.table(columns, rows, numbers=("worlds",))
    click.echo("\n" + "\n".join(_notes(found)))


def _notes(found: Comparison) -> Iterator[str]:
    from twin.statistics.families import least_worlds

    q, n = found.question, len(found.worlds)
    tests = len(found.arms) * len(found.measures)
    yield f"Below the baseline: differences from it, with 95 % intervals; ≈ where {n} worlds cannot tell them"
    yield f"apart. Of such families of {tests} tests, one in twenty finds something where nothing is (Holm)."
    if n < least_worlds(tests):
        yield f"With so many tests {n} worlds tell nothing apart, however large: {least_worlds(tests)} may."
    if found.left_out:
        yield (f"{found.left_out} other worlds were left out: there, something is impaired before anything "
               "has happened.")  # fmt: skip
    for a in found.arms:
        if a.stopped is not None:
            yield f"{a.arm.name}: {a.stopped} after {len(a.worlds)} worlds; stopped there."
    kept = "the shipped numbers" if not q.draws else "every unsourced number drawn from its range"
    yield f"Worlds: {kept}; times count from the first input, to {show.hours(found.horizon_s)} at most."


def _baseline(found: Comparison) -> Iterator[str]:
    for m in found.measures:
        e = found.baseline[m.name]
        yield f"{amount(m, e.mean)} [{amount(m, e.low)}, {amount(m, e.high)}]"


def _differences(found: Comparison, a: Compared) -> Iterator[str]:
    for m in found.measures:
        d = a.difference[m.name]
        if d.identical and m.name != "p_metastable":
            yield "0"
            continue
        about = "" if a.distinguishable[m.name] else "≈ "
        yield f"{about}{amount(m, d.mean, True)} [{amount(m, d.low, True)}, {amount(m, d.high, True)}]"


def amount(measure: Measure, value: float, signed: bool = False) -> str:
    """A value in the unit that people read it in."""
    sign = "+" if signed else ""
    if measure.unit == "ratio":
        return f"{value:{sign}.0%}"
    if measure.unit == "s":
        return f"{value / 3600:{sign}.1f} h"
    if abs(value) >= 1e6:
        return f"{value / 1e6:{sign}.1f} M"
    return f"{value:{sign}.0f}" if abs(value) >= 10 else f"{value:{sign}.1f}"


def write(found: Comparison, path: Path) -> None:
    """A row an arm and measure, as Parquet. Raises OSError."""
    from twin.studies.store import write_table

    write_table(path, list(found.rows()))
