"""A throttle that people set: how much is let in, against how much could be carried out."""

from __future__ import annotations

from twin.mechanisms.arrays import ASYNC, HARD
from twin.model.control_loop import Loop, Reading, View


class Throttle:
    """Age: since people last set it; none before that.

    Wrong: the share that is admitted, less the share that could be carried out. Above 0, it admits work that
    fails or queues. Below 0, it refuses work that would have succeeded. The share that could be carried out
    is what the hard dependencies answer, or what the queues behind deliver while work waits there.
    """

    def __init__(self, view: View) -> None:
        self.view = view
        self.loop = Loop(
            "Throttle", view.service, "the capacity that people saw when they last set it",
            "share let in, less the share that could be carried out", True,
        )  # fmt: skip
        self._allowed = float(view.p["admitted_ratio"])
        self._set_at: int | None = None
        self._asked = dict.fromkeys((int(r["callee"]) for r in view.out if r["mode"] == ASYNC), 0)

    def look(self, tick: int) -> None:
        """As Eye says."""
        svc = self.view.svc
        for callee in self._asked:
            self._asked[callee] += int(svc[callee]["offered"])
        allowed = float(self.view.p["admitted_ratio"])
        if allowed != self._allowed:
            self._allowed, self._set_at = allowed, tick
        if tick % self.view.every:
            return
        possible = self._possible(allowed)
        age_s = None if self._set_at is None else (tick - self._set_at) * self.view.tick_s
        did = f"let {allowed:.0%} in, {possible:.0%} could be carried out"
        self.loop.readings.append(Reading(tick, age_s, allowed - possible, did))

    def _possible(self, allowed: float) -> float:
        """Share of what is asked that could be carried out, over the time since the last look."""
        svc, since_s = self.view.svc, self.view.every * self.view.tick_s
        works = 1.0
        for r in self.view.out:
            if r["mode"] == HARD:
                works *= 1.0 - float(r["share"]) * (1.0 - float(r["visible_ok"]))
        for callee, asked in self._asked.items():
            if svc[callee]["backlog"] and asked:
                works = min(works, allowed * float(svc[callee]["capacity_per_s"]) * since_s / asked)
            self._asked[callee] = 0
        return works
