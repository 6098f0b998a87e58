"""The changes that a function or a command is given: set, drop, move, until, sample, seed, responders.

Text is read as a file's is: a number carries its unit. A Python number is in SI units: seconds, events per
second, a plain ratio. Problems name the argument: ``set["dwfm.lease_s"]``.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator, Mapping
from dataclasses import dataclass
from datetime import datetime, timedelta
from functools import cached_property, partial
from pathlib import Path
from typing import Any, TypeVar

from twin.base import units
from twin.base.units import Refused
from twin.model.changes import Variation
from twin.model.fields import Value
from twin.model.runners import RUNNERS
from twin.model.scenario import Quantity, Scenario
from twin.spec.overrides import vary
from twin.spec.problems import Problem, SpecError, argument_problem, did_you_mean, shown
from twin.spec.responders import with_responders
from twin.spec.tree import parse_tree
from twin.spec.values import Names, in_si, names_of, typed

Name = str | Path
Moment = str | float | datetime | timedelta
T = TypeVar("T")

MAX_SEED = 2**64 - 1


@dataclass(frozen=True)
class Changes:
    """What was asked for, checked. ``set``: target → value in SI; ``move``: id → s from the start."""

    set: Mapping[str, Value]
    drop: tuple[str, ...]
    move: Mapping[str, float]
    until_s: float | None
    sample_s: float | None
    seed: int | None

    @property
    def variation(self) -> Variation:
        """Set, drop and move."""
        parameters = {t: Quantity(value=value, assumed="as asked") for t, value in self.set.items()}
        return Variation(parameters=parameters, drop=self.drop, move=dict(self.move))


def read_changes(
    scenario: Scenario, *, set: Mapping[str, Value] | None = None, drop: Name | Iterable[Name] = (),
    move: Mapping[str, Moment] | None = None, until: Moment | None = None, sample: str | float | None = None,
    seed: int | None = None, kinds: Mapping[str, Any] | None = None,
) -> Changes:  # fmt: skip
    """The changes, checked against ``scenario``. Raises SpecError with the problems of all of them."""
    reader = _Reader(scenario, kinds)
    found = Changes(
        dict(reader.each("set", reader.parameter, set or {})),
        tuple(x for name in several("drop", drop) for x in reader.attempt("drop", reader.dropped, str(name))),
        dict(reader.each("move", reader.moved, move or {})),
        reader.one("until", reader.end, until),
        reader.one("sample", reader.sample, sample),
        reader.one("seed", reader.seed, seed),
    )
    if reader.problems:
        raise SpecError(reader.problems)
    return found


def override(scenario: Scenario, *, responders: str | None = None, **changes: Any) -> Scenario:
    """The scenario with changes, those of ``read_changes``. Raises SpecError with the problems of all."""
    asked = read_changes(scenario, **changes)
    update: dict[str, Any] = {
        "duration_s": scenario.duration_s if asked.until_s is None else asked.until_s,
        "sample_s": scenario.sample_s if asked.sample_s is None else asked.sample_s,
        "seed": scenario.seed if asked.seed is None else asked.seed,
    }
    changed = vary(scenario, asked.variation).model_copy(update=update)
    return changed if responders is None else with_responders(changed, responders)


def read_moment(argument: str, value: Moment, scenario: Scenario) -> float:
    """Seconds from the start to a moment inside the scenario. Raises SpecError that names ``argument``."""
    try:
        at_s = units.parse_moment(value, scenario.start)
        if not 0 <= at_s <= scenario.duration_s:
            end = units.format_duration(scenario.duration_s)
            raise Refused(f"a time within the scenario, up to +{end}")
    except Refused as refused:
        raise SpecError([_problem(argument, value, refused)]) from None
    return at_s


def several(argument: str, given: Name | Iterable[Name]) -> list[Name]:
    """A list of what may be given alone. Raises SpecError that names ``argument``."""
    many: Any = given if isinstance(given, Iterable) and not isinstance(given, str) else [given]
    names = list(many)
    wrong = [Problem(argument, 0, 0, "", shown(name), "a name, a file, or a list of them")
             for name in names if not isinstance(name, str | Path)]  # fmt: skip
    if wrong:
        raise SpecError(wrong)
    return names


def check_runner(runner: str, address: str | None) -> None:
    """Raises SpecError for a runner that does not exist, and for an address that nothing would use."""
    if runner not in RUNNERS:
        expected = f"one of {', '.join(RUNNERS)}"
        raise argument_problem("runner", shown(runner), expected, did_you_mean(runner, RUNNERS))
    if address is not None and runner != "ray":
        raise argument_problem("address", f"runner '{runner}'", "runner 'ray': only Ray has an address")


def check_counts(least: int, **given: object) -> None:
    """Raises SpecError that names each argument that is not a whole number of ``least`` or more."""
    wrong = [Problem(argument, 0, 0, "", shown(value), f"a whole number, {least} or more")
             for argument, value in given.items()
             if isinstance(value, bool) or not isinstance(value, int) or value < least]  # fmt: skip
    if wrong:
        raise SpecError(wrong)


def _problem(argument: str, value: object, refused: Refused) -> Problem:
    return Problem(argument, 0, 0, "", refused.found or shown(value), refused.expected, refused.hint)


class _Reader:
    """Reads arguments against one scenario, and gathers problems."""

    def __init__(self, scenario: Scenario, kinds: Mapping[str, Any] | None) -> None:
        self.scenario, self.kinds = scenario, kinds
        self.problems: list[Problem] = []

    @cached_property
    def names(self) -> Names:
        """Gathered when a target is read: a topology may have many."""
        return names_of(self.scenario, self.kinds)

    def attempt(self, argument: str, read: Callable[[Any], T], value: Any) -> list[T]:
        """What was read, or nothing and one problem more."""
        try:
            return [read(value)]
        except Refused as refused:
            self.problems.append(_problem(argument, value, refused))
            return []

    def each(self, argument: str, read: Callable[[str, Any], T], given: Any) -> Iterator[tuple[str, T]]:
        """Key → what was read of it."""
        if not isinstance(given, Mapping):
            self.problems.append(_problem(argument, given, Refused("a mapping from a name to its new value")))
            return
        for key, value in given.items():
            name = str(key).strip()
            for good in self.attempt(f'{argument}["{key}"]', partial(read, name), value):
                yield name, good

    def one(self, argument: str, read: Callable[[Any], T], value: Any) -> T | None:
        """What was read; None where nothing was given."""
        return next(iter(self.attempt(argument, read, value)), None) if value is not None else None

    def parameter(self, target: str, value: Any) -> Value:
        param = self.names.parameter(target)
        return typed(_scalar(value), param) if isinstance(value, str) else in_si(value, param)

    def moved(self, name: str, at: Moment) -> float:
        self._known(name)
        return self._time(at)

    def dropped(self, name: str) -> str:
        return self._known(name.strip(), [d.id for d in self.scenario.diagnoses])

    def end(self, until: Moment) -> float:
        seconds = self._time(until)
        if seconds == 0:
            raise Refused("a time after the start")
        return seconds

    def sample(self, given: str | float) -> float:
        """A multiple of the signal period."""
        period_s = self.scenario.topology.signal_period_s
        if isinstance(given, bool) or not isinstance(given, str | int | float):
            raise Refused("a duration")
        seconds = units.parse_duration(given) if isinstance(given, str) else float(given)
        periods = round(seconds / period_s)
        if periods < 1 or abs(periods * period_s - seconds) > 1e-9 * seconds:
            raise Refused(f"a multiple of the signal period, {units.format_duration(period_s)}")
        return seconds

    def seed(self, given: int) -> int:
        if isinstance(given, bool) or not isinstance(given, int) or not 0 <= given <= MAX_SEED:
            raise Refused("a whole number from 0 to 2^64 - 1")
        return given

    def _known(self, name: str, more: Iterable[str] = ()) -> str:
        ids = [*(x.id for x in self.scenario.interventions), *more]
        if name not in ids:
            raise Refused("the id of a fault or action", did_you_mean(name, ids), f"'{name}'")
        return name

    def _time(self, given: Moment) -> float:
        seconds = units.parse_moment(given, self.scenario.start)
        if seconds < 0:
            raise Refused(f"a time from the start on, {self.scenario.start.isoformat()}")
        return seconds


def _scalar(text: str) -> Any:
    """A value as YAML would type it."""
    tree = parse_tree(f"value: {text.strip()}", "set", [])
    value = tree.scalar("value") if tree is not None else None
    return text.strip() if value is None else value
