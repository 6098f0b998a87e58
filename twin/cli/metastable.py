"""twin metastable."""

from __future__ import annotations

import math
from typing import TYPE_CHECKING, Any

import click

from twin.cli import _show as show
from twin.cli._arms import seconds
from twin.cli._command import command, headed_option
from twin.cli._errors import BadInput
from twin.cli._execute import compile_once
from twin.cli._options import at_option, change_options, changed_scenario, output_options

if TYPE_CHECKING:
    from twin.analysis.metastability import StabilityStudy
    from twin.analysis.metastability.ways import Way
    from twin.model.scenario import Scenario


@command(
    "metastable",
    "twin metastable us-east-1-2025-10-20 dwfm",
    "twin metastable us-east-1-2025-10-20 dwfm --at +5h30m",
    "twin metastable scenarios/examples/mongodb-10s-80.yaml mongodb --json",
    "twin metastable scenarios/examples/mongodb-10s-80.yaml mongodb --what-load 0.5",
    "twin metastable scenarios/examples/mongodb-10s-80.yaml mongodb --heals-within 2h",
)
@click.argument("scenario")
@click.argument("service")
@at_option
@headed_option(
    "--what-load",
    type=click.FloatRange(0, 1000, min_open=True),
    metavar="FACTOR",
    help="Multiply the load by FACTOR. Ignore the scenario's faults and actions on this service.",
)
@headed_option(
    "--heals-within", default="30m", show_default=True, metavar="DURATION",
    help="What needs longer than this to recover has collapsed. The time begins when the backlog could have "
         "been worked off.",
)  # fmt: skip
@change_options
@output_options
def metastable_command(
    scenario: str, service: str, at: str | None, what_load: float | None, heals_within: str, as_json: bool,
    **changes: Any,
) -> None:  # fmt: skip
    """Does SERVICE recover by itself after a fault: always, sometimes or never?

    Simulates SERVICE alone, with healthy dependencies and the undisturbed load of its callers. If other
    services can keep SERVICE down, and it them (a loop), it simulates all of these together. Then it tries
    triggers: less capacity, failing dependencies, more load. It says which trigger makes the service fail
    permanently, and which action repairs it.

    \b
    stable      it recovers from every trigger, in time
    vulnerable  it works, but some trigger makes it fail for good, or too long
    metastable  it is down, and stays down although no trigger is left

    The answer is about the time --at; without it, about the end of the scenario.
    """
    from twin.analysis.metastability import stability_document, study_stability

    if at is not None and what_load is not None:
        raise BadInput("--at, --what-load: the scenario has not been at that load; give one of the two")
    heals_within_s = seconds(heals_within, "--heals-within")
    loaded = changed_scenario(scenario, changes)
    _require(loaded, service)
    compile_once(loaded)
    at_s = None if what_load is not None else _moment(loaded, at)
    found = study_stability(loaded, service, at_s=at_s, load=what_load or 1.0,
                            heals_within_s=heals_within_s, say=show.say)  # fmt: skip
    if as_json:
        show.document(stability_document(found, loaded.duration_s))
    else:
        _tell(found, loaded)


def _require(scenario: Scenario, service: str) -> None:
    from twin.spec.problems import argument_problem, did_you_mean

    known = list(scenario.topology.services)
    if service not in known:
        near = did_you_mean(service, known) or "twin list services shows those of a topology"
        raise argument_problem("service", f"'{service}'", f"a service of {scenario.name}", near)


def _moment(scenario: Scenario, at: str | None) -> float:
    from twin.spec import read_moment

    return scenario.duration_s if at is None else read_moment("at", at, scenario)


def _tell(found: StabilityStudy, scenario: Scenario) -> None:
    show.prose(f"{found.service} ({found.kind}) is {found.verdict.upper()}: {found.reason}.")
    if len(found.members) > 1:
        show.prose(f"Loop, studied as one: {', '.join(sorted(found.members))}.")
    _tell_point(found)
    _tell_frontier(found)
    _tell_ways(found)
    _tell_hysteresis(found)
    _tell_laws(found)
    _tell_chain(found, scenario.duration_s)


def _tell_point(found: StabilityStudy) -> None:
    at = "" if found.load_ratio == 1.0 else f", {found.load_ratio:g} times the scenario's"
    capacity = "" if found.capacity_per_s is None else f"; capacity {found.capacity_per_s:.6g}/s"
    asked = f"Calls {found.load_per_s:.6g}/s{at}, {found.attempts:.3g} attempts a call when all fail"
    if found.works_for_itself:
        asked = f"Work of its own{at}"
    click.echo(f"\n{asked}{capacity}")
    if found.moment is None or found.at_s is None:
        return
    then = "impaired" if found.impaired_then else "well"
    alone = f"left alone from there: {found.moment.state}"
    click.echo(f"{_for(found.at_s)} into the scenario it is {then}; {alone}")


def _tell_frontier(found: StabilityStudy) -> None:
    if not found.frontiers:
        return
    click.echo("\nSmallest triggers that tip it")
    rows: list[tuple[object, ...]] = []
    for f in found.frontiers:
        at_once = f.trigger.is_momentary
        if not f.tips:
            longest = "no" if at_once else f"no, not for {_for(f.longest_s)}"
            rows.append((f.trigger.words(f.trigger.depths[0]), longest, ""))
        points = zip(f.points, f.left_ratios, f.well_after_s, strict=True)
        rows += [(f.trigger.words(d), "" if at_once else _for(s), _left(left, well_s))
                 for (d, s), left, well_s in points]  # fmt: skip
    show.table(("if", "for at least", "then fails"), rows, numbers=["then fails"])


def _left(error_ratio: float, well_after_s: float) -> str:
    """What goes on failing, or for how long it did."""
    return f"{error_ratio:.0%}" if math.isinf(well_after_s) else f"for {_for(well_after_s)}"


def _tell_ways(found: StabilityStudy) -> None:
    if not found.ways:
        return
    click.echo("\nWays out of the collapse")
    rows = [_way(way) for way in found.ways]
    show.table(("", "limit", "which is"), rows, numbers=["limit"])
    if found.tipping_count is not None:
        click.echo(f"It recovers by itself from up to {found.tipping_count:.4g} that wait or are broken.")


def _way(way: Way) -> tuple[str, str, str]:
    if not way.has_amount:
        return way.name, "enough" if way.value else "not enough", ""
    return way.name, "not enough" if way.value is None else f"{way.value:.3g}", way.value_is


def _tell_hysteresis(found: StabilityStudy) -> None:
    if not found.hysteresis:
        return
    click.echo("\nHysteresis: goodput a second and errors, from either state")
    rows = [
        (f"{b.load_ratio:g}", f"{b.from_well.goodput_per_s:.4g}", f"{b.from_well.error_ratio:.0%}",
         b.from_well.state, f"{b.from_collapsed.goodput_per_s:.4g}", f"{b.from_collapsed.error_ratio:.0%}",
         b.from_collapsed.state)
        for b in found.hysteresis
    ]  # fmt: skip
    columns = ("load ×", "well", "errors", "", "collapsed", "errors ", " ")
    show.table(columns, rows, numbers=("load ×", "well", "errors", "collapsed", "errors "))


def _tell_laws(found: StabilityStudy) -> None:
    if not found.laws:
        return
    click.echo("\nClosed forms, and what the runs gave")
    rows = [(law.name, law.value, law.found, law.value_is) for law in found.laws]
    show.table(("law", "closed form", "runs", "which is"), rows, numbers=("closed form", "runs"))


def _tell_chain(found: StabilityStudy, horizon_s: float) -> None:
    chain = found.thermometer
    if chain is None:
        return
    click.echo()
    show.prose(f"Markov chain of the service scaled down: {chain.how}.")
    rows = [
        (f"{r.slots:g}", r.states, _told(r.well_s, r.told_s), _told(r.collapsed_s, r.told_s),
         f"{r.late_ratio:.3g}", f"{r.collapse_chance(horizon_s):.3g}")
        for r in chain.readings
    ]  # fmt: skip
    chance = f"P(in {_for(horizon_s)})"
    columns = ("in a time-out", "states", "well for", "collapsed for", "late while well", chance)
    show.table(columns, rows, numbers=columns)
    show.prose(
        f"The service has {chain.full_slots:.4g} in a time-out; the time that it stays well grows "
        "exponentially with that, so the last line is a lower bound for it."
    )


def _for(seconds: float) -> str:
    """'5.52 s', '1h30m', '252 years'."""
    from twin.base import units

    if seconds >= 1e7:
        return f"{seconds / 86_400 / 365.25:.3g} years"
    return f"{seconds:.3g} s" if seconds < 120.0 else units.format_duration(float(round(seconds)))


def _told(seconds: float, longest_s: float) -> str:
    """A time, or that it is longer than the solver can tell."""
    return _for(seconds) if seconds <= longest_s else f"over {_for(longest_s)}"
