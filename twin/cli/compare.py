"""twin compare: which changes would have helped, how much, and how sure one can be."""

from __future__ import annotations

import math
from collections.abc import Iterable, Iterator, Mapping
from pathlib import Path
from typing import TYPE_CHECKING, Any

import click

from twin.base.extras import require_extra
from twin.cli import _show as show
from twin.cli._arms import bad_input, prepared, seconds, sides, weights_of
from twin.cli._command import OUTPUT, all_of, command, headed_option
from twin.cli._errors import BadInput
from twin.cli._options import (
    changes_with,
    mitigations_option,
    output_options,
    replicates_option,
    study_options,
    variants_option,
    within_option,
    worlds_option,
)
from twin.cli._page import check_place, html_option, refused, write_page
from twin.cli._robustness import cells, columns, notes
from twin.cli._study import settings_of
from twin.cli._suite import show_suite
from twin.cli._tournament import all_options, show_tournament
from twin.report.wording import estimated, hours

if TYPE_CHECKING:
    from twin.experiments.arms import Arm
    from twin.experiments.comparison import ArmResult, PairedComparison
    from twin.experiments.robustness import Robustness
    from twin.experiments.wide_comparison import WideComparison, WidePlan
    from twin.model.scenario import Scenario
    from twin.results.metrics import Metric
    from twin.statistics.estimates import Difference
    from twin.statistics.recoveries import Recovery

WORLDS = 64
SAID_OF = 6  # arms of which the table also says what their files say

comparing_options = all_of(
    worlds_option("64"),
    replicates_option(),
    headed_option("--to-the-end", is_flag=True,
                  help="Run all worlds. Without it, a comparison stops when its result is clear."),
    within_option,
    headed_option(
        "--weights", type=click.Path(path_type=Path), metavar="FILE",
        help="YAML with the weight of a lost minute for each service; 1 for all others.",
    ),
    *all_options,
    headed_option(
        "--for", "target", metavar="SERVICE", help="Rank by the minutes lost of SERVICE alone.",
    ),
    headed_option("--suite", is_flag=True, help="Repeat in every scenario of scenarios/faults."),
    variants_option,
    mitigations_option,
    headed_option("--by-service", is_flag=True, help="Also show the time to recovery of each service."),
    headed_option(
        "--parquet", heading=OUTPUT, type=click.Path(path_type=Path), metavar="FILE",
        help="Write the tables as Parquet.",
    ),
    html_option,
)  # fmt: skip


@command(
    "compare",
    "twin compare us-east-1-2025-10-20 --mitigate compare-and-swap --worlds 16",
    "twin compare us-east-1-2025-10-20 --mitigate long-leases --mitigate long-leases+restart-runbook",
)
@click.argument("scenario")
@comparing_options
@changes_with("drawn")
@study_options
@output_options
def compare_command(
    scenario: str, parquet: Path | None, html: Path | None, as_json: bool, **options: Any
) -> None:
    """Which mitigations would have helped, and how certain is this?

    Runs SCENARIO with and without each mitigation, in the same worlds. Each --mitigate is one side of the
    comparison; A+B is two mitigations at once. --all takes every mitigation, and then the best pairs.

    Worlds differ in their random numbers, in the delays of people, and in every number without a published
    value. Each such number is sampled from its range. With --replicates all worlds have the values in the
    files.
    """
    if html is not None:
        require_extra("report", "twin compare --html")
    check_place(html, "--html")
    check_place(parquet, "--parquet")
    found = carried_out(planned(scenario, options), options)
    if parquet is not None:
        write_values(found, parquet)
    if html is not None:
        write_page(html, found)
    if as_json:
        show.document(found.as_json())
        return
    show_comparison(found.comparison, found.robust)
    for name, why in found.unanswered.items():
        click.echo(f"In the variant {name}: no answer: {why}")
    if options["by_service"]:
        show_services(found.comparison)
    if found.tournament:
        show_tournament(found.tournament)
    if found.suite:
        show_suite(found.suite)


def planned(scenario: str, o: dict[str, Any]) -> WidePlan:
    """The plan of what was asked. Raises SpecError, BadInput."""
    from twin.experiments.comparison import ComparisonPlan
    from twin.experiments.wide_comparison import WidePlan, every_arm, fault_files, loss_sharing, variants_of

    base, folder, every = prepared(scenario, o), o["mitigations_in"], o["every"]
    if o["worlds"] and o["replicates"]:
        raise BadInput("--replicates: not with --worlds, each of which has noise of its own")
    if every and o["mitigations"]:
        raise BadInput("--all: not with --mitigate")
    with bad_input():
        arms = every_arm(base, folder, show.say) if every else sides(o["mitigations"], base, folder)
    faults = fault_files(base.name) if o["suite"] else {}
    plan = ComparisonPlan(
        base.name, arms, o["replicates"] or o["worlds"] or WORLDS,
        seconds(o["within"], "--within"), weights_of(o["weights"], base),
        draws=o["replicates"] is None, interim=not o["to_the_end"], comparisons=1 + len(faults),
        target=_target(o["target"], base),
    )  # fmt: skip
    with bad_input("--attribution: "):
        shares = loss_sharing(base, o["attribution"], plan.worlds) if every else None
    return WidePlan(
        base, plan, folder, every, o["pairs"], shares,
        _others(faults, [arm.name for arm in arms] if every else o["mitigations"], o),
        variants_of(base, show.say, o["variants"]),
    )  # fmt: skip


def _target(service: str | None, base: Scenario) -> str:
    """The service that ranks the arms; '' for all that customers see."""
    from twin.spec.problems import did_you_mean

    if service is not None and service not in base.topology.services:
        hint = did_you_mean(service, base.topology.services)
        raise BadInput(f"--for: {base.name} has no service '{service}'" + (f" ({hint})" if hint else ""))
    return service or ""


def _others(
    faults: Mapping[str, Path], asked: Iterable[str], o: dict[str, Any]
) -> dict[str, tuple[Scenario, tuple[Arm, ...]]]:
    """Name → fault scenario, and the mitigations asked for that fit it."""
    from twin.experiments.wide_comparison import fitting_arms

    found = {}
    for name, path in faults.items():
        other = prepared(str(path), o)
        with bad_input("--mitigate: "):
            found[name] = other, fitting_arms(asked, other, o["mitigations_in"], show.say)
    return found


def carried_out(plan: WidePlan, o: dict[str, Any]) -> WideComparison:
    """Say what will run, and run it. Raises NoWorlds, WorkerLost, OtherStudy."""
    from twin.experiments.compare import warning
    from twin.experiments.wide_comparison import compare_widely

    if unresolved := warning(plan.comparison):
        show.say(unresolved)
    if len(plan.parts) > 1:
        show.say(", ".join(f"{part}: {show.counted(runs, 'run')}" for part, runs in plan.parts.items()))
    return compare_widely(plan, settings_of(o))


# --- what is said ------------------------------------------------------------


def show_comparison(found: PairedComparison, robust: Mapping[str, Robustness] | None = None) -> None:
    """The ranking with intervals and significance, how far it holds, and the arms that were left out."""
    sure = robust or {}
    titles = [m.title for m in found.metrics]
    headings = ("mitigation", "", titles[0], *columns(sure), "cost", "worlds", *titles[1:])
    rows = [_row("(baseline)", "", _baseline(found), ["" for _ in columns(sure)], "", len(found.worlds))]
    rows += [
        _row(a.arm.name, a.verdict, _differences(found, a), cells(sure, a.arm.name), _cost(a), len(a.worlds))
        for a in found.ranking
    ]
    show.table(headings, rows, numbers=("worlds",), whole=("", "holds in", *titles), key=1)
    click.echo()
    _show_matched(found)
    show.prose("\n".join([*_notes(found), *notes(found, sure)]))


def _show_matched(found: PairedComparison) -> None:
    """The same ranking in the worlds in which the event happens: a prior world may have no second phase."""
    if found.matched is None:
        return
    count, event = int(found.matched.sum()), ", ".join(found.base.scoring.matched)
    worlds = show.counted(len(found.worlds), "world")
    show.prose(f"The table above is of {worlds}. In {count} of them the event happens: {event}.")
    if found.in_matched:
        before = [a.arm.name for a in found.ranking]
        metrics = [m for m in found.metrics if not m.is_share]
        rows = [
            (name, f"{before.index(name) + 1}", *(_difference(m, by[m.name]) for m in metrics))
            for name, by in found.in_matched.items()
        ]
        titles = [m.title for m in metrics]
        click.echo(f"\nIn the {count} worlds in which the event happens:")
        show.table(("mitigation", "rank above", *titles), rows, numbers=("rank above",), whole=titles, key=1)
    click.echo()


def _row(
    name: str, verdict: str, metrics: Iterator[str], sure: Iterable[str], cost: str, worlds: int
) -> tuple[object, ...]:
    return name, verdict, next(metrics), *sure, cost, worlds, *metrics


def _cost(a: ArmResult) -> str:
    from twin.model.changes import dearest

    cost = dearest(a.arm.variations)
    return cost.class_ if cost else ""


def _notes(found: PairedComparison) -> Iterator[str]:
    from twin.results.metrics import PRIMARY
    from twin.statistics.group_sequential import least_worlds

    q, n = found.plan, len(found.worlds)
    tests = found.tests
    worlds = show.counted(n, "world")
    yield f"Below the baseline: differences from it, with 95 % intervals; ≈ if not significant in {worlds}:"
    yield f"with {show.counted(tests, 'test')} together, at most a 5 % chance of any false difference (Holm)."
    if n < least_worlds(tests):
        least = least_worlds(tests)
        few = f"{worlds} {'is' if n == 1 else 'are'} too few for {show.counted(tests, 'test')}"
        yield f"{few}: no difference can be significant. It takes {least}."
    if found.invalid:
        were = "world was" if found.invalid == 1 else "worlds were"
        yield f"{found.invalid} {were} invalid and replaced: a service is impaired before the first input."
    for a in found.arms:
        if a.stopped is not None:
            yield f"{a.arm.name}: {a.stopped} after {show.counted(len(a.worlds), 'world')}; stopped there."
    for a in found.ranking:
        d = a.difference[PRIMARY]
        if d.identical:
            yield (f"{a.arm.name}: the same in each of {d.n} worlds, so (with 95 % confidence) different in "
                   f"fewer than {d.differing_at_most:.0%} of all.")  # fmt: skip
    if len(found.arms) <= SAID_OF:
        yield from _about(found)
    kept = "the shipped numbers" if not q.draws else "each unsourced number of the scenario from its range"
    yield (f"Worlds: noise, how long people take where they are drawn, {kept}; a mitigation's own numbers "
           "as its file has them.")  # fmt: skip
    yield (f"Well in time: within {hours(q.within_s)} of the first input. Times count from there, to "
           f"{hours(found.horizon_s)} at most.")  # fmt: skip


def _about(found: PairedComparison) -> Iterator[str]:
    """What the files say that no figure does."""
    for a in found.ranking:
        for m in a.mitigations:
            if m.coincidence:
                yield f"{m.name}, not judged: {m.coincidence.strip()}."
            if m.side_effect:
                shown = f" (twin run {Path(m.shown_by).stem} shows it)" if m.shows else ""
                yield f"{m.name}, side effect: {m.side_effect.strip()}{shown}."


def _baseline(found: PairedComparison) -> Iterator[str]:
    for m in found.metrics:
        e = found.baseline[m.name]
        yield estimated(m, e)


def _differences(found: PairedComparison, a: ArmResult) -> Iterator[str]:
    for m in found.metrics:
        d = a.difference[m.name]
        about = "" if a.significant[m.name] or d.identical else "≈ "
        yield about + _difference(m, d)


def _difference(metric: Metric, d: Difference) -> str:
    return "0" if d.identical else estimated(metric, d, True)


def show_services(found: PairedComparison) -> None:
    """Each service's time to recovery: of the baseline, and the difference that each mitigation makes."""
    names = [a.arm.name for a in found.ranking]
    click.echo("\nTime to recovery of each service: mean (median), and differences in minutes")
    rows = []
    for service, by_arm in found.services.items():
        base = by_arm["(baseline)"]
        median = hours(base.median_s) if math.isfinite(base.median_s) else "not by the end"
        lasts = f"{hours(base.mean.mean)} ({median})"
        rows.append((service, lasts, *(_minutes(by_arm[name]) for name in names)))
    moved = [row for row in rows if any(cell != "0" for cell in row[2:])]
    show.table(("service", "(baseline)", *names), moved, whole=("(baseline)", *names), key=2)
    if same := len(rows) - len(moved):
        click.echo(f"The same with each: {show.counted(same, 'service')}.")


def _minutes(side: Recovery) -> str:
    d = side.difference
    if d is None or d.identical:
        return "0"
    about = "" if side.significant else "≈ "
    return f"{about}{d.mean / 60:+.0f} [{d.low / 60:+.0f}, {d.high / 60:+.0f}]"


def write_values(found: WideComparison, path: Path) -> None:
    """A row an arm and metric, of pairs and of other scenarios too, as Parquet. Raises BadInput."""
    from twin.experiments.store import write_table

    try:
        write_table(path, list(found.rows()))
    except OSError as error:
        raise refused(path, "--parquet", error) from None
