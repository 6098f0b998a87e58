"""What a run came to: minutes lost, and each service that was impaired."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import asdict, dataclass
from datetime import datetime
from html import escape
from typing import Any

from twin.base.clock import Clock
from twin.base.text import counted, html_table
from twin.simulation.queries import Tables
from twin.simulation.run import FinishedRun

_WELL_SINCE = """
with troubled as (
    select service, max(tick) as tick from impairment where state in ('impaired', 'down') group by service
)
select i.service, min(i.tick) - sample_s() / tick_s() as tick from impairment i join troubled b
on b.service = i.service and i.tick > b.tick group by i.service
"""

LISTED = 12  # services that a notebook shows
COLUMNS = ("service", "onset", "recovery", "lost min", "peak errors")


@dataclass(frozen=True)
class ServiceImpact:
    """A service that was impaired. ``recovery`` is None if it had not recovered at the end of the run.

    ``well_since``: then, since when it was well, but not for RECOVERED_S; None if it was not.
    ``lost_min``: minutes weighted by the error ratio, of all ``episodes`` together.
    """

    service: str
    episodes: int
    onset: datetime
    recovery: datetime | None
    impaired_min: float
    lost_min: float
    peak_error_ratio: float
    well_since: datetime | None = None

    @property
    def ends(self) -> str:
        """'20 Oct 14:28:00', 'never', or 'well since 14:28, too short to call'."""
        if self.recovery is not None:
            return f"{self.recovery:%d %b %H:%M:%S}"
        return too_short(self.well_since) if self.well_since else "never"


def too_short(well_since: datetime) -> str:
    """What is to be said of a service that is well, and has not been for long enough."""
    return f"well since {well_since:%H:%M}, too short to call"


@dataclass(frozen=True)
class Unreached:
    """A service that was well itself while calls failed before they reached it: no name, no connection.

    ``end`` is None if that was so at the end of the run. ``peak_unreached_ratio``: the largest share of calls
    that failed so.
    """

    service: str
    begin: datetime
    end: datetime | None
    unreachable_min: float
    peak_unreached_ratio: float

    def __str__(self) -> str:
        """'dynamodb was well but unreachable, for 168 min between … and …: at most 87% of the calls …'."""
        end = f"{self.end:%d %b %H:%M:%S}" if self.end else "the end"
        return (
            f"{self.service} was well but unreachable, for {self.unreachable_min:.0f} min "
            f"between {self.begin:%d %b %H:%M:%S} and {end}: "
            f"at most {self.peak_unreached_ratio:.0%} of the calls to it failed before they reached it"
        )


@dataclass(frozen=True, repr=False)
class Impact:
    """Totals over the services that customers see; ``services``: every impaired one, the worst first.

    ``well_too_short``: of those not recovered, those that were well at the end, but not for RECOVERED_S.
    ``unreachable``: those that were well but not reached, by begin. The calls count as lost at their callers.
    """

    service_minutes_lost: float
    peak_impaired: int
    services_impaired: int
    not_recovered: int
    last_recovery: datetime | None
    services: tuple[ServiceImpact, ...]
    unreachable: tuple[Unreached, ...] = ()
    well_too_short: int = 0

    def as_json(self) -> dict[str, Any]:
        """As ``twin run --json`` prints it; times are ISO 8601 with zone."""
        totals = asdict(self)
        parts = {key: [_iso(s) for s in totals.pop(key)] for key in ("services", "unreachable")}
        return {"totals": _iso(totals), **parts}

    def __str__(self) -> str:
        """'512 service-minutes lost; 30 services impaired, 28 at the peak; the last recovered …'."""
        end = "no trouble to recover from"
        if self.not_recovered:
            end = f"{self.not_recovered} not recovered at the end"
            if self.well_too_short:
                end += f", {self.well_too_short} of them well by then: too short to call"
        elif self.last_recovery is not None:
            end = f"the last recovered {self.last_recovery:%d %b %H:%M:%S}"
        return (
            f"{self.service_minutes_lost:.0f} service-minutes lost; "
            f"{counted(self.services_impaired, 'service')} impaired, {self.peak_impaired} at the peak; {end}"
        )

    def __repr__(self) -> str:
        return f"Impact({self})"

    def _repr_html_(self) -> str:
        unreached = "".join(f"<p>{escape(str(u))}</p>" for u in self.unreachable)
        return f"<div><p>{escape(str(self))}</p>{services_html(self)}{unreached}</div>"


def services_html(impact: Impact) -> str:
    """A table of the first services that were impaired, by onset."""
    if not impact.services:
        return "<p>No service was impaired.</p>"
    rows = [_cells(s) for s in sorted(impact.services, key=lambda s: s.onset)[:LISTED]]
    more = len(impact.services) - len(rows)
    return html_table(COLUMNS, rows) + (f"<p>… and {more} more: run.sql('from impact')</p>" if more else "")


def _cells(s: ServiceImpact) -> tuple[str, ...]:
    onset = f"{s.onset:%d %b %H:%M:%S}"
    return s.service, onset, s.ends, f"{s.lost_min:.1f}", f"{s.peak_error_ratio:.0%}"


def impact_of(run: FinishedRun) -> Impact:
    """What a run came to."""
    clock = Clock(run.manifest)
    with run.tables() as tables:
        (totals,) = tables.rows("from totals")
        rows = tables.rows("select * from impact order by lost_min desc, impaired_min desc, service")
        open_ones = any(row["recovery_tick"] is None for row in rows)
        well = {row["service"]: row["tick"] for row in tables.rows(_WELL_SINCE)} if open_ones else {}
        unreached = tables.rows("select * from unreachable order by begin_tick, service")
        (end,) = tables.rows("select max(tick) as tick from samples")
    about = run.services
    last = totals.pop("last_recovery_tick")
    services = tuple(_service(row, clock, well.get(row["service"])) for row in rows)
    return Impact(
        **totals, last_recovery=None if last is None else clock.at(last), services=services,
        unreachable=tuple(_unreached(row, clock, end["tick"]) for row in unreached),
        well_too_short=sum(s.well_since is not None and about[s.service]["visible"] for s in services),
    )  # fmt: skip


def well_since(tables: Tables, service: str) -> float | None:
    """The tick since which a service has not been impaired; None if it is at the end of the run."""
    return {row["service"]: row["tick"] for row in tables.rows(_WELL_SINCE)}.get(service)


def _service(row: Mapping[str, Any], clock: Clock, well: float | None) -> ServiceImpact:
    onset, recovery = row["onset_tick"], row["recovery_tick"]
    rest = {key: value for key, value in row.items() if not key.endswith("_tick")}
    return ServiceImpact(
        **rest, onset=clock.at(onset), recovery=None if recovery is None else clock.at(recovery),
        well_since=clock.at(well) if recovery is None and well is not None else None,
    )  # fmt: skip


def _unreached(row: Mapping[str, Any], clock: Clock, last: int) -> Unreached:
    begin, end = row["begin_tick"], row["end_tick"]
    rest = {key: value for key, value in row.items() if not key.endswith("_tick")}
    return Unreached(**rest, begin=clock.at(begin), end=None if end >= last else clock.at(end))


def _iso(record: Mapping[str, Any]) -> dict[str, Any]:
    return {key: v.isoformat() if isinstance(v, datetime) else v for key, v in record.items()}
