"""A change to a base scenario, as records: mitigations, what-if questions and variants of the model share it.

Frozen, in SI units, as in ``twin.model``. ``twin.spec`` reads the files, and applies a change (``vary``).
"""

from __future__ import annotations

from typing import Annotated, Literal

from pydantic import Field, StrictFloat, StrictInt, StrictStr, WithJsonSchema, model_validator

from twin import units
from twin.model import Diagnosis, Intervention, Moment, Name, Quantity, Record, Service, Value, one_of

Verdict = Literal["lower", "higher", "earlier", "later", "same", "never", "sometime"]
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
OF_SERVICE = ("lost_min", "impaired_min", "peak_error_ratio")
OF_MOMENTS = ("earlier", "later", "never", "sometime", "same")
OF_NUMBERS = ("lower", "higher", "same")


class Variation(Record):
    """What is different. The keys are those of a scenario, and the options of ``twin run``.

    ``services`` go on top of the topology (of a known service, what is given replaces); then dependencies
    ``without`` which it is, 'caller->callee', go; then parameters are set. ``parameters`` are estimates, with
    origin and range; ``set`` is what the question asks for, and no estimate. Interventions and diagnoses are
    dropped by their ids, and added; to replace one, drop it and add another of the same id. ``move`` gives an
    intervention a time, whatever it follows.
    """

    services: dict[str, Service] = Field({})
    without: tuple[StrictStr, ...] = ()
    parameters: dict[str, Quantity] = Field({})
    set: dict[str, Value] = Field({})
    drop: tuple[StrictStr, ...] = ()
    move: dict[str, Moment] = Field({})
    faults: tuple[Intervention, ...] = ()
    actions: tuple[Intervention, ...] = ()
    diagnoses: tuple[Diagnosis, ...] = ()

    @property
    def is_empty(self) -> bool:
        """Whether nothing is different."""
        return not any(getattr(self, name) for name in Variation.model_fields)


class Mitigation(Variation):
    """A change to the real system that somebody proposed, as a change to the scenario."""

    name: Name = Field(alias="mitigation")
    title: str = ""
    does: str = Field(description="what it does in the real system")
    proposed_by: str = Field(description="who proposed it")
    source: str | None = None
    assumed: str | None = None

    @model_validator(mode="after")
    def _one_origin(self) -> Mitigation:
        return one_of(self, "source", "assumed")


class Variant(Variation):
    """Another way in which the model could be true: a conclusion should not hang on which."""

    name: Name = Field(alias="variant")
    title: str
    source: str | None = None
    assumed: str | None = None

    @model_validator(mode="after")
    def _one_origin(self) -> Variant:
        return one_of(self, "source", "assumed")


class Barrier(Record):
    """One defence in an event's way, how it stood, and how it is switched: ``on`` makes it hold (or puts it
    there), ``off`` weakens it or takes it away; None where it was not there, or has no weaker version."""

    name: Name
    title: str
    layer: Layer
    guards: str = Field(description="what it is in the real system, and against what")
    stood: Literal["passed", "absent"] = Field(description="there, and it let the event pass; or not there")
    that_night: str = Field(description="how it stood in the event, in words")
    on: Variation = Field(description="switched on: what is different")
    on_means: str = Field(description="what that is in the real system")
    off: Variation | None = Field(None, description="switched off: what is different")
    off_means: str = ""
    source: str | None = None
    assumed: str | None = None

    @model_validator(mode="after")
    def _one_origin(self) -> Barrier:
        return one_of(self, "source", "assumed")


class Barriers(Record):
    """The defences in the way of a scenario's event, in the order in which it came through them."""

    name: Name = Field(alias="barriers_of")
    title: str = ""
    base: StrictStr = Field(description="the scenario, relative to this file")
    barriers: tuple[Barrier, ...]


class Case(Variation):
    """One way in which a question is put: one point of a sweep."""

    title: str = ""


class Comparison(Record):
    """What is expected of a changed run, against the unchanged one.

    ``measure``: one of TOTALS; SERVICE.lost_min, SERVICE.impaired_min or SERVICE.peak_error_ratio; the id of
    a published outcome, or SERVICE.EVENT for the first event of a kind, which are moments. ``case``: of which
    case; every one if None. ``against``: the case to compare with; the baseline if None. ``by``: at least so
    much, a share of the other side for numbers, a time for moments; ``within``: at most so much apart.
    """

    measure: StrictStr
    case: Name | None = None
    against: Name | None = None
    verdict: Verdict = Field(alias="is")
    by: Margin | None = None
    within: Margin | None = None

    @model_validator(mode="after")
    def _margins(self) -> Comparison:
        if (self.within is None) != (self.verdict != "same"):
            raise units.Refused("within: with is: same, and only there", found=f"is: {self.verdict}")
        if self.by is not None and self.verdict in ("never", "sometime"):
            raise units.Refused("no by:", found=f"is: {self.verdict}, and by")
        return self


Expected = Annotated[tuple[Comparison, ...] | Literal["none"], Field(union_mode="left_to_right")]


class WhatIf(Variation):
    """A question that somebody asked about a base scenario, with what is expected to come of it.

    What is changed is changed in every case. ``expect`` is 'none' where nobody said which way it would go, or
    where the model cannot tell; ``why`` says which.
    """

    name: Name = Field(alias="what_if")
    number: Annotated[StrictInt, Field(ge=1, le=999)]
    question: str
    asked_by: str = Field(description="who asked, or what it is derived from")
    source: str | None = None
    assumed: str | None = None
    base: StrictStr = Field(description="the scenario, relative to this file")
    laid: tuple[StrictStr, ...] = Field((), alias="with", description="services on both sides")
    expected: str = Field(description="what was expected, in words, before any run")
    expect: Expected
    why: str = Field("", description="why nothing is expected")
    note: str = Field("", description="how the twin answers it, and what to make of a disagreement")
    cases: dict[Name, Case] = Field({})

    @model_validator(mode="after")
    def _consistent(self) -> WhatIf:
        one_of(self, "source", "assumed")
        if (self.expect == "none") != bool(self.why):
            raise units.Refused("why: with expect: none, and only there", found="one without the other")
        if self.expect == ():
            raise units.Refused("at least one comparison, or expect: none", found="an empty list")
        return self

    @property
    def comparisons(self) -> tuple[Comparison, ...]:
        """What is expected; nothing where nothing is."""
        return () if self.expect == "none" else self.expect

    @property
    def put(self) -> dict[str, tuple[Variation, ...]]:
        """Name of each case → the changes to make, in this order; '' if no case is named."""
        return {name: (self, case) for name, case in self.cases.items()} or {"": (self,)}


