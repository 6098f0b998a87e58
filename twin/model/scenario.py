"""The input of a run as frozen records: topology, scenario, published timeline. Unknown keys are refused.

Every number is in SI units: seconds (``_s``), per second (``_per_s``), plain ratios, whole counts. Times are
seconds since the scenario's start. Files have units and use the aliases: ``duration: 18h30m`` is
``duration_s=66600.0``. ``twin.spec`` reads the files.
"""

from __future__ import annotations

from html import escape
from typing import TYPE_CHECKING, Annotated, Any, Literal

from pydantic import (
    Field,
    StrictBool,
    StrictInt,
    WithJsonSchema,
    create_model,
    model_validator,
)

from twin.base import units
from twin.base.text import counted, html_table
from twin.model.dependency_parameters import EDGE_PARAMETERS
from twin.model.expectation import Expectation
from twin.model.fields import (
    PATH_SCHEMA,
    ClockTime,
    Level,
    MomentS,
    Record,
    Seconds,
    Slug,
    SparseRecord,
    Value,
    one_of,
)
from twin.model.published import Published
from twin.model.repeats import Chance, check_repeats
from twin.model.scoring import Scoring
from twin.model.sdk import Sdk
from twin.model.signals import Watched

ORIGINS = ("source", "measured", "assumed", "chosen", "fitted_to")  # of a number, of a fault, of an action
CHOSEN = "chosen with the published times in sight: what it was chosen to show, and since when"
OF_STEP = "origins of its numbers that differ from that of the step; files write them at the number"

Mode = Literal["hard", "soft", "cached", "new_connections", "lease", "async", "fire_and_forget", "bootstrap"]
_DEFAULTS = {p.name: p.default for p in EDGE_PARAMETERS}
Responders = Literal["scripted", "modelled", "drawn"]


class Quantity(Record):
    """A number, choice or switch with its origin: exactly one of ORIGINS."""

    value: Value
    source: str | None = Field(None, description="id in data/sources.yaml")
    measured: str | None = Field(None, description="where the value was measured: a system that you know")
    assumed: str | None = Field(None, description="why this value, whatever the published times are")
    chosen: str | None = Field(None, description=CHOSEN)
    fitted_to: tuple[str, ...] | None = Field(None, description="ids of published outcomes")
    range: tuple[Value, Value] | None = Field(None, description="plausible lowest and highest value")

    @model_validator(mode="after")
    def _one_origin(self) -> Quantity:
        return one_of(self, *ORIGINS)


class Evidence(Record):
    """The evidence that a dependency exists."""

    source: str | None = None
    confidence: Literal["published", "inferred", "assumed"]
    note: str = ""


class _Call(SparseRecord):
    """The callee of a dependency, and the numbers of the calls: a field, a Quantity or None, for each of
    EDGE_PARAMETERS."""

    on: str
    purpose: str = Field("", alias="for")
    evidence: Evidence | None = None

    @property
    def numbers(self) -> dict[str, Quantity]:
        """The numbers that the file gives. The others have the defaults of EDGE_PARAMETERS."""
        given = self.__dict__  # of a record, its fields; asked often enough to matter
        return {name: value for name in _DEFAULTS if (value := given.get(name)) is not None}


class _Dependency(_Call):
    """caller → callee: the calls that the service makes for each call that it serves."""

    mode: Mode
    parallel: Slug | None = Field(None, description="group of calls that are made at once")
    one_of: Slug | None = Field(None, description="group of alternatives: one is chosen, by weight")
    fallback: Slug | None = Field(None, description="dependency that is called when this one fails")
    sdk: Sdk | None = Field(None, description="the client whose defaults it has; numbers beside it win")
    reached_through: Slug | None = Field(
        None, description="the service through which this caller reaches the callee, if another one; or none"
    )
    inherited_from: Slug | None = Field(
        None, description="the callee from whose reached_through it comes; not in files"
    )

    def value(self, name: str) -> Value:
        """One of its numbers: what the file gives, else the default."""
        given: Quantity | None = self.__dict__.get(name)
        return _DEFAULTS[name] if given is None else given.value


class _Reach(_Call):
    """How callers reach a service: each inherits this as a dependency. See ``twin.model.reach``."""


def _with_numbers(base: type[_Call], name: str) -> Any:
    """The record with a field, a Quantity or None, for each of EDGE_PARAMETERS."""
    fields: Any = {p.name: (Quantity | None, None) for p in EDGE_PARAMETERS}
    return create_model(name, __base__=base, __module__=__name__, __doc__=base.__doc__, **fields)


if TYPE_CHECKING:
    Dependency = _Dependency
    Reach = _Reach
else:
    Dependency = _with_numbers(_Dependency, "Dependency")
    Reach = _with_numbers(_Reach, "Reach")


class Service(Record):
    """An instance of a kind. ``domain`` is its own name unless it shares one with others."""

    name: Slug
    kind: str
    title: str = ""
    domain: Slug = Field(
        "", description="services of one domain are stepped together; by default its own name"
    )
    visible: StrictBool = Field(
        True, description="whether customers see it, so that it counts in service-minutes lost"
    )
    reached_through: Reach | None = Field(
        None, description="how every caller reaches it: its name, its connections"
    )
    requests: Literal["auto", "each", "counted"] = Field(
        "auto", description="whether its calls are stepped one by one, or as counts"
    )
    per: Literal["zone"] | None = Field(
        None, description="zone: it stands in each zone of the topology, with its part of counts and rates"
    )
    parameters: dict[str, Quantity] = Field({})
    dependencies: tuple[Dependency, ...] = ()
    in_zone: dict[str, Quantity] | None = Field(
        None, description="numbers of one zone, as 'az1.capacity_per_s'; not in files"
    )

    @property
    def through(self) -> str | None:
        """The service through which callers reach it, if there is one."""
        return None if self.reached_through is None else self.reached_through.on

    def __repr__(self) -> str:
        return f"Service({self.name}: {self.kind})"

    __str__ = __repr__

    @model_validator(mode="before")
    @classmethod
    def _own_domain(cls, data: Any) -> Any:
        return {"domain": data["name"], **data} if isinstance(data, dict) and "name" in data else data


class Topology(Record):
    """Services and their dependencies. ``services`` is keyed by name, in the order of the files."""

    name: Slug = Field(alias="topology")
    title: str = ""
    signal_period_s: Seconds = Field(10.0, alias="signal_period")
    requests: Literal["auto", "each", "counted"] = Field(
        "auto", description="how the calls of its services are stepped, unless these say otherwise"
    )
    zones: tuple[Slug, ...] = Field((), description="the zones in which services with per: zone stand")
    services: dict[str, Service] = Field({})

    def __repr__(self) -> str:
        return f"Topology({self.name}: {counted(len(self.services), 'service')})"

    __str__ = __repr__


FALLING = ("capacity_ratio", "goodput_per_s")  # signals that fall in trouble; the others rise


class Condition(Record):
    """``signal`` of ``service`` is above or below a level for ``for_s`` without a break."""

    service: str
    signal: Watched
    above: Level | None = None
    below: Level | None = None
    for_s: Seconds = Field(0.0, alias="for")
    from_s: MomentS = Field(0.0, alias="from", description="ignored before this time")

    @model_validator(mode="before")
    @classmethod
    def _split_signal(cls, data: Any) -> Any:
        """Files say ``signal: SERVICE.SIGNAL``."""
        if not isinstance(data, dict) or "service" in data or not isinstance(data.get("signal"), str):
            return data
        service, dot, signal = data["signal"].rpartition(".")
        if not dot:
            raise units.Refused("a signal of a service", "write SERVICE.error_ratio", f"signal '{signal}'")
        return {**data, "service": service, "signal": signal}

    @model_validator(mode="after")
    def _one_side(self) -> Condition:
        return one_of(self, "above", "below")

    @property
    def is_trouble(self) -> bool:
        """Whether it waits for trouble to begin, and not for its end."""
        return (self.above is not None) != (self.signal in FALLING)


class Intervention(Record):
    """A fault, an action or a mitigation: it sets parameters at a time, or after a condition has held.

    ``set`` maps 'service.parameter' or 'caller->callee.number' to the new value. The previous values return
    at ``until_s``, or ``for_s`` after the beginning. ``over_s``: the values change linearly for that long, in
    steps of a signal period, or in ``stairs`` equal steps. ``every_s``, ``times``: it comes again. With
    ``random``, it begins by chance from ``at_s`` on, and no more after ``until_s``. If responders are
    modelled, ``follows`` and ``takes`` replace the time. With ``each``, there is one for each zone, and the
    next begins ``apart_s`` later or more.
    """

    id: Slug
    kind: Literal["fault", "action", "mitigation"] = "action"
    title: str = ""
    at_s: MomentS | None = Field(None, alias="at")
    when: Condition | None = None
    after_s: Seconds = Field(0.0, alias="after", description="delay after the condition has held")
    each: Literal["zone"] | None = Field(None, description="zone: once in each zone, as its own signal says")
    apart_s: Seconds = Field(0.0, alias="apart", description="time from one zone to the next, at least")
    until_s: MomentS | None = Field(None, alias="until")
    for_s: Seconds | None = Field(None, alias="for")
    over_s: Seconds = Field(0.0, alias="over")
    stairs: Annotated[StrictInt, Field(ge=2)] | None = Field(None, description="number of steps of over")
    every_s: Seconds | None = Field(None, alias="every", description="from one begin to the next")
    times: Annotated[StrictInt, Field(ge=2)] | None = Field(None, description="how often, with every")
    group: str = Field("", description="the step of which it is that of one zone; not in files")
    random: Chance | None = Field(None, description="begins by chance, from at on, until until")
    follows: Slug | None = Field(None, description="the step that responders carry out before it")
    takes: dict[str, Quantity] = Field({}, description="how long they take after that, by stage")
    set: dict[str, Value]
    source: str | None = None
    measured: str | None = None
    assumed: str | None = None
    chosen: str | None = Field(None, description=CHOSEN)
    fitted_to: tuple[str, ...] | None = None
    numbers: dict[str, Quantity] = Field({}, description=OF_STEP)
    range: tuple[MomentS, MomentS] | None = Field(None, description="plausible earliest and latest time")

    @model_validator(mode="after")
    def _consistent(self) -> Intervention:
        if self.follows is None or self.at_s is not None or self.when is not None:
            one_of(self, "at", "when")
        one_of(self, *ORIGINS)
        if self.until_s is not None and self.for_s is not None:
            raise units.Refused("one of until, for", found="both")
        if self.after_s and self.when is None:
            hint = "with at:, add the delay to the time"
            raise units.Refused("after: only with when:", hint, found="at and after")
        if self.stairs is not None and not self.over_s:
            raise units.Refused("over: with stairs:", "the time that all steps take", "stairs alone")
        check_repeats(self)
        return self

    @property
    def length_s(self) -> float | None:
        """How long it lasts each time; None if it lasts until a time, or for good."""
        return self.for_s if self.random is None else self.random.for_s


class Diagnosis(Record):
    """A fact that modelled responders find out: a condition has held, they sort the alarms, then the stages.

    Sorting takes ``triage_s``, and ``triage_doubling_s`` more for each doubling of the number of alarms.
    ``misled_by`` maps the id of a fault to the time that it costs if it has begun. With ``follows``, the
    condition counts only after that step.
    """

    id: Slug
    title: str = ""
    follows: Slug | None = Field(None, description="the condition counts only after this step")
    when: Condition
    triage_s: Quantity | None = Field(None, description="time to sort the alarms, even if there are few")
    triage_doubling_s: Quantity | None = Field(None, description="additional time for twice as many alarms")
    misled_by: dict[Slug, Quantity] = Field({}, description="fault that misleads the responders → time lost")
    takes: dict[str, Quantity] = Field({}, description="how long the remaining stages take")
    numbers: dict[str, Quantity] = Field({}, description=OF_STEP)

    @property
    def kind(self) -> str:
        """Its name among the inputs of a run, as interventions have one."""
        return "diagnosis"


class Scenario(Record):
    """Everything that a run needs. ``parameters`` overrides kinds' parameters and edge numbers by target."""

    name: Slug = Field(alias="scenario")
    title: str = ""
    question: str = ""
    topology: Annotated[Topology, WithJsonSchema(PATH_SCHEMA)]
    published: Annotated[Published | None, WithJsonSchema(PATH_SCHEMA)] = None
    scoring: Scoring = Field(Scoring(), description="phases of the event, and what may be fitted to")
    start: ClockTime
    duration_s: Seconds = Field(alias="duration")
    tick_s: Seconds = Field(1.0, alias="tick")
    sample_s: Seconds = Field(10.0, alias="sample")
    seed: Annotated[StrictInt, Field(ge=0, lt=2**64)] = 0
    noise: Literal["exact", "mean"] = "exact"
    requests: Literal["auto", "each", "counted"] = Field(
        "auto", description="whether calls are stepped one by one, or as counts; auto: one by one where few"
    )
    parameters: dict[str, Quantity] = Field({})
    faults: tuple[Intervention, ...] = ()
    actions: tuple[Intervention, ...] = ()
    responders: Responders = Field("scripted", description="scripted: each action happens at its own time")
    diagnoses: tuple[Diagnosis, ...] = ()
    stage_cv_ratio: Quantity | None = Field(
        None, description="standard deviation over mean of a stage, for drawn responders"
    )
    expect: tuple[Expectation, ...] = ()

    def __repr__(self) -> str:
        of = {"service": self.topology.services, "fault": self.faults, "action": self.actions}
        parts = [counted(len(those), word) for word, those in of.items()]
        length = units.format_duration(self.duration_s)
        return f"Scenario({self.name}: {', '.join(parts)}, {length} from {self.start:%Y-%m-%d %H:%M})"

    __str__ = __repr__

    def _repr_html_(self) -> str:
        rows = [(x.kind, x.id, x.title) for x in self.interventions]
        return f"<div><p>{escape(repr(self))}</p>{html_table(('kind', 'id', 'title'), rows)}</div>"

    @property
    def interventions(self) -> tuple[Intervention, ...]:
        """Faults, then actions, each in the order of the file."""
        return self.faults + self.actions
