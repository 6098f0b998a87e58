"""Lease renewal: the hosts and the last state check of each holder."""

from __future__ import annotations

import numpy as np

from twin.kinds.lease_fleet.lease_host import HEAD
from twin.model.control_loop import Loop, Reading, View


class Leases:
    """Age: mean time since the last check that passed, over the holders that count as leased; to a slot.

    Wrong: holders that count as lost, though they run all the time. And holders that count as leased
    without a connection to them.
    """

    def __init__(self, view: View) -> None:
        self.view = view
        self.loop = Loop(
            "Lease renewal", view.service, "the last state check of each server",
            "servers taken for lost though they ran, or for leased though out of reach", True,
        )  # fmt: skip

    def look(self, tick: int) -> None:
        """As Eye says."""
        if tick % self.view.every:
            return
        s = self.view.s
        wheel = self._wheel()
        leased, holders = int(s["leased"]), int(s["holders"])
        adrift = int(wheel[:, wheel.shape[1] // 2 :].sum())
        age_s = float((wheel * self._ages_s(tick, wheel)).sum() / leased) if leased else None
        did = f"{leased / holders:.0%} leased, {int(s['queued'])} wait for a new lease"
        self.loop.readings.append(Reading(tick, age_s, (holders - leased + adrift) / holders, did))

    def _wheel(self) -> np.ndarray:
        """(phases, classes) holders of all hosts, by slot of the next check or lapse, and failed checks."""
        s = self.view.s
        hosts, phases, classes, ring = (int(s[name]) for name in ("hosts", "phases", "classes", "ring"))
        before = HEAD + 2 * ring
        stride = before + phases * classes + phases
        of_hosts = self.view.cells[: hosts * stride].reshape(hosts, stride)  # what all hosts share follows
        wheels = of_hosts[:, before : before + phases * classes]
        return wheels.sum(axis=0).reshape(phases, classes)

    def _ages_s(self, tick: int, wheel: np.ndarray) -> np.ndarray:
        """(phases, classes) s since the last check that passed. The last class of each half is doomed."""
        phases, classes = wheel.shape
        slot_s = int(self.view.s["slot_ticks"]) * self.view.tick_s
        now = (tick - 1) // int(self.view.s["slot_ticks"]) + 1
        since = (now - np.arange(phases)) % phases  # slots since the last check
        failed = np.arange(classes) % (classes // 2)
        ages_s = (since[:, None] + phases * failed[None, :]) * slot_s
        left_s = (np.arange(phases) - now) % phases * slot_s
        ages_s[:, failed == classes // 2 - 1] = float(self.view.p["lease_s"]) - left_s[:, None]
        return ages_s
