"""What keeps a service down at a moment: a backlog, a loop, a mechanism that stands still, or a fault.

This is another question than what brought it down. The run is stepped again up to that moment. Then the
present matters only: whose calls fail by whom now, what waits there, and how fast that becomes less. A fault
that has ended is no answer.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from datetime import datetime
from html import escape
from typing import Any

import numpy as np

from twin.base.clock import Clock
from twin.base.jit import interpreted
from twin.base.text import html_table
from twin.base.thresholds import LOAD_RATIO, SIGN_RATIO
from twin.mechanisms.arrays import OWN
from twin.mechanisms.causes import heaviest_caller, most_failing, slowest
from twin.model.parameter import MOMENTARY
from twin.results.backlogs import backlog_at
from twin.results.causes import how_bad, needed_for
from twin.simulation.fork import fork
from twin.simulation.inline import run_inline
from twin.simulation.run import FinishedRun, schedule_for
from twin.simulation.world import Model, build
from twin.spec.arguments import Moment
from twin.spec.problems import argument_problem, did_you_mean

_EPISODE = """
select onset_tick from episodes
where service = $service and onset_tick <= $tick and coalesce(recovery_tick, $tick + 1) > $tick
"""
_OFFERED = """
select offered_per_s from samples where service = $service and tick <= $tick order by tick desc limit 1
"""
_OWN = "select event, t, tick from events where event_id = $event"


@dataclass(frozen=True)
class Hold:
    """One service of what keeps another down, and how.

    ``backlog_count``: what waits there. ``change_per_s``: its growth, negative where it falls.
    ``lasts_s``: how long it takes at this rate until nothing waits, None for never or where nothing waits.
    """

    service: str
    text: str
    backlog_count: int
    change_per_s: float
    lasts_s: float | None


@dataclass(frozen=True, repr=False)
class Sustained:
    """What keeps ``service`` down ``at`` a moment, from it on along its calls; nothing if it is well.

    ``loop``: services that keep each other down. ``str()`` gives the text.
    """

    service: str
    title: str
    at: datetime
    holds: tuple[Hold, ...]
    loop: tuple[str, ...]

    def __str__(self) -> str:
        return "\n".join(self.lines())

    __repr__ = __str__

    def _repr_html_(self) -> str:
        return html_table(("service", "what keeps it down"), [(h.service, h.text) for h in self.holds]) + (
            f"<p>{escape(self._loop_text())}</p>" if self.loop else ""
        )

    def lines(self) -> list[str]:
        """The answer for people to read."""
        head = f"{self.at:%d %b %H:%M:%S}  {self.service} ({self.title})"
        if not self.holds:
            return [f"{head}: not impaired"]
        found = [f"  {h.service}: {h.text}" for h in self.holds]
        return [f"{head}: what keeps it down now", *found] + ([self._loop_text()] if self.loop else [])

    def as_json(self) -> dict[str, Any]:
        """The same for machines; the time is ISO 8601 with zone."""
        return {
            "service": self.service,
            "at": self.at.isoformat(),
            "holds": [vars(h) for h in self.holds],
            "loop": list(self.loop),
        }

    def _loop_text(self) -> str:
        return f"A loop: {' → '.join((*self.loop, self.loop[0]))}. Each keeps the next one down."


def what_keeps_down(run: FinishedRun, service: str, at: Moment | None = None) -> Sustained:
    """What keeps ``service`` down at a time ("07:50", "+2h"); at the end of the run without one.

    Raises SpecError for a service that the run does not have or a time outside it, ForkError for a run that
    other code made.
    """
    about = run.services
    if service not in about:
        raise argument_problem(
            "service", f"'{service}'", "a service of the run", did_you_mean(service, about)
        )
    point = fork(run, run.scenario.duration_s if at is None else at)
    clock, tick = Clock(run.manifest), point.tick
    title = about[service]["title"]
    with run.tables() as tables:
        if not tables.rows(_EPISODE, service=service, tick=tick):
            return Sustained(service, title, clock.at(tick), (), ())
    model = build(point.scenario, seed=point.scenario.seed, replicate=run.manifest["replicate"])
    run_inline(model, schedule_for(model, point.scenario), tick)
    present = _Present(run, model, tick)
    path, loop = present.path(service)
    return Sustained(service, title, clock.at(tick), tuple(present.hold(*step) for step in path), loop)


class _Present:
    """A run as it is at ``tick``."""

    def __init__(self, run: FinishedRun, model: Model, tick: int) -> None:
        self.run, self.model, self.tick = run, model, tick
        self.w, self.names = model.state, model.names

    def path(self, service: str) -> tuple[list[tuple[str, int]], tuple[str, ...]]:
        """((service, the dependency by which it fails or OWN) from ``service`` on, the loop at its end)."""
        steps: list[tuple[str, int]] = []
        seen: list[str] = []
        name: str | None = service
        while name is not None and name not in seen:
            seen.append(name)
            edge = self._blamed(name)
            steps.append((name, edge))
            name = (
                self.names[self.w.edge[edge]["callee"]] if edge != OWN else self._impaired_callee(name, seen)
            )
        if name is not None:
            return steps, tuple(seen[seen.index(name) :])
        return steps, self._retry_loop(seen[-1])

    def _blamed(self, name: str) -> int:
        """The dependency by which most calls of a service fail or are late now, or OWN."""
        i = self.names.index(name)
        panel = self.w.svc[i]
        if panel["failing_ratio"] >= SIGN_RATIO:
            return int(interpreted(most_failing)(self.w, i, OWN, panel["own_blame"]))
        return int(interpreted(slowest)(self.w, i))

    def _impaired_callee(self, name: str, seen: list[str]) -> str | None:
        """An impaired dependency of a service that fails by itself: its own mechanism may wait for that."""
        panel = self.w.svc[self.names.index(name)]
        for e in range(panel["out_start"], panel["out_end"]):
            callee = int(self.w.edge[e]["callee"])
            if self.w.svc[callee]["open_event"] and self.names[callee] not in seen:
                return self.names[callee]
        return None

    def _retry_loop(self, name: str) -> tuple[str, ...]:
        """A service and the caller whose retries are most of its load, if that is what is more than usual."""
        caller, times, first = self._load(name)
        return (name, caller) if times >= LOAD_RATIO > first else ()

    def _load(self, name: str) -> tuple[str, float, float]:
        """(the caller whose calls have grown most, calls over the usual ones, its first tries over those)."""
        i = self.names.index(name)
        panel = self.w.svc[i]
        usual_per_s = float(panel["quiet_offered_per_s"])
        if panel["in_end"] == panel["in_start"] or usual_per_s <= 0.0 or panel["load_ratio"] <= 0.0:
            return "", 1.0, 1.0
        r = self.w.edge[int(interpreted(heaviest_caller)(self.w, i))]
        rows = self.run.sql(_OFFERED, service=name, tick=self.tick).to_pylist()
        offered_per_s = sum(row["offered_per_s"] for row in rows) / float(panel["load_ratio"])
        first = float(r["sent_load_per_s"] / r["sent_usual_per_s"]) if r["sent_usual_per_s"] > 0.0 else np.inf
        return self.names[r["caller"]], offered_per_s / usual_per_s, first

    def hold(self, name: str, edge: int) -> Hold:
        """What is to be said of one service of the path."""
        panel = self.w.svc[self.names.index(name)]
        failing = float(panel["failing_ratio"])
        parts = [how_bad(failing if failing >= SIGN_RATIO else float(panel["latency_ratio"]))]
        if edge != OWN:
            r = self.w.edge[edge]
            callee = self.names[r["callee"]]
            parts.append(f"by {callee}{needed_for(self.run, name, callee).rstrip(',')}")
        else:
            parts += self._own_reasons(name)
        found = backlog_at(self.run, self.w, self.names, name, self.tick)
        if found.count > 0 and (edge == OWN or found.change_per_s != 0.0 or found.is_at_limit):
            parts.append(str(found))
        return Hold(name, "; ".join(parts), found.count, found.change_per_s, found.lasts_s)

    def _own_reasons(self, name: str) -> list[str]:
        """The service's mechanism at work, inputs that still act on it, and more load than usual."""
        clock = Clock(self.run.manifest)
        panel = self.w.svc[self.names.index(name)]
        found = [
            f"by itself: {row['event'].replace('_', ' ')} since {clock.local(row['tick'])}"
            for row in self.run.sql(_OWN, event=int(panel["own_event"])).to_pylist()
        ]
        found += [f"{i['kind']} {i['id']} is in force" for i in self._in_force(name)]
        caller, times, first = self._load(name)
        if times >= LOAD_RATIO:
            how = "" if first >= LOAD_RATIO else ", by retries"
            found.append(f"offered {times:.1f} times the usual, most of it by {caller}{how}")
        return found or ["by itself"]

    def _in_force(self, name: str) -> list[Mapping[str, Any]]:
        """Faults and actions that have set something of a service and have not ended."""
        ended = {i["id"] for i in self.run.manifest["inputs"] if not i["begin"] and i["tick"] <= self.tick}
        lasting = {x.id for x in self.run.scenario.interventions if x.over_s}
        return [
            i
            for i in self.run.manifest["inputs"]
            if i["begin"] and i["tick"] <= self.tick and (i["id"] not in ended or i["id"] in lasting)
            and any(_of(target) == name and target.split(".")[-1] not in MOMENTARY for target in i["set"])
        ]  # fmt: skip


def _of(target: str) -> str:
    """The service, or the caller, of a target: "sts" of "sts.fault_ratio" and of "sts->nlb.timeout_s"."""
    return target.split(".")[0].split("->")[0]
