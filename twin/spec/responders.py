"""Checks of a scenario's responders: the order and length of their steps, and what misleads them."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from typing import get_args

from twin.base.units import Refused
from twin.model.responders import CV, STAGE, is_modelled, listed
from twin.model.scenario import Responders, Scenario
from twin.model.target import Target
from twin.spec.problems import Problem, SpecError, argument_problem, did_you_mean, shown
from twin.spec.tree import Tree
from twin.spec.values import Checker

Entry = tuple[str, Tree]  # path, and what is there


def entries(tree: Tree, *keys: str) -> list[Entry]:
    """The entries of these lists of a scenario, each with its path."""
    return [(f"{key}.{i}", x) for key in keys for i, x in enumerate(tree.elements(key))]


def decoys(tree: Tree) -> frozenset[str]:
    """Ids of the faults that mislead a diagnosis. They may set no parameter."""
    return frozenset(name for d in tree.elements("diagnoses") for name, _ in d.items("misled_by"))


def check_responders(tree: Tree, checker: Checker, base: Scenario | None = None) -> None:
    """Everything about responders except the conditions of diagnoses (see ``check_interventions``).

    ``base``: the scenario to which the entries of this mapping are added.
    """
    diagnoses = entries(tree, "diagnoses")
    acts = entries(tree, "faults", "actions")
    if (cv := tree.get("stage_cv_ratio")) is not None:
        checker.quantity(cv, "stage_cv_ratio", CV)
    for path, entry in acts + diagnoses:
        _check_takes(path, entry, checker)
        _check_each(path, entry, checker)
    faults = [str(x.scalar("id")) for x in tree.elements("faults")]
    faults += [x.id for x in base.faults] if base else []
    for path, entry in diagnoses:
        _check_diagnosis(path, entry, faults, checker)
    present = {x.id: x.follows for x in listed(base)} if base else {}
    _check_follows(acts + diagnoses, present, checker)
    if base is None:
        _check_mode(tree, acts, checker)


def _check_takes(path: str, entry: Tree, checker: Checker) -> None:
    takes = entry.get("takes")
    for name, quantity in entry.items("takes"):
        where = f"{path}.takes.{name}"
        if not name.endswith("_s"):
            refused = Refused("a name with its unit", f"{name}_s", f"'{name}'")
            checker.refuse(quantity, where, refused, at_key=True)
        checker.quantity(quantity, where, STAGE)
    is_act = not path.startswith("diagnoses")
    if takes is not None and is_act and entry.get("follows") is None:
        refused = Refused(
            "follows: beside it", "name the step that responders carry out before it", "takes without follows"
        )
        checker.refuse(takes, f"{path}.takes", refused, at_key=True)


def _check_each(path: str, entry: Tree, checker: Checker) -> None:
    """What is done in each zone sets something there; only that has a time from zone to zone."""
    each, apart = entry.get("each"), entry.get("apart")
    if apart is not None and each is None:
        refused = Refused("each: zone beside it", found="apart without each")
        checker.refuse(apart, f"{path}.apart", refused, at_key=True)
    if each is None:
        return
    callers = {Target.parse(target).service for target, _ in entry.items("set")}
    if not callers & checker.names.zonal:
        hint = "set a parameter of a service with per: zone"
        checker.refuse(each, f"{path}.each", Refused("something that is set in a zone", hint))


def _check_diagnosis(path: str, entry: Tree, faults: list[str], checker: Checker) -> None:
    for name in ("triage_s", "triage_doubling_s"):
        if (quantity := entry.get(name)) is not None:
            checker.quantity(quantity, f"{path}.{name}", STAGE)
    for fault, quantity in entry.items("misled_by"):
        where = f"{path}.misled_by.{fault}"
        if fault not in faults:
            refused = Refused("the id of a fault", did_you_mean(fault, faults), f"'{fault}'")
            checker.refuse(quantity, where, refused, at_key=True)
        checker.quantity(quantity, where, STAGE)


def _check_follows(steps: list[Entry], present: Mapping[str, str | None], checker: Checker) -> None:
    """A followed step exists, no step follows itself (directly or not), and no fault follows a step."""
    after: dict = {**present, **{entry.scalar("id"): entry.scalar("follows") for _, entry in steps}}
    reported: set[object] = set()  # steps of cycles that have been reported
    for path, entry in steps:
        place, name = entry.get("follows"), entry.scalar("follows")
        if place is None:
            continue
        where = f"{path}.follows"
        if path.startswith("faults"):
            hint = "responders cause no faults; make it an action"
            checker.refuse(place, where, Refused("at: or when:", hint, "a fault that follows"), at_key=True)
        elif name not in after:
            known = [str(known) for known in after if known != entry.scalar("id")]
            refused = Refused("the id of a diagnosis, action or fault", did_you_mean(name, known))
            checker.refuse(place, where, refused)
        elif entry.scalar("id") in (ring := list(_behind(name, after))) and not reported.intersection(ring):
            reported.update(ring)
            chain = " → ".join(map(str, [*ring[::-1], ring[-1]]))
            refused = Refused("a chain with a beginning", "leave out one follows:", f"a cycle, {chain}")
            checker.refuse(place, where, refused)


def _behind(name: object, after: dict) -> Iterator[object]:
    """``name``, what it follows, and so on; each once."""
    seen: set[object] = set()
    while name is not None and name in after and name not in seen:
        seen.add(name)
        yield name
        name = after[name]


def _check_mode(tree: Tree, acts: list[Entry], checker: Checker) -> None:
    mode = tree.get("responders")
    if mode is None or mode.value == "scripted":
        for path, entry in acts:
            if entry.get("follows") is not None and entry.get("at") is None and entry.get("when") is None:
                found, hint = "no time for scripted responders", "or responders: modelled"
                checker.refuse(entry, path, Refused("at: or when:", hint, found), at_key=True)
    elif not any(entry.get("follows") is not None for _, entry in acts):
        hint = "add follows: to an action"
        found = f"'{mode.value}', but no action that follows anything"
        checker.refuse(mode, "responders", Refused("scripted", hint, found))


def known_mode(mode: str) -> str:
    """The mode, if responders have it. Raises SpecError that names the argument ``responders``."""
    modes = get_args(Responders)
    if mode not in modes:
        hint = did_you_mean(mode, modes)
        raise argument_problem("responders", shown(mode), f"one of {', '.join(modes)}", hint)
    return mode


def with_responders(scenario: Scenario, mode: str) -> Scenario:
    """The scenario with its responders scripted, modelled or drawn. Raises SpecError, as ``--responders``."""
    known_mode(mode)
    changed = scenario.model_copy(update={"responders": mode})
    timeless = [x.id for x in scenario.actions if x.at_s is None and x.when is None]
    if is_modelled(changed) and not any(x.follows for x in scenario.actions):
        found, expected = f"'{mode}', but no action that follows anything", "scripted"
    elif not is_modelled(changed) and timeless:
        found, expected = f"'{mode}', but no time for {', '.join(timeless)}", "modelled or drawn"
    else:
        return changed
    raise SpecError([Problem("responders", 0, 0, "", found, expected)])
