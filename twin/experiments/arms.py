"""One side of a comparison: the changes that make it."""

from __future__ import annotations

import hashlib
import json
from collections.abc import Iterable
from dataclasses import dataclass
from functools import cached_property, reduce
from pathlib import Path

from twin.model.changes import Variation
from twin.model.scenario import Scenario
from twin.spec import Problem, SpecError, find_mitigations, load_mitigations, vary
from twin.spec.inputs import with_inputs
from twin.spec.mitigations import MITIGATIONS_FOLDER
from twin.spec.responders import known_mode, with_responders

BASELINE = "(baseline)"


@dataclass(frozen=True)
class Arm:
    """``variations`` are made in this order; none for the baseline. Then the inputs named in ``values`` get
    these values. ``name`` is unique among the arms that are compared."""

    name: str = BASELINE
    variations: tuple[Variation, ...] = ()
    values: tuple[tuple[str, float | int], ...] = ()

    def __hash__(self) -> int:
        return hash((self.name, self.content))

    @cached_property
    def content(self) -> str:
        """Hash of the changes: arms with equal changes are the same arm, under any name."""
        changes = [v.model_dump(mode="json", include=set(Variation.model_fields)) for v in self.variations]
        text = json.dumps([changes, self.values], sort_keys=True)
        return hashlib.sha256(text.encode()).hexdigest()[:16]

    def applied(self, scenario: Scenario) -> Scenario:
        """The scenario on this side."""
        varied = reduce(vary, self.variations, scenario)
        return with_inputs(varied, dict(self.values)) if self.values else varied


def arm_of(text: str | Path, base: Scenario, folder: Path = MITIGATIONS_FOLDER) -> Arm:
    """The arm of 'A', of 'A+B', or of a file; the baseline of BASELINE.

    A, B: names of mitigations in ``folder``, or paths. A bundle brings its parts; a part that comes twice
    counts once. Raises SpecError with every problem of every file, and every contradiction between two.
    """
    if str(text) == BASELINE:
        return Arm()
    files = find_mitigations(text, folder)
    return Arm("+".join(file.stem for file in files), load_mitigations(files, base))


def arms_of(
    asked: Iterable[str | Path | Arm], base: Scenario, folder: Path = MITIGATIONS_FOLDER
) -> tuple[Arm, ...]:
    """The arms asked for, each once.

    Raises SpecError with the problems of all files, ValueError for none at all, or for two different arms of
    the same name.
    """
    arms: list[tuple[object, Arm]] = []
    problems: list[Problem] = []
    for one in asked:
        try:
            arms.append((one, one if isinstance(one, Arm) else arm_of(one, base, folder)))
        except SpecError as error:
            problems += error.problems
    if problems:
        raise SpecError(problems)
    if not arms:
        raise ValueError("at least one; `twin list mitigations` shows them")
    return distinct(arms)


def distinct(arms: Iterable[tuple[object, Arm]]) -> tuple[Arm, ...]:
    """Each arm once, of pairs (as asked for, arm). Raises ValueError for two that differ under one name."""
    known: dict[str, tuple[object, Arm]] = {}
    for text, arm in arms:
        before, same = known.setdefault(arm.name, (text, arm))
        if same.content != arm.content:
            raise ValueError(
                f"{text} and {before}: found different changes of the same name, '{arm.name}', which names "
                "the results; rename one of the files"
            )
    return tuple(arm for _, arm in known.values())


def with_people(scenario: Scenario, mode: str | None) -> Scenario:
    """The scenario with responders of this mode, if its actions follow something. Else people act at the
    times of the event, and would act on events that have not happened. None leaves it as it is."""
    follows = any(x.follows for x in scenario.actions)
    return with_responders(scenario, mode) if mode is not None and known_mode(mode) and follows else scenario
