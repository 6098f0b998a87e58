"""A finished run, continued from a moment with changes.

The past is stepped again, which takes a second, and compared with the rows of the finished run, byte for
byte. So a change at a fork is the same as an action at that time.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from dataclasses import dataclass, replace

from twin.base import units
from twin.base.thresholds import RECOVERED_S
from twin.model.changes import Variation
from twin.model.fields import Value
from twin.model.responders import stage_targets, with_stages
from twin.model.scenario import Intervention, Quantity, Scenario
from twin.model.step_numbers import number_targets, with_step_numbers
from twin.simulation import journal
from twin.simulation.code_version import code_version
from twin.simulation.run import FinishedRun, R, run_id
from twin.spec import load_actions, load_mitigations, read_changes, read_moment, vary
from twin.spec.arguments import Moment, Name, several

OneOrMoreNames = Name | Iterable[Name]
ID = "fork"  # of the intervention that sets what is set at the fork


class ForkError(Exception):
    """A run that cannot be forked as asked; the message says why."""


@dataclass(frozen=True)
class Fork:
    """A run and the moment of the fork: its ``scenario``, and ``at_s`` in s from its start."""

    past: FinishedRun
    scenario: Scenario
    at_s: float

    @property
    def tick(self) -> int:
        """The first tick that is not past."""
        return round(self.at_s / self.scenario.tick_s)


def fork(past: FinishedRun, at: Moment) -> Fork:
    """Leave ``past`` at a time, as in "07:50" or "+2h". Raises ForkError, SpecError.

    The run must be one of this code, as other code steps another past.
    """
    if past.manifest["code"] != code_version():
        raise ForkError(f"run {past.run_id} was made by other code, which had another past: run it again")
    scenario = past.scenario
    if run_id(scenario, past.manifest["seed"], past.manifest["replicate"]) != past.run_id:
        raise ForkError(f"run {past.run_id}: its inputs cannot be read back; run it again")
    scenario = scenario.model_copy(update={"seed": past.manifest["seed"]})
    at_s = read_moment("fork", at, scenario)
    return Fork(past, scenario, round(at_s / scenario.tick_s) * scenario.tick_s)


def forked_scenario(
    at: Fork, *, mitigate: OneOrMoreNames = (), add_action: OneOrMoreNames = (),
    set: Mapping[str, Value] | None = None, drop: OneOrMoreNames = (),
    move: Mapping[str, Moment] | None = None, until: Moment | None = None,
) -> Scenario:  # fmt: skip
    """The scenario from the fork on; changes are as in ``twin.load``. Raises ForkError, SpecError."""
    asked = read_changes(at.scenario, set=set, drop=drop, move=move, until=until)
    variations: list[Variation] = [*load_mitigations(several("mitigate", mitigate), at.scenario)]
    variations += [load_actions(file, at.scenario) for file in several("add_action", add_action)]
    variations.append(Variation(drop=asked.drop, move=dict(asked.move)))
    return changed(at, asked.set, variations, asked.until_s)


def changed(
    at: Fork, sets: Mapping[str, Value], variations: Iterable[Variation], until_s: float | None
) -> Scenario:
    """The scenario from the fork on. Raises ForkError where that would change the past.

    - ``sets``: target → value in SI, set at the fork, as are the parameters of ``variations``;
    - interventions of ``variations`` are added, and their conditions count from the fork on;
    - the times of responders change for steps that have not ended yet;
    - ``until_s``: another end.
    """
    scenario = at.scenario
    if until_s is not None and until_s <= at.at_s:
        raise ForkError(f"until: the run would end before the fork, at +{units.format_duration(at.at_s)}")
    for variation in variations:
        _must_leave_the_past(at, variation)
        sets = {t: q.value for t, q in variation.parameters.items()} | variation.set | dict(sets)
        faults, actions = (tuple(_from_fork(at, x) for x in y) for y in (variation.faults, variation.actions))
        later = Variation(
            drop=variation.drop, move=variation.move, faults=faults, actions=actions,
            diagnoses=variation.diagnoses,
        )  # fmt: skip
        scenario = vary(scenario, later)
    known = stage_targets(scenario).keys() | {target for target, _ in number_targets(scenario)}
    asked = {t: Quantity(value=value, assumed="as asked") for t, value in sets.items() if t in known}
    scenario = with_step_numbers(with_stages(scenario, asked), asked)
    sets = {t: v for t, v in sets.items() if t not in known}
    if sets:
        names = {x.id for x in scenario.interventions}
        name = next(n for n in (ID, *(f"{ID}-{k}" for k in range(2, 1000))) if n not in names)
        title = "Changed at the fork"
        x = Intervention(id=name, title=title, at_s=at.at_s, set=dict(sets), assumed="as asked")
        scenario = vary(scenario, Variation(actions=(x,)))
    return scenario.model_copy(update={"duration_s": scenario.duration_s if until_s is None else until_s})


def _must_leave_the_past(at: Fork, variation: Variation) -> None:
    if variation.services or variation.without:
        raise ForkError("services and dependencies cannot be changed at a fork, only parameters")
    begun = {x["id"] for x in at.past.manifest["inputs"] if x["tick"] < at.tick}
    for name in (*variation.drop, *variation.move):
        if name in begun:
            raise ForkError(f"'{name}' had begun before the fork: it cannot be dropped or moved any more")
    for name, at_s in variation.move.items():
        if at_s < at.at_s:
            raise ForkError(f"'{name}' cannot be moved to a time before the fork")


def _from_fork(at: Fork, x: Intervention) -> Intervention:
    """An added intervention; a condition is looked at from the fork on."""
    if any(x.follows == past["id"] and past["tick"] < at.tick for past in at.past.manifest["inputs"]):
        raise ForkError(f"'{x.id}' follows {x.follows}, which had happened before the fork: give it a time")
    if x.at_s is not None and x.at_s < at.at_s:
        when = f"+{units.format_duration(x.at_s)}"
        raise ForkError(f"'{x.id}' begins at {when}, before the fork at +{units.format_duration(at.at_s)}")
    if x.when is None:
        return x
    condition = x.when.model_copy(update={"from_s": max(x.when.from_s, at.at_s)})
    return x.model_copy(update={"when": condition})


def joined(at: Fork, run: R) -> R:
    """The run that was forked off, if its past is that of the run it left. Raises ForkError."""
    wait = round((RECOVERED_S + at.scenario.topology.signal_period_s) / at.scenario.tick_s)
    pasts = []
    for one in (at.past, run):
        events, samples = journal.before(one.events, at.tick), journal.before(one.samples, at.tick + 1)
        pasts.append((journal.certain(events, at.tick - wait), samples))
    for old, new in zip(*pasts, strict=True):
        if journal.digest(old) != journal.digest(new):
            found = "its past came out otherwise: what was changed shows before the fork"
            raise ForkError(f"run {at.past.run_id}: {found}")
    note = {"run": at.past.run_id, "at_tick": at.tick}
    return replace(run, manifest=run.manifest | {"fork": note})
