"""One side of a comparison: the changes that make it."""

from __future__ import annotations

import hashlib
import json
from dataclasses import dataclass
from functools import cached_property, reduce
from pathlib import Path

from twin.model.changes import Variation
from twin.model.scenario import Scenario
from twin.spec import find_mitigations, load_mitigations, vary
from twin.spec.mitigations import FOLDER

BASELINE = "(baseline)"


@dataclass(frozen=True)
class Arm:
    """``variations`` are made in this order; none for the baseline. ``name`` is unique in a study."""

    name: str = BASELINE
    variations: tuple[Variation, ...] = ()

    def __hash__(self) -> int:
        return hash((self.name, self.content))

    @cached_property
    def content(self) -> str:
        """Hash of the changes: arms with the same are the same, whatever they are called."""
        changes = [v.model_dump(mode="json", include=set(Variation.model_fields)) for v in self.variations]
        return hashlib.sha256(json.dumps(changes, sort_keys=True).encode()).hexdigest()[:16]

    def applied(self, scenario: Scenario) -> Scenario:
        """The scenario on this side."""
        return reduce(vary, self.variations, scenario)


def arm_of(text: str | Path, base: Scenario, folder: Path = FOLDER) -> Arm:
    """The arm of 'A', of 'A+B', or of a file; the baseline of BASELINE.

    A, B: names of mitigations in ``folder``, or paths. A bundle brings its parts; what comes twice counts
    once. Raises SpecError with every problem of every file, and with what two of them contradict each other
    in.
    """
    if str(text) == BASELINE:
        return Arm()
    files = find_mitigations(text, folder)
    return Arm("+".join(file.stem for file in files), load_mitigations(files, base))
