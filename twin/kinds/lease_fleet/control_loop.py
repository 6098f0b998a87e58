"""Lease renewal: the droplet manager and the last state check of each droplet."""

from __future__ import annotations

import numpy as np

from twin.kinds.lease_fleet.lease_host import HEAD
from twin.model.control_loop import Loop, Reading, View


class Leases:
    """Age: mean time since the last check that passed, over the droplets that count as leased; to a slot.

    Wrong: droplets that count as lost, though the servers run all the time. And droplets that count as leased
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
        leased, droplets = int(s["leased"]), int(s["droplets"])
        adrift = int(wheel[:, wheel.shape[1] // 2 :].sum())
        age_s = float((wheel * self._ages_s(tick, wheel)).sum() / leased) if leased else None
        did = f"{leased / droplets:.0%} leased, {int(s['queued'])} wait for a new lease"
        self.loop.readings.append(Reading(tick, age_s, (droplets - leased + adrift) / droplets, did))

    def _wheel(self) -> np.ndarray:
        """(phases, classes) droplets of all hosts, by the slot of their next check and by failed checks."""
        s = self.view.s
        hosts, phases, classes, ring = (int(s[name]) for name in ("hosts", "phases", "classes", "ring"))
        wheels = self.view.cells.reshape(hosts, -1)[:, HEAD + 2 * ring : HEAD + 2 * ring + phases * classes]
        return wheels.sum(axis=0).reshape(phases, classes)

    def _ages_s(self, tick: int, wheel: np.ndarray) -> np.ndarray:
        """(phases, classes) s since the last check that passed."""
        phases, classes = wheel.shape
        slot_ticks = int(self.view.s["slot_ticks"])
        since = ((tick - 1) // slot_ticks + 1 - np.arange(phases)) % phases  # slots since the last check
        failed = np.arange(classes) % (classes // 2)
        return (since[:, None] + phases * failed[None, :]) * slot_ticks * self.view.tick_s
