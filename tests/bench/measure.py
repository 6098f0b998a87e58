"""The stopwatch of the bench: medians of several, each answer checked, and a line for each figure.

Seconds are processor time of one process, unless a line says wall time. A figure is printed as measured, and
scaled to the reference machine: the one on which SimPy takes 30 s for the retry storm.
"""

from __future__ import annotations

import gc
import time
from collections.abc import Callable, Mapping, Sequence
from dataclasses import asdict, dataclass, field
from statistics import median
from typing import Any, TypeVar

A = TypeVar("A")

REFERENCE_S = 30.0  # SimPy's time for the retry storm of mode none, on the reference machine
REPEATS = 5
SLOW_S = 10.0


class WrongAnswer(Exception):
    """A measured program answered wrongly, so its time counts for nothing."""


@dataclass(frozen=True)
class Target:
    """``most``: a number that a figure may not exceed; ``least``: one that it has to reach."""

    most: float | None = None
    least: float | None = None

    def is_met(self, value: float) -> bool:
        return (self.most is None or value <= self.most) and (self.least is None or value >= self.least)

    def __str__(self) -> str:
        return f"≤ {self.most:g}" if self.most is not None else f"≥ {self.least:g}"


@dataclass
class Figure:
    """One line. ``value``: as measured here. ``unit``: "s" and "ms" grow on a slow machine, and what is "/s"
    shrinks; all others do not depend on its speed. ``note``: what limits it, or why it was left out."""

    work: str
    who: str
    value: float | None
    unit: str = "s"
    target: Target | None = None
    note: str = ""
    factor: float | None = None
    row: str = ""

    @property
    def scaled(self) -> float | None:
        """The value on the reference machine; None if it is not known."""
        is_time, is_rate = self.unit in ("s", "ms", "min"), self.unit.endswith("/s")
        if self.value is None or not (is_time or is_rate):
            return self.value
        if self.factor is None:
            return None
        return self.value / self.factor if is_time else self.value * self.factor

    @property
    def is_missed(self) -> bool:
        return self.target is not None and self.scaled is not None and not self.target.is_met(self.scaled)

    def document(self) -> dict[str, Any]:
        """What results.json has. The scaled figure and the verdict follow from the rest."""
        limits = {"most": self.target.most, "least": self.target.least} if self.target else None
        return asdict(self) | {"target": limits, "scaled": self.scaled, "missed": self.is_missed}

    @classmethod
    def read(cls, kept: Mapping[str, Any], factor: float | None) -> Figure:
        """A figure of results.json, for another factor."""
        target = Target(**kept["target"]) if kept["target"] else None
        known = {name: kept[name] for name in ("work", "who", "value", "unit", "note", "row")}
        return cls(**known, target=target, factor=factor)


@dataclass
class Bench:
    """What every row of the bench is given.

    ``slow``: runs of what takes more than ``SLOW_S``. ``factor``: how many times slower this machine is than
    the reference. ``is_small``: a smoke, in which each row does little, so that no figure means anything.
    ``has_peers``: whether peers are measured too. Without a factor nothing is scaled, and no time is judged.
    """

    repeats: int = REPEATS
    slow: int = REPEATS
    is_small: bool = False
    has_peers: bool = True
    factor: float | None = None
    figures: list[Figure] = field(default_factory=list)
    heard: Callable[[Figure], None] = lambda figure: None
    row: str = ""

    def add(
        self, work: str, who: str, value: float | None, unit: str = "s", target: Target | None = None,
        note: str = "",
    ) -> Figure:  # fmt: skip
        if self.repeats != REPEATS and not self.is_small:
            note = "; ".join(filter(None, (note, f"of {self.repeats} runs")))
        figure = Figure(
            work, who, value, unit, None if self.is_small else target, note, self.factor, self.row
        )
        self.figures.append(figure)
        self.heard(figure)
        return figure

    def seconds(
        self, work: Callable[[int], A], check: Callable[[list[A]], None] | None = None,
        clock: Callable[[], float] = time.process_time,
    ) -> float:  # fmt: skip
        """Median time of ``work(n)``, n from 0; ``check`` gets all answers. Raises WrongAnswer."""
        spent, answers = [], []
        for n in range(self.repeats):
            gc.collect()
            began = clock()
            answers.append(work(n))
            spent.append(clock() - began)
        if check and not self.is_small:
            check(answers)
        return median(spent)

    def times(self, told: Sequence[Any]) -> int:
        """How often a program of a peer runs, by the seconds of its runs so far."""
        return self.slow if any(one.seconds > SLOW_S for one in told) else self.repeats

    def runs_of(self, told: Sequence[Any]) -> str:
        """A note where there are fewer runs than usual."""
        return "" if len(told) == self.repeats else "one run" if len(told) == 1 else f"median of {len(told)}"


def expect(is_right: bool, what: str) -> None:
    """Raises WrongAnswer with ``what`` was found, if it is not right."""
    if not is_right:
        raise WrongAnswer(what)
