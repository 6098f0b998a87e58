"""What twin blast found, for people and for machines."""

from __future__ import annotations

import math
from collections.abc import Sequence
from dataclasses import asdict
from typing import TYPE_CHECKING, Any

import click

from twin.cli import _show as show

if TYPE_CHECKING:
    from twin.analysis.dependencies import Dependent
    from twin.experiments.blast import BlastPlan, BlastRadius, ServiceEffect
    from twin.model.scenario import Dependency, Scenario

MOST_PAIRS = 20


def tell_static(scenario: Scenario, services: Sequence[str], as_json: bool) -> None:
    """Who depends on ``services``; on everything, in short, if none is named."""
    from twin.analysis.blast_sweep import worse_together
    from twin.analysis.dependencies import single_points

    points = single_points(scenario.topology.services)
    together = [] if services else worse_together(scenario.topology.services)
    if as_json:
        named = services or sorted(scenario.topology.services)
        pairs = {} if services else {"pairs": [asdict(pair) for pair in together]}
        losses = [static(scenario, n) for n in named]
        show.document({"topology": scenario.topology.name, "static": losses, **pairs})
        return
    for name in services:
        tell_dependents(scenario, name)
    if services:
        return
    click.echo(f"Single points of failure of {scenario.topology.name}: who does not work without each")
    visible = {name for name, s in scenario.topology.services.items() if s.visible}
    rows = [(n, len(those), len(visible.intersection(those)), _some(those)) for n, those in points.items()]
    show.table(("service", "needed by", "customers see", "among them"), rows, ["needed by", "customers see"])
    if together:
        click.echo("Pairs that take more down together than each alone: alternatives of each other")
        shown = [(" + ".join(p.lost), len(p.also_down), _some(p.also_down)) for p in together[:MOST_PAIRS]]
        show.table(("pair", "also down", "among them"), shown, ["also down"])
        if (more := len(together) - MOST_PAIRS) > 0:
            click.echo(f"{more} more pairs: --json lists all")
    click.echo("Losing one: twin blast … --service NAME; each in turn: --all")


def static(scenario: Scenario, name: str) -> dict[str, Any]:
    """Who depends on a service, as JSON has it."""
    from twin.analysis.dependencies import dependents

    found = dependents(scenario.topology.services, name)
    return {
        "service": name,
        "single_point_of": sorted(d.service for d in found if d.hard),
        "dependents": [
            {"service": d.service, "hard": d.hard, "path": [*d.calls, name], "share_ratio": d.share_ratio,
             "ends_at": list(d.ends_at) if d.ends_at else None,
             "dependencies": [_edge(c, e) for c, e in zip(d.calls, d.path, strict=True)]}
            for d in found
        ],
    }  # fmt: skip


def _edge(caller: str, d: Dependency) -> dict[str, Any]:
    evidence = d.evidence.model_dump() if d.evidence else None
    return {"caller": caller, "callee": d.on, "mode": d.mode, "for": d.purpose,
            "inherited_from": d.inherited_from, "evidence": evidence}  # fmt: skip


def tell_dependents(scenario: Scenario, name: str) -> None:
    """Who depends on a service, over which chain, with the evidence of every dependency on the way."""
    from twin.analysis.dependencies import dependents

    services = scenario.topology.services
    found = dependents(services, name)
    title = f"{name} ({services[name].kind}): {services[name].title or name}"
    if not found:
        click.echo(f"{title}\nNobody depends on it.")
        return
    hard = sum(d.hard for d in found)
    show.prose(f"{title}\n{len(found)} depend on it; {hard} over a hard chain, and do not work without it.")
    rows = [(d.service, "hard" if d.hard else f"ends at {d.ends_at[0]}" if d.ends_at else "",
             f"{d.share_ratio:.0%}", _path(d, name)) for d in found]  # fmt: skip
    show.table(("service", "chain", "calls", "path"), rows, ["calls"])
    show.prose(
        "calls: the share of its calls that go all this way. ⇢: soft, asynchronous or with an alternative: "
        "ends a hard chain."
    )
    click.echo("\nThe dependencies on the way, and the evidence")
    edges = {(c, e.on): e for d in found for c, e in zip(d.calls, d.path, strict=True)}
    for (caller, callee), dependency in sorted(edges.items()):
        show.prose(f"  {caller} → {callee}: {_evidence(dependency)}")


def _path(d: Dependent, name: str) -> str:
    from twin.analysis.dependencies import NEEDED

    arrows = ("→" if e.mode in NEEDED and not (e.one_of or e.fallback) else "⇢" for e in d.path)
    return " ".join(x for pair in zip(d.calls, arrows, strict=True) for x in pair) + f" {name}"


def _evidence(d: Dependency) -> str:
    """'hard, for the endpoint's records (DAT, published): only new connections failed'."""
    e, purpose = d.evidence, f", for {d.purpose}" if d.purpose else ""
    origin = ", ".join(filter(None, (e.source, e.confidence))) if e else "no evidence"
    return f"{d.mode}{purpose} ({origin})" + (f": {e.note}" if e and e.note else "")


def show_blast(
    asked: BlastPlan, found: Sequence[BlastRadius], services: Sequence[str], cells: str, as_json: bool
) -> None:
    """What came of each loss: in full for ``services``, else the ranking and the matrix."""
    if as_json:
        show.document(blast_document(asked, found))
        return
    for r in found if services else ():
        tell_dependents(asked.scenario, r.lost)
        tell_loss(asked, r)
    if not services:
        tell_ranking(asked, found)
        tell_matrix(found, cells)
        tell_outlasting(asked, found)
        tell_surprises(found)
    for why in asked.refused.values():
        show.prose(f"Not lost: {why}.")


def blast_document(asked: BlastPlan, found: Sequence[BlastRadius]) -> dict[str, Any]:
    """All of it, as JSON has it."""
    return {
        "scenario": asked.scenario.name,
        "how": asked.how,
        "at_s": asked.at_s,
        "for_s": asked.for_s,
        "watch_s": asked.watch_s,
        "losses": [
            {"service": r.lost, "set": dict(asked.arms[r.lost].variations[0].faults[0].set),
             "service_minutes_lost_per_minute": r.lost_per_min, "of_others": r.others_per_min,
             "own": _effect(r.own) if r.own else None,
             "effects": [_effect(e) for e in r.others],
             "outlive": [e.service for e in r.outlasting],
             "without_hard_chain": [e.service for e in r.surprises],
             "static": static(asked.scenario, r.lost)}
            for r in found
        ],
        "not_lost": [{"service": name, "why": why} for name, why in asked.refused.items()],
    }  # fmt: skip


def _effect(e: ServiceEffect) -> dict[str, Any]:
    recovered = math.isfinite(e.recovery_s)
    return {
        "service": e.service, "onset_s": e.onset_s, "depth_ratio": e.depth_ratio,
        "impaired_min": e.impaired_min, "lost_min": e.lost_min, "recovered": recovered,
        "recovery_s": e.recovery_s if recovered else None, "outlives_cause": e.outlives_cause,
    }  # fmt: skip


def tell_loss(asked: BlastPlan, r: BlastRadius) -> None:
    """What the loss of one service did to every other service."""
    fault = asked.arms[r.lost].variations[0].faults[0]
    values = ", ".join(f"{target} = {value:.6g}" for target, value in fault.set.items())
    click.echo()
    show.prose(f"Lost for {_min(asked.for_s)} min: {fault.title} ({values}).")
    if not r.effects:
        click.echo("It makes no difference: each service, this one too, fares as it does without the fault.")
        return
    if not r.others:
        click.echo("Nobody else is hurt.")
    rows = [
        (e.service, "before" if e.onset_s is None else _min(e.onset_s), f"{e.depth_ratio:.0%}",
         _whole(e.impaired_min), show.minutes(e.lost_min), _after(asked, e))
        for e in r.effects
    ]  # fmt: skip
    columns = ("service", "onset", "depth", "impaired", "lost", "recovery")
    show.table(columns, rows, columns[1:])
    show.prose("Minutes: onset after the fault began, recovery after it ended; depth: highest error ratio.")
    show.prose(f"Of services that customers see {r.lost_per_min:.3g} minutes are lost for each minute of the "
               f"fault, {r.others_per_min:.3g} of them of others.")  # fmt: skip
    tell_outlasting(asked, [r])
    tell_surprises([r])


def tell_ranking(asked: BlastPlan, found: Sequence[BlastRadius]) -> None:
    """Which loss takes most with it."""
    show.prose(f"Each {asked.how} for {_min(asked.for_s)} min: service-minutes lost for each minute of it, "
               "where customers see them")  # fmt: skip
    rows: list[tuple[object, ...]] = [
        (n, r.lost, f"{r.lost_per_min:.2f}", f"{r.others_per_min:.2f}", len(r.needed_by),
         len(r.others), _last(asked, r), "yes" if r.outlasting else "", _some([e.service for e in r.others]))
        for n, r in enumerate(found, 1) if r.effects
    ]  # fmt: skip
    numbers = ("", "per minute", "of others", "needed by", "hurt", "back after, min")
    columns = ("", "lost", *numbers[1:], "outlives", "most hurt")
    show.table(columns, rows, numbers)
    if none := len(found) - len(rows):
        click.echo(f"{none} more, whose loss impairs no service.")
    show.prose("needed by: services that do not work without it, in the graph; hurt: others that were "
               "impaired, in the run.")  # fmt: skip


def tell_matrix(found: Sequence[BlastRadius], cells: str) -> None:
    """Lost service against affected service."""
    from twin.experiments.blast import matrix

    columns, rows = matrix(found)
    if not columns:
        click.echo("No loss hurts anybody.")
        return
    what = "minutes impaired; + is to the end" if cells == "minutes" else "highest error ratio, percent"
    click.echo(f"\nLost (line) and hurt (column): {what}")
    numbers = [str(n) for n in range(1, len(columns) + 1)]
    lines = [
        (r.lost, *(_cell(e, cells) for e in row)) for r, row in zip(found, rows, strict=True) if any(row)
    ]
    show.table(("lost", *numbers), lines, numbers=numbers, key=1)
    click.echo()
    show.prose(", ".join(f"{n}\N{NO-BREAK SPACE}{name}" for n, name in enumerate(columns, 1)))


def _cell(e: ServiceEffect | None, cells: str) -> str:
    if e is None:
        return "."
    if cells == "depth":
        return f"{100 * e.depth_ratio:.0f}"
    return _whole(e.impaired_min) + ("" if math.isfinite(e.recovery_s) else "+")


def tell_outlasting(asked: BlastPlan, found: Sequence[BlastRadius]) -> None:
    """Which faults outlive their cause, where, and by how long."""
    lasting = [r for r in found if r.outlasting]
    if not lasting:
        click.echo("None outlives its cause: nothing is impaired 30 minutes after the fault.")
    for r in lasting:
        where = ", ".join(f"{e.service} {_after(asked, e)}" for e in r.outlasting)
        show.prose(f"Outlives its cause: {r.lost}. Minutes until all is well after the fault: {where}.")


def tell_surprises(found: Sequence[BlastRadius]) -> None:
    """Who is hurt although the graph says that it need not be."""
    for r in found:
        if r.surprises:
            names = _some([e.service for e in r.surprises], most=12)
            show.prose(f"Hurt without a hard chain to {r.lost}: {names}.")


def _last(asked: BlastPlan, r: BlastRadius) -> str:
    return _after(asked, max(r.effects, key=lambda e: e.recovery_s)) if r.effects else ""


def _after(asked: BlastPlan, e: ServiceEffect) -> str:
    """Minutes from the end of the fault to the service's recovery."""
    return _min(e.recovery_s) if math.isfinite(e.recovery_s) else f"over {_min(asked.watch_s)}"


def _min(seconds: float) -> str:
    return f"{seconds / 60:.3g}"


def _whole(minutes: float) -> str:
    return f"{minutes:.0f}"


def _some(names: Sequence[str], most: int = 4) -> str:
    more = f" and {len(names) - most}" if len(names) > most else ""
    return ", ".join(names[:most]) + more
