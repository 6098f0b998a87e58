"""A change to a base scenario, as records: mitigations, what-ifs, variants and other scenarios share it.

Frozen, in SI units, as in ``twin.model.scenario``. ``twin.spec`` reads the files, and applies a change
(``vary``).
"""

from __future__ import annotations

from collections.abc import Iterable
from enum import StrEnum
from typing import Annotated, Literal

from pydantic import Field, StrictFloat, StrictInt, StrictStr, WithJsonSchema, model_validator

from twin.base import units
from twin.model.scenario import (
    ClockTime,
    Diagnosis,
    Expectation,
    Intervention,
    MomentS,
    Quantity,
    Record,
    Responders,
    Seconds,
    Service,
    Slug,
    Value,
    one_of,
)


class Direction(StrEnum):
    """How a changed run is expected to differ from the other: ``is:`` of an expected effect."""

    LOWER = "lower"
    HIGHER = "higher"
    EARLIER = "earlier"
    LATER = "later"
    SAME = "same"
    NEVER = "never"
    SOMETIME = "sometime"


Margin = Annotated[
    StrictInt | StrictFloat, WithJsonSchema({"anyOf": [{"type": "number"}, {"type": "string"}]})
]

TOTALS = {  # measures of a whole run, and whether each is a number or a moment
    "service_minutes_lost": "number",
    "peak_impaired": "number",
    "services_impaired": "number",
    "not_recovered": "number",
    "last_recovery": "moment",
}
Layer = Literal["DNS automation", "DNS", "EC2", "network", "load balancing", "Lambda"]
CostClass = Literal["setting", "procedure", "code", "capacity", "architecture"]
COSTS: dict[str, str] = {  # from cheap to dear, with what makes the cost
    "setting": "a number or a switch that exists already. Typical effort: hours",
    "procedure": "a rule, a runbook or a rehearsal for people. Typical effort: days, repeated",
    "code": "a change of one component, tested and rolled out. Typical effort: weeks",
    "capacity": "machines that are ready. Typical effort: a permanent cost",
    "architecture": "a new division of names, data or services. Typical effort: several quarters and teams",
}

OF_SERVICE = ("lost_min", "impaired_min", "peak_error_ratio")
OCCURS = (Direction.NEVER, Direction.SOMETIME)  # whether a moment comes at all: they take no margin
OF_MOMENTS = (Direction.EARLIER, Direction.LATER, *OCCURS, Direction.SAME)
OF_NUMBERS = (Direction.LOWER, Direction.HIGHER, Direction.SAME)


class Variation(Record):
    """A change to a scenario. The keys are those of a scenario and the options of ``twin run``.

    They are applied in this order:

    - ``services``: on top of the topology. The given keys of a known service replace the old ones.
    - ``without``: dependencies to remove, 'caller->callee'.
    - ``parameters``: new estimates, with origin and range. ``set``: values that the question asks for.
    - ``drop``: ids of interventions and diagnoses to remove. ``move``: id → new time of an intervention.
    - ``faults``, ``actions``, ``diagnoses``: to add. To replace one, drop it and add one of the same id.
    """

    services: dict[str, Service] = Field({})
    without: tuple[StrictStr, ...] = ()
    parameters: dict[str, Quantity] = Field({})
    set: dict[str, Value] = Field({})
    drop: tuple[StrictStr, ...] = ()
    move: dict[str, MomentS] = Field({})
    faults: tuple[Intervention, ...] = ()
    actions: tuple[Intervention, ...] = ()
    diagnoses: tuple[Diagnosis, ...] = ()

    @property
    def is_empty(self) -> bool:
        """Whether it changes nothing."""
        return not any(getattr(self, name) for name in Variation.model_fields)


class Variant(Variation):
    """Another plausible form of the model: a rival account of what the record leaves open.

    A conclusion that one of them does not share hangs on the model: on what the variant is ``about``.
    """

    name: Slug = Field(alias="variant")
    title: str
    about: str = Field("", description="what a conclusion hangs on that only some variants share, in words")
    open: str = Field("", description="who says it, and why the record leaves it open")
    changes: str = Field("", description="what it changes in the model, and what for")
    source: str | None = None
    assumed: str | None = None

    @model_validator(mode="after")
    def _one_origin(self) -> Variant:
        return one_of(self, "source", "assumed")


class Barrier(Record):
    """One defence against the event, its state in the event, and two switches.

    ``on`` makes it hold, or adds it. ``off`` weakens or removes it; None where that is not possible.
    """

    name: Slug
    title: str
    layer: Layer
    guards: str = Field(description="what it is in the real system, and what it prevents")
    status: Literal["breached", "absent"] = Field(description="breached: it did not stop the event")
    in_the_event: str = Field(description="what it did in the event, in words")
    on: Variation = Field(description="the change that switches it on")
    on_means: str = Field(description="what that change is in the real system")
    off: Variation | None = Field(None, description="the change that switches it off")
    off_means: str = ""
    source: str | None = None
    assumed: str | None = None

    @model_validator(mode="after")
    def _one_origin(self) -> Barrier:
        return one_of(self, "source", "assumed")


class Barriers(Record):
    """The defences against a scenario's event, in the order in which the event met them."""

    name: Slug = Field(alias="barriers_of")
    title: str = ""
    base: StrictStr = Field(description="the scenario, relative to this file")
    barriers: tuple[Barrier, ...]


class Defect(Record):
    """Something that was wrong, and the mitigations that remove it."""

    name: Slug
    title: str
    removed_by: tuple[Slug, ...] = Field(min_length=1)
    source: str | None = None
    assumed: str | None = None

    @model_validator(mode="after")
    def _one_origin(self) -> Defect:
        return one_of(self, "source", "assumed")


class Defects(Record):
    """The defects among which a scenario's loss is divided."""

    name: Slug = Field(alias="defects_of")
    title: str = ""
    base: StrictStr = Field(description="the scenario, relative to this file")
    defects: tuple[Defect, ...] = Field(min_length=1)


class Extension(Variation):
    """A scenario that is another one (``base``) with changes.

    It inherits everything except name, title, question and ``expect``. With another ``start``, the
    interventions of the base move with it.
    """

    name: Slug = Field(alias="scenario")
    title: str = ""
    question: str = ""
    base: StrictStr = Field(description="the scenario to change, relative to this file")
    start: ClockTime | None = None
    duration_s: Seconds | None = Field(None, alias="duration")
    sample_s: Seconds | None = Field(None, alias="sample")
    seed: Annotated[StrictInt, Field(ge=0, lt=2**64)] | None = None
    responders: Responders | None = None
    expect: tuple[Expectation, ...] = ()


class Case(Variation):
    """One version of a question, for example one point of a sweep."""

    title: str = ""


class ExpectedEffect(Record):
    """The expected effect of a change: a metric of the changed run, compared with the baseline.

    ``metric``: one of TOTALS; SERVICE.lost_min, SERVICE.impaired_min or SERVICE.peak_error_ratio; the id of
    a published outcome, or SERVICE.EVENT for the first event of a kind; the last two are moments. ``case``:
    the case that is meant; all cases if None. ``against``: the case to compare with; the baseline if None.
    ``by``: the least difference, a share of the other side for numbers, a time for moments. ``within``: the
    largest difference that counts as the same.
    """

    metric: StrictStr
    case: Slug | None = None
    against: Slug | None = None
    direction: Direction = Field(alias="is")
    by: Margin | None = None
    within: Margin | None = None

    @model_validator(mode="after")
    def _margins(self) -> ExpectedEffect:
        if (self.within is None) != (self.direction != Direction.SAME):
            raise units.Refused("within: with is: same, and only there", found=f"is: {self.direction}")
        if self.by is not None and self.direction in OCCURS:
            raise units.Refused("no by:", found=f"is: {self.direction}, and by")
        return self


class Cost(Record):
    """What a mitigation costs, roughly: its class in COSTS, and why."""

    class_: CostClass = Field(alias="class", description="; ".join(f"{k}: {v}" for k, v in COSTS.items()))
    reason: str

    @property
    def rank(self) -> int:
        """0 for the cheapest class; a difference of ranks means nothing."""
        return list(COSTS).index(self.class_)


class Mitigation(Variation):
    """A proposed change to the real system or to the work of responders, as a change to the scenario.

    ``base``: the scenario whose interventions it changes, if any. In another scenario these changes are left
    out, and the rest applies. ``includes``: names of other mitigations that belong to it (files beside this
    one). ``shown_by``: the scenario that shows its side effect. ``shows``: the effects expected there,
    compared with the same scenario without it; none if the twin does not show the side effect.
    """

    name: Slug = Field(alias="mitigation")
    title: str = ""
    does: str = Field(description="what it does in the real system")
    proposed_by: str = Field(description="who proposed it")
    source: str | None = None
    assumed: str | None = None
    base: StrictStr | None = Field(
        None, description="the scenario whose steps it changes, relative to this file"
    )
    includes: tuple[Slug, ...] = Field((), description="other mitigations that belong to it")
    cost: Cost | None = Field(None, description="what it costs, roughly")
    side_effect: str = Field("", description="what gets worse, and whether the twin shows it")
    shown_by: str = Field("", description="the scenario that shows the side effect, relative to this file")
    shows: tuple[ExpectedEffect, ...] = Field((), description="the effects expected in that scenario")
    coincidence: str = Field("", description="on which its effect depends, so no comparison judges it")

    @model_validator(mode="after")
    def _consistent(self) -> Mitigation:
        one_of(self, "source", "assumed")
        if bool(self.side_effect) != bool(self.shown_by):
            found = "side_effect without shown_by" if self.side_effect else "shown_by without side_effect"
            raise units.Refused("side_effect: and shown_by: together, or neither", found=found)
        if self.shows and not self.shown_by:
            raise units.Refused("shown_by: with shows:", found="shows without a scenario")
        if any(c.case or c.against for c in self.shows):
            raise units.Refused("no case: and no against:", found="a comparison of cases, and there are none")
        return self


def dearest(variations: Iterable[Variation]) -> Cost | None:
    """The dearest cost among the mitigations; None if one of them says none, or there are none."""
    costs = [v.cost for v in variations if isinstance(v, Mitigation)]
    known = [cost for cost in costs if cost is not None]
    return max(known, key=lambda cost: cost.rank) if known and len(known) == len(costs) else None


class WhatIf(Variation):
    """A question that somebody asked about a base scenario, with the expected effects.

    Its changes apply in every case. ``expect`` is 'none' if nobody predicted a direction or the model cannot
    tell; ``why`` gives the reason.
    """

    name: Slug = Field(alias="what_if")
    number: Annotated[StrictInt, Field(ge=1, le=999)]
    question: str
    asked_by: str = Field(description="who asked, or the origin of the question")
    source: str | None = None
    assumed: str | None = None
    base: StrictStr = Field(description="the scenario, relative to this file")
    laid: tuple[StrictStr, ...] = Field(
        (), alias="with", description="files with services for both sides of the question"
    )
    puts_in: str = Field(
        "", description="the part of the answer that the change itself contains; none if the question is open"
    )
    expected: str = Field(description="what was expected, in words, before any run")
    expect: Annotated[tuple[ExpectedEffect, ...] | Literal["none"], Field(union_mode="left_to_right")]
    why: str = Field("", description="why nothing is expected")
    note: str = Field("", description="how the twin answers it, and how to read a disagreement")
    cases: dict[Slug, Case] = Field({})

    @model_validator(mode="after")
    def _consistent(self) -> WhatIf:
        one_of(self, "source", "assumed")
        if (self.expect == "none") != bool(self.why):
            raise units.Refused("why: with expect: none, and only there", found="one without the other")
        if self.expect == ():
            raise units.Refused("at least one comparison, or expect: none", found="an empty list")
        return self

    @property
    def comparisons(self) -> tuple[ExpectedEffect, ...]:
        """The expected effects; none if nothing is expected."""
        return () if self.expect == "none" else self.expect

    @property
    def put(self) -> dict[str, tuple[Variation, ...]]:
        """Name of each case → the changes to make, in this order; '' if no case is named."""
        return {name: (self, case) for name, case in self.cases.items()} or {"": (self,)}
