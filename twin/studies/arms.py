"""One side of a comparison: the changes that make it."""

from __future__ import annotations

import hashlib
import json
from dataclasses import dataclass
from functools import cached_property, reduce

from twin.model import Scenario
from twin.spec import vary
from twin.variations import Variation

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
