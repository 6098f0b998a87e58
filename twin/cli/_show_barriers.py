"""What twin barriers says: the barriers in the order of the event's path, as text and as a document."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

import click

from twin.cli import _show as show

if TYPE_CHECKING:
    from twin.experiments.barriers import Effect, Inspected, TurningPoint
    from twin.model.changes import Barrier
    from twin.simulation.run import FinishedRun

TOP = 12  # pairs that are listed
VERDICTS = {"stops": "stops it", "shrinks": "shrinks it", "worsens": "makes it worse", "nothing": "no help"}
STATUS = {"breached": "did not hold", "absent": "did not exist"}
COLUMNS = ("barrier", "", "saves", "left min", "peak", "too late from")
ABOUT = ("name", "title", "layer", "guards", "status", "in_the_event")


@dataclass(frozen=True)
class BarriersView:
    """What is said of ``inspected`` barriers. ``plain`` is the run of the event as it was."""

    inspected: Inspected
    plain: FinishedRun

    def picture(self) -> None:
        """The barriers in the order of the event's path; then what follows from them."""
        lost = self.inspected.measured.lost
        worlds = show.counted(len(lost), "world")
        click.echo(
            f"{self.inspected.scenario.title}\n{_mean(lost):.0f} service-minutes lost as it was ({worlds})\n"
        )
        singles = self.inspected.findings.singles
        moments = {s.name: self._moment(s) for s in self.inspected.turning_points}
        known = self.inspected.known
        about = [(b.layer, b.title, STATUS[b.status], b.on_means) for b in known]
        show.table(("layer", "barrier", "in the event", "if it had held"), about)
        click.echo("\nIf it had held:")
        rows = [(b.title, *self._effect(singles[b.name]), moments.get(b.name, "")) for b in known]
        show.table(COLUMNS, rows, numbers=("saves", "left min", "peak"), whole=("", "too late from"))
        self._weakened()
        self._said()
        self._together()
        self._turns()

    def _effect(self, effect: Effect) -> tuple[str, str, str, str]:
        peak = [value or 0.0 for value in self.inspected.measured.values["peak_impaired"][effect.switches]]
        return VERDICTS[effect.verdict], f"{effect.ratio:.0%}", f"{effect.left:.0f}", f"{_mean(peak):.0f}"

    def _weakened(self) -> None:
        """What would have come of less of a barrier."""
        singles = self.inspected.findings.singles
        rows = [
            (b.title, b.off_means, *self._effect(singles[f"no-{b.name}"]))
            for b in self.inspected.known
            if b.off is not None
        ]
        if rows:
            click.echo("\nWith a weaker barrier (where one is given):")
            columns = ("barrier", "with", "", "saves", "left min", "peak")
            show.table(columns, rows, numbers=columns[3:], whole=("",))

    def _said(self) -> None:
        lined_up = self.inspected.findings.lined_up
        shrinks = [name for name in lined_up if name not in self.inspected.findings.stops]
        rest = [b.name for b in self.inspected.known if b.name not in lined_up]
        click.echo()
        show.prose(f"Each of these alone would have helped: {_list(lined_up)}.")
        show.prose(
            f"Any one of these alone would have stopped the event: {_list(self.inspected.findings.stops)};"
        )
        show.prose(f"or shrunk it: {_list(shrinks)}.")
        show.prose(f"Alone these would have changed nothing: {_list(rest)}.")

    def _together(self) -> None:
        """Pairs that do what neither does alone."""
        pairs = self.inspected.findings.together
        if not self.inspected.findings.pairs:
            return
        click.echo(f"\n{len(pairs)} of {len(self.inspected.findings.pairs)} pairs do what neither does alone")
        rows = [
            (" + ".join(sorted(p.effect.switches)), f"{p.effect.ratio:.0%}", f"{p.better.ratio:.0%}",
             f"{_mean(p.beyond_sum) / _mean(p.effect.lost):+.0%}", p.verdict)
            for p in pairs[:TOP]
        ]  # fmt: skip
        if rows:
            columns = ("two", "save", "the better one", "beyond their sum", "")
            show.table(columns, rows, numbers=columns[1:4])
        if len(pairs) > TOP:
            click.echo(f"… and {len(pairs) - TOP} more: --json has all")

    def _turns(self) -> None:
        """When it was too late, and what happened then."""
        if not self.inspected.turning_points:
            return
        click.echo()
        show.prose("Too late: switched on at that time, a barrier saves less than half of its full effect.")
        titles = {b.name: b.title for b in self.inspected.known}
        rows = [
            (titles[s.name], self._moment(s), "; ".join(self._just_then(s)), self._left_over(s.name))
            for s in sorted(self.inspected.turning_points, key=lambda s: s.too_late_s)
        ]
        show.table(("barrier", "too late from", "just then, as it was", "and switched on then"), rows)

    def _left_over(self, name: str) -> str:
        """The harm of a barrier that comes too late: it heals so much that no one looks for the rest."""
        count = self.inspected.stuck.get(name, 0.0)
        return f"{count:.0f} services never recover" if count >= 1.0 else ""

    def _just_then(self, point: TurningPoint) -> list[str]:
        """What happened in the event as it was while the barrier became too late: mechanisms and inputs."""
        query = """
            select distinct service, event, subject from events
            where tick between $low and $high and event not in ('onset', 'recovery') order by all"""
        tick_s = self.inspected.scenario.tick_s
        low, high = (round(at_s / tick_s) for at_s in (point.helps_s, point.too_late_s))
        words = {"input": "begins", "input_ended": "ends", "diagnosed": "is found"}
        return [
            f"{r['subject']} {words[r['event']]}" if r["event"] in words else f"{r['service']} {r['event']}"
            for r in self.plain.sql(query, low=low, high=high).to_pylist()
        ]

    def _moment(self, point: TurningPoint) -> str:
        """Day, hour and minute."""
        return self._clock.local(round(point.too_late_s))[:-3]

    @property
    def _clock(self) -> show.Clock:
        return show.Clock({"start": self.inspected.scenario.start.isoformat(), "tick_s": 1.0})

    # ------------------------------------------------------------ the document

    def document(self) -> dict[str, Any]:
        """What --json prints."""
        from twin.experiments.barriers import label
        from twin.experiments.barriers.analysis import AS_IT_WAS

        pairs = [
            {"pair": label(p.effect.switches), **self._numbers(p.effect), "more": p.more,
             "together": p.verdict,
             "beyond_better_min": round(_mean(p.extra), 1), "beyond_sum_min": round(_mean(p.beyond_sum), 1)}
            for p in self.inspected.findings.pairs
        ]  # fmt: skip
        return {
            "replicates": len(self.inspected.measured.lost),
            "baseline": {
                name: list(sides[AS_IT_WAS]) for name, sides in self.inspected.measured.values.items()
            },
            "defences": [self._defence(b) for b in self.inspected.known],
            "lined_up": self.inspected.findings.lined_up,
            "stops_alone": self.inspected.findings.stops,
            "pairs": pairs,
        }

    def _defence(self, barrier: Barrier) -> dict[str, Any]:
        """One barrier: how it stood, what it does on and off, until when."""
        singles = self.inspected.findings.singles
        about = {key: getattr(barrier, key) for key in ABOUT}
        off = None
        if barrier.off is not None:
            off = {"means": barrier.off_means, **self._numbers(singles[f"no-{barrier.name}"])}
        point = next((s for s in self.inspected.turning_points if s.name == barrier.name), None)
        until = None
        if point is not None:
            until = {
                "helps_at": self._clock.iso(round(point.helps_s)),
                "too_late_at": self._clock.iso(round(point.too_late_s)),
                "just_then": self._just_then(point),
                "never_recover": self.inspected.stuck.get(barrier.name),
            }
        on = {"means": barrier.on_means, **self._numbers(singles[barrier.name])}
        return {**about, "on": on, "off": off, "until": until}

    def _numbers(self, effect: Effect) -> dict[str, Any]:
        """An effect: its verdict, what it saves on average, what each world came to."""
        return {
            "verdict": effect.verdict,
            "saved_ratio": round(effect.ratio, 4),
            "saved_min": round(_mean(effect.saved), 1),
            "left_min": round(effect.left, 1),
            "worlds": {
                name: list(sides[effect.switches]) for name, sides in self.inspected.measured.values.items()
            },
        }


def _mean(values: Sequence[float]) -> float:
    return sum(values) / len(values)


def _list(names: Iterable[str]) -> str:
    return ", ".join(names) or "none"
