"""The key ``scoring`` of a scenario: its phases end with outcomes of the timeline, its domains exist."""

from __future__ import annotations

from twin.base.units import Refused, parse_clock
from twin.spec.problems import did_you_mean
from twin.spec.tree import Tree
from twin.spec.values import Checker


def check_scoring(tree: Tree, topology: Tree, published: Tree | None, checker: Checker) -> None:
    """Its names are known, and its phases follow each other in time."""
    scoring = tree.get("scoring")
    if scoring is None or not isinstance(scoring.value, dict):
        return  # for pydantic to say
    if tree.get("published") is None:
        hint = "the timeline that a run is scored against"
        checker.refuse(scoring, "scoring", Refused("published: beside it", hint, "scoring"), at_key=True)
        return
    if published is not None:
        _check_phases(scoring, published, checker)
        _check_matched(scoring, published, checker)
    _check_domains(scoring, topology, checker)
    known = dict(topology.items("services"))
    for name, unit in scoring.items("units"):
        if name not in known:
            hint = did_you_mean(name, known)
            refused = Refused("a service of the topology", hint, f"'{name}'")
            checker.refuse(unit, f"scoring.units.{name}", refused, at_key=True)


def _check_phases(scoring: Tree, published: Tree, checker: Checker) -> None:
    at = {str(o.scalar("id")): str(o.scalar("published")) for o in published.elements("outcomes")}
    before = ""
    for i, phase in enumerate(scoring.elements("phases")):
        through, path = phase.get("through"), f"scoring.phases.{i}.through"
        if through is None:
            continue
        if through.value not in at:
            hint = did_you_mean(str(through.value), at)
            found = f"'{through.value}'"
            checker.refuse(through, path, Refused("the id of a published outcome", hint, found))
        elif before and not _is_later(at[through.value], at[before]):
            expected = f"an outcome that is published after {before}"
            checker.refuse(through, path, Refused(expected, found=f"'{through.value}'"))
        before = through.value if through.value in at else before


def _check_matched(scoring: Tree, published: Tree, checker: Checker) -> None:
    known = {str(o.scalar("id")) for o in published.elements("outcomes")}
    for i, outcome in enumerate(scoring.elements("matched")):
        if outcome.value not in known:
            hint, found = did_you_mean(str(outcome.value), known), f"'{outcome.value}'"
            refused = Refused("the id of a published outcome", hint, found)
            checker.refuse(outcome, f"scoring.matched.{i}", refused)


def _is_later(one: str, other: str) -> bool:
    try:
        return parse_clock(one) > parse_clock(other)
    except Refused:
        return True  # pydantic reports it


def _check_domains(scoring: Tree, topology: Tree, checker: Checker) -> None:
    services = topology.items("services")
    known = {str(service.scalar("domain") or name) for name, service in services}
    for i, domain in enumerate(scoring.elements("fit_domains")):
        if domain.value not in known:
            hint, found = did_you_mean(str(domain.value), known), f"'{domain.value}'"
            checker.refuse(domain, f"scoring.fit_domains.{i}", Refused("a domain of a service", hint, found))
