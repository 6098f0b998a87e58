"""Propagation: what the network knows of instances is as old as the queue."""

from __future__ import annotations

import bisect

from twin.model.control_loop import Loop, Reading, View


class Propagation:
    """Age: of the change that is delivered now, first come first served, and the time that delivering takes.

    Wrong: changes that were asked for and are not there yet: an instance each whose network is not as it
    should be.
    """

    def __init__(self, view: View) -> None:
        self.view = view
        self.loop = Loop(
            "Propagation", view.service, "the change that has come to the head of the queue",
            "changes that had not arrived", False,
        )  # fmt: skip
        self._entered: list[int] = []  # changes so far, after each tick
        self._delivered = 0

    def look(self, tick: int) -> None:
        """As Eye says."""
        s = self.view.s
        self._entered.append(int(s["entered"]))
        if tick % self.view.every:
            return
        done = int(s["delivered"])
        came = bisect.bisect_left(self._entered, done) + 1  # tick by which what is delivered now had come
        waits_s = max(0, tick - came) * self.view.tick_s if s["waiting"] else 0.0
        age_s = waits_s + float(self.view.p["base_delay_s"])
        looks = len(self.loop.readings)
        before = self.loop.readings[-1].tick if looks else 0
        rate = (done - self._delivered) / ((tick - before) * self.view.tick_s)
        self._delivered = done
        self.loop.readings.append(Reading(tick, age_s, float(s["waiting"]), f"delivered {rate:.0f} a second"))
