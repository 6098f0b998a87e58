"""What a kind says of itself to those who study a run, so that nobody else has to name a kind."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass
from enum import StrEnum

from twin.model.control_loop import Eye

ValueOf = Callable[[str], float]  # name of a parameter → its value in a service
HELPS = "1 if that is enough"
ParameterValues = Mapping[str, float | str | bool]


class ClosedForm(StrEnum):
    """Which closed form describes the two states of a kind."""

    NONE = "none"
    STATION = "station"  # finite capacity, time-outs and retries
    SLOWING_QUEUE = "slowing_queue"  # a queue whose capacity falls with its length
    LEASES = "leases"  # work that must end within a time-out, or starts again


@dataclass(frozen=True)
class Remedy:
    """A way out of a collapse: what people set, for good, or (``is_passing``) for one turn of the mechanism.

    ``amount``: a parameter whose largest value that still helps is sought, up to ``most``; '' if there is
    none, and the remedy helps or does not. ``value_is``: what the found value says.
    """

    name: str
    settings: Callable[[ValueOf], ParameterValues]
    value_is: str = HELPS
    amount: str = ""
    most: float = 1.0
    is_passing: bool = False


@dataclass(frozen=True)
class OwnWork:
    """Of a kind that works for itself alone, on ``hosts`` that are alike: its load is what it has to do over
    what it can.

    All but ``pace_s`` are names of parameters. ``divided``: what is divided among the hosts; ``members``: how
    many things are worked on; ``broken_at_start_ratio``: their share that is broken at the start. ``pace_s``:
    the time in which its mechanism takes a turn.
    """

    hosts: str
    divided: tuple[str, ...]
    members: str
    broken_at_start_ratio: str
    pace_s: Callable[[ValueOf], float]


@dataclass(frozen=True)
class Strike:
    """A parameter that acts at the moment at which it is set: a share of whom (``of``), and what they do.
    ``needs``: only where this other parameter is above 0; '' for always."""

    parameter: str
    of: str
    do: str
    needs: str = ""


@dataclass(frozen=True)
class About:
    """Everything that others may ask about a kind, beyond its parameters.

    ``is_customers``: its calls come from outside; its rate is that of a day. ``is_plain``: it has no
    mechanism, and may stand in for any service. ``holds_event``: it is the event itself; a baseline keeps
    it and an ensemble leaves its parameters alone. ``why_passive``: why no load and no lack of capacity
    keeps it down, '' if one might. ``keeps_leases``: its step reads dependencies of mode lease.
    ``grants_leases``: a dependency of mode lease on it is a condition for the work of any caller.
    ``fronts_zones``: it shares calls out over the zones of a service, and reports their sums.
    ``reads_zones``: of its dependencies of mode lease on a service in zones, it reads each zone by itself.
    ``calls_until_well``: calls a second that it makes by itself while all of it is down; None if it makes
    none. ``strikes``: what can befall a share of it at one moment. ``pace_s``: the time in which its
    mechanism takes a turn, if it has one of its own.
    """

    is_customers: bool = False
    is_plain: bool = False
    holds_event: bool = False
    one_by_one: str = ""
    why_passive: str = ""
    closed_form: ClosedForm = ClosedForm.NONE
    own_work: OwnWork | None = None
    remedies: tuple[Remedy, ...] = ()
    control_loop: type[Eye] | None = None
    keeps_leases: bool = False
    fronts_zones: bool = False
    reads_zones: bool = False
    calls_until_well: Callable[[ValueOf], float] | None = None
    strikes: tuple[Strike, ...] = ()
    pace_s: Callable[[ValueOf], float] | None = None
    grants_leases: bool = False
