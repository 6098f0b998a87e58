"""What changed from one run to another: the inputs, the totals, and each service."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from html import escape
from typing import Any

from twin.base.text import html_table
from twin.results.impact import LISTED, Impact, ServiceImpact, impact_of
from twin.simulation.run import FinishedRun

TOTALS = ("service_minutes_lost", "peak_impaired", "services_impaired", "not_recovered")
FIELDS = ("onset", "recovery", "impaired_min", "lost_min")
FEW = 3  # changes of inputs that a repr has
_PLAIN = ("name", "start", "duration_s", "sample_s", "seed", "noise", "responders")

Inputs = Mapping[str, Any]


@dataclass(frozen=True)
class ServiceChange:
    """A service that was impaired in one run or both; None on the side where it was not."""

    service: str
    base: ServiceImpact | None
    run: ServiceImpact | None

    @property
    def lost_min(self) -> tuple[float, float]:
        """Minutes lost in the base and in the run."""
        base, run = (side.lost_min if side else 0.0 for side in (self.base, self.run))
        return base, run

    @property
    def change_min(self) -> float:
        """Minutes lost more in the run than in the base."""
        base, run = self.lost_min
        return run - base


@dataclass(frozen=True, repr=False)
class RunDiff:
    """Two runs side by side. ``inputs``: what differs between their inputs, a line each.

    ``services``: the largest change of minutes lost first.
    """

    base_id: str
    run_id: str
    inputs: tuple[str, ...]
    base: Impact
    run: Impact
    services: tuple[ServiceChange, ...]

    def __repr__(self) -> str:
        lost = f"{self.base.service_minutes_lost:.0f} → {self.run.service_minutes_lost:.0f}"
        inputs = "; ".join(self.inputs[:FEW]) or "the same inputs"
        inputs += f"; and {more} more" if (more := len(self.inputs) - FEW) > 0 else ""
        return f"RunDiff({self.base_id[:8]} → {self.run_id[:8]}: {inputs}; service-minutes lost {lost})"

    def _repr_html_(self) -> str:
        rows = [(c.service, *(f"{m:.1f}" for m in c.lost_min), f"{c.change_min:+.1f}") for c in self.services]
        columns = ("service", "lost min before", "lost min after", "change")
        return f"<div><p>{escape(repr(self))}</p>{html_table(columns, rows[:LISTED])}</div>"

    def as_json(self) -> dict[str, Any]:
        """As ``twin diff --json`` prints it."""
        sides = {"base": self.base, "run": self.run}
        by_name = {
            side: {s["service"]: {f: s[f] for f in FIELDS} for s in impact.as_json()["services"]}
            for side, impact in sides.items()
        }
        return {
            "base": self.base_id,
            "run": self.run_id,
            "changes": list(self.inputs),
            "totals": {side: {t: getattr(impact, t) for t in TOTALS} for side, impact in sides.items()},
            "services": [
                {"service": c.service} | {side: by_name[side].get(c.service) for side in sides}
                for c in self.services
            ],
        }


def diff_runs(base: FinishedRun, run: FinishedRun) -> RunDiff:
    """How the blast radius changed from ``base`` to ``run``."""
    impacts = impact_of(base), impact_of(run)
    before, after = ({s.service: s for s in impact.services} for impact in impacts)
    changes = [ServiceChange(name, before.get(name), after.get(name)) for name in before | after]
    changes.sort(key=lambda c: (-abs(c.change_min), c.service))
    inputs = (
        *_inputs(base.manifest["inputs_scenario"], run.manifest["inputs_scenario"]),
        *(f"without service {name}" for name in base.services if name not in run.services),
        *(f"with service {name}" for name in run.services if name not in base.services),
    )
    return RunDiff(base.run_id, run.run_id, inputs, *impacts, tuple(changes))


def _inputs(base: Inputs, run: Inputs) -> Iterator[str]:
    for key in _PLAIN:
        if base.get(key) != run.get(key):
            yield f"{key}: {base.get(key)} → {run.get(key)}"
    yield from _interventions(base, run)
    for target in sorted(base["parameters"].keys() | run["parameters"].keys()):
        old, new = (side["parameters"].get(target, {}).get("value", "as given") for side in (base, run))
        if old != new:
            yield f"{target}: {old} → {new}"


def _interventions(base: Inputs, run: Inputs) -> Iterator[str]:
    before, after = ({x["id"]: x for x in [*side["faults"], *side["actions"]]} for side in (base, run))
    yield from (f"without {x['kind']} {i}" for i, x in before.items() if i not in after)
    yield from (f"with {x['kind']} {i}" for i, x in after.items() if i not in before)
    for i, x in after.items():
        old = before.get(i, x)
        other = [k for k in x if old.get(k) != x[k] and k != "takes"]  # parameters say it
        if other:
            yield f"{x['kind']} {i}: " + ", ".join(f"{k} {old.get(k)} → {x[k]}" for k in other)
