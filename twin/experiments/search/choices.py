"""What a search may choose from: mitigations on or off, and the settings that some of them leave open.

| Word | Meaning |
|---|---|
| part | one mitigation's file; bundles are left out, as their parts are here |
| knob | a number of a part with a range; numbers with the same name, value and range are one knob |
| choice | a set of parts, some with knobs set to other values than in their files |

The cost of a choice is the sum of its parts' cost classes, counted 1 (a setting) to 5 (an architecture). It
is a rough order and no money, and does not depend on the knobs.
"""

from __future__ import annotations

import math
from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field
from functools import cached_property
from itertools import combinations
from pathlib import Path

from twin.experiments.arms import BASELINE, Arm
from twin.model.changes import Cost, Mitigation, Variation
from twin.model.scenario import Scenario
from twin.spec import Problem, SpecError, load_mitigations
from twin.spec.inputs import LOGARITHMIC
from twin.spec.mitigations import MITIGATIONS_FOLDER, Placed, contradictions, is_unfit, place_mitigation

DIGITS = 2  # of a setting: more are not known


@dataclass(frozen=True)
class Knob:
    """``targets`` are set together, from ``low`` to ``high``, in SI units; ``value``: the file's."""

    name: str
    targets: tuple[str, ...]
    value: float
    low: float
    high: float
    is_count: bool

    @property
    def is_logarithmic(self) -> bool:
        return self.low > 0 and self.high / self.low >= LOGARITHMIC

    def rounded(self, value: float) -> float | int:
        """A value as people set it, within the range."""
        if value:
            value = round(value, DIGITS - 1 - math.floor(math.log10(abs(value))))
        value = min(max(value, self.low), self.high)
        return round(value) if self.is_count else value


@dataclass(frozen=True)
class Part:
    """One mitigation as it applies to the scenario."""

    name: str
    price: Cost
    knobs: tuple[Knob, ...] = ()

    @property
    def cost(self) -> int:
        """1 for the cheapest class."""
        return 1 + self.price.rank


ChosenSettings = tuple[tuple[str, str, float], ...]


@dataclass(frozen=True)
class Choice:
    """``parts``: names in order. ``settings``: (part, knob, value) of the knobs that are not as in the file,
    in order."""

    parts: tuple[str, ...] = ()
    settings: ChosenSettings = ()

    @property
    def as_written(self) -> Choice:
        """The same parts, with the settings of their files."""
        return Choice(self.parts)

    @property
    def words(self) -> str:
        """'jitter(backoff_s=2)+long-leases'."""
        moved: dict[str, list[str]] = {}
        for part, knob, value in self.settings:
            moved.setdefault(part, []).append(f"{knob}={value:g}")
        named = (f"{p}({', '.join(moved[p])})" if p in moved else p for p in self.parts)
        return "+".join(named) or BASELINE

    def without(self, gone: Iterable[str]) -> Choice:
        """The same without some parts, and their settings."""
        left = set(gone)
        return Choice(
            tuple(p for p in self.parts if p not in left),
            tuple(s for s in self.settings if s[0] not in left),
        )


@dataclass(frozen=True)
class ChoiceSpace:
    """All that may be chosen for ``base``. ``against``: pairs of parts that contradict each other.
    ``left_out``: file → why it is not among them."""

    base: Scenario
    folder: Path
    parts: tuple[Part, ...]
    against: frozenset[frozenset[str]]
    left_out: Mapping[str, str] = field(default_factory=dict)

    @cached_property
    def by_name(self) -> dict[str, Part]:
        return {part.name: part for part in self.parts}

    def cost(self, choice: Choice) -> int:
        """The sum of its parts'."""
        return sum(self.by_name[name].cost for name in choice.parts)

    def choice(self, names: Iterable[str], settings: Iterable[tuple[str, str, float]] = ()) -> Choice:
        """Names in any order, each once; settings that are the file's are none."""
        parts = tuple(sorted(set(names), key=lambda n: (self.by_name[n].cost, n)))
        moved = {
            (p, k, float(v)) for p, k, v in settings
            if p in parts and v != next(x.value for x in self.by_name[p].knobs if x.name == k)
        }  # fmt: skip
        return Choice(parts, tuple(sorted(moved)))

    def contradicts(self, choice: Choice) -> bool:
        """Whether two of its parts contradict each other."""
        return any(frozenset(pair) in self.against for pair in combinations(choice.parts, 2))

    def agreeing(self, names: Iterable[str]) -> Choice:
        """All of these but those that contradict a cheaper one."""
        kept: list[str] = []
        for name in self.choice(names).parts:
            if not any(frozenset((name, other)) in self.against for other in kept):
                kept.append(name)
        return self.choice(kept)

    def arm(self, choice: Choice) -> Arm:
        """The arm of a study. Raises SpecError if its parts contradict each other."""
        if choice not in self._arms:
            self._arms[choice] = self._arm(choice)
        return self._arms[choice]

    @cached_property
    def _arms(self) -> dict[Choice, Arm]:
        return {Choice(): Arm()}

    def _arm(self, choice: Choice) -> Arm:
        found = load_mitigations(choice.parts, self.base, self.folder)
        asked = {
            target: knob.rounded(value)
            for part, name, value in choice.settings
            for knob in self.by_name[part].knobs if knob.name == name
            for target in knob.targets
        }  # fmt: skip
        return Arm(choice.words, (*found, Variation(set=asked)) if asked else found)


def choice_space(base: Scenario, folder: Path = MITIGATIONS_FOLDER) -> ChoiceSpace:
    """What the files of a folder offer for a scenario. Raises SpecError with what is wrong with a file; and
    if none of them fits, with why."""
    placed: dict[str, Placed] = {}
    left_out: dict[str, str] = {}
    unfit: list[Problem] = []
    wrong: list[Problem] = []
    for path in sorted(folder.glob("*.yaml")):
        try:
            placed[path.stem] = place_mitigation(path, base)
        except SpecError as error:
            wrong += [p for p in error.problems if not is_unfit(p)]
            unfit += error.problems
            left_out[path.stem] = f"does not fit the scenario: found {error.problems[0].found}"
    if wrong:
        raise SpecError(wrong)
    left_out |= {name: why for name, one in placed.items() if (why := _unfit(one.mitigation))}
    kept = {name: one for name, one in placed.items() if name not in left_out}
    if not kept:
        expected = "files as those in scenarios/mitigations"
        none = Problem("mitigations", 0, 0, "", f"no mitigation in {folder}", expected)
        raise SpecError(unfit or [none])
    parts = tuple(_part(name, one.mitigation) for name, one in kept.items())
    return ChoiceSpace(base, folder, parts, contradictions(kept), left_out)


def _part(name: str, mitigation: Mitigation) -> Part:
    assert mitigation.cost is not None
    return Part(name, mitigation.cost, knobs_of(mitigation))


def _unfit(mitigation: Mitigation) -> str:
    """Why a mitigation that applies is no part; '' if it is one."""
    if mitigation.includes:
        return "is a bundle"
    if mitigation.coincidence:
        return "depends on a coincidence"
    if mitigation.cost is None:
        return "says no class of cost"
    changes = Variation(**{name: getattr(mitigation, name) for name in Variation.model_fields})
    return "changes nothing here" if changes.is_empty else ""


def knobs_of(mitigation: Mitigation) -> tuple[Knob, ...]:
    """The knobs of a mitigation, in the order of its file."""
    same: dict[tuple[str, float, float, float, bool], list[str]] = {}
    for target, q in mitigation.parameters.items():
        if q.range is None or isinstance(q.value, str | bool) or isinstance(q.range[0], str | bool):
            continue
        low, high = float(q.range[0]), float(q.range[1])
        if low < high:
            name = target.rpartition(".")[2]
            is_count = name.endswith("_count") or isinstance(q.value, int)
            same.setdefault((name, float(q.value), low, high, is_count), []).append(target)
    taken: dict[str, int] = {}
    found = []
    for (name, value, low, high, is_count), targets in same.items():
        taken[name] = taken.get(name, 0) + 1
        label = name if taken[name] == 1 else f"{name}#{taken[name]}"
        found.append(Knob(label, tuple(targets), value, low, high, is_count))
    return tuple(found)
