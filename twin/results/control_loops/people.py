"""Responders: their picture of what is wrong, and what they did by it."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass

from twin.model.control_loop import EVERY_S, Loop, Reading
from twin.model.responders import follows, is_modelled, listed
from twin.model.scenario import Diagnosis, Intervention, Scenario
from twin.simulation.run import FinishedRun

_FOUND = """
select e.subject, e.tick, coalesce(c.tick, e.tick) as onset_tick
from events e left join events c on c.event_id = e.cause_id where e.event = 'diagnosed' order by e.tick"""
_DONE = "select id, min(tick) as tick from inputs where begin group by id order by tick"
_SPELLS = """
select onset_tick, coalesce(recovery_tick, (select max(tick) from samples)) as end_tick
from episodes join services using (service) where visible order by onset_tick"""


@dataclass(frozen=True)
class MadeDiagnosis:
    """A diagnosis: ``onset``, the tick from which it could be known, and that at which it was made."""

    diagnosis: Diagnosis
    onset: int
    tick: int

    @property
    def is_trouble(self) -> bool:
        """Whether it is about trouble, and not about its end."""
        return self.diagnosis.when.above is not None


def people(scenario: Scenario, run: FinishedRun) -> Loop:
    """The control loop of the responders. It has no reading if responders are scripted.

    Age: of trouble when it is found, since it could be seen; of a finding, when people act on it. In between,
    every minute, the age of the oldest trouble that began after their last finding.

    Wrong: how many impaired services, visible to customers, have trouble newer than the last finding.
    """
    loop = Loop(
        "Responders", "", "their last finding: alarms, as far as they are sorted and understood",
        "services impaired by what came after their last finding", False,
    )  # fmt: skip
    if is_modelled(scenario):
        found = _found(scenario, run)
        picture = _Picture(run, [f.tick for f in found if f.is_trouble])
        readings = [*_minutes(scenario, picture), *_moments(scenario, run, found, picture)]
        loop.readings.extend(sorted(readings, key=lambda r: r.tick))
    return loop


def _found(scenario: Scenario, run: FinishedRun) -> list[MadeDiagnosis]:
    """What was found; what is looked for only after something could not be known before."""
    known, rows = {d.id: d for d in scenario.diagnoses}, run.sql(_FOUND).to_pylist()
    happened = {r["subject"]: r["tick"] for r in rows}
    happened |= {r["id"]: r["tick"] for r in run.sql(_DONE).to_pylist()}
    found = []
    for r in rows:
        diagnosis = known[r["subject"]]
        since = happened.get(diagnosis.follows or "", 0)
        found.append(MadeDiagnosis(diagnosis, max(r["onset_tick"], since), r["tick"]))
    return found


class _Picture:
    """Trouble that is newer than what responders know. ``findings``: ticks at which they found some."""

    def __init__(self, run: FinishedRun, findings: list[int]) -> None:
        self._spells = [(r["onset_tick"], r["end_tick"]) for r in run.sql(_SPELLS).to_pylist()]
        self._findings = findings

    def unknown(self, tick: int) -> list[int]:
        """Onsets, the oldest first, of what is impaired at ``tick`` and began after the last finding."""
        last = max((at for at in self._findings if at < tick), default=-1)
        return [onset for onset, end in self._spells if last < onset <= tick < end]


def _minutes(scenario: Scenario, picture: _Picture) -> Iterator[Reading]:
    """A reading every minute in which there is trouble that responders know nothing of."""
    step = max(1, round(EVERY_S / scenario.tick_s))
    for tick in range(0, round(scenario.duration_s / scenario.tick_s), step):
        if onsets := picture.unknown(tick):
            yield Reading(tick, (tick - onsets[0]) * scenario.tick_s, float(len(onsets)), "sorted alarms")


def _moments(
    scenario: Scenario, run: FinishedRun, found: list[MadeDiagnosis], picture: _Picture
) -> Iterator[Reading]:
    """A reading for whatever is found, and for whatever is done because of it."""
    done = {r["id"]: r["tick"] for r in run.sql(_DONE).to_pylist()}
    by_id = {f.diagnosis.id: f for f in found}
    for f in found:
        decoys = [name for name in f.diagnosis.misled_by if done.get(name, f.tick) < f.tick]
        misled = f", misled by {', '.join(decoys)}" if decoys else ""
        age_s = (f.tick - f.onset) * scenario.tick_s if f.is_trouble else None
        wrong = float(len(picture.unknown(f.tick)))
        yield Reading(f.tick, age_s, wrong, f"found: {f.diagnosis.title}{misled}", True)
    for x in scenario.actions:
        reason = _reason(scenario, x, by_id)
        if x.id in done and reason is not None:
            at = done[x.id]
            age_s = (at - reason.tick) * scenario.tick_s
            yield Reading(at, age_s, float(len(picture.unknown(at))), f"did: {x.title}", True)


def _reason(scenario: Scenario, x: Intervention, found: dict[str, MadeDiagnosis]) -> MadeDiagnosis | None:
    """The diagnosis that an action follows, over other actions."""
    steps = {step.id: step for step in listed(scenario)}
    name = follows(scenario, x)
    while name is not None and name not in found:
        name = follows(scenario, steps[name])
    return None if name is None else found[name]
