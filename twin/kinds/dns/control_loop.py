"""The Enactors' freshness check: made once, acted on at every write."""

from __future__ import annotations

import numpy as np

from twin.kinds.dns.enactors import TIMERS, machine_config
from twin.mechanisms.dns_state import (
    APPLY,
    CHECKED,
    IDLE,
    LATEST,
    PC,
    ROOTS,
    STOPPED,
    VERSION,
    enactor_cell,
    wedged,
)
from twin.model.control_loop import Loop, Reading, View

AT_WORK = (APPLY, CHECKED)
STUCK = "every batch fails: no tree to roll back to"


class Enactors:
    """A reading at every write of the regional endpoint, at every write of an older plan over a newer one,
    and at every plan that is given up. Once a minute there is one of the oldest check that an Enactor acts
    on.

    Age: from the check, made when a plan is picked, to the act. Wrong: plans written since.
    """

    def __init__(self, view: View) -> None:
        self.view = view
        self.loop = Loop(
            "Enactor freshness", view.service, "a check, made once, that its plan is the newest",
            "plans by which it was behind", False,
        )  # fmt: skip
        self._cfg = machine_config(view.p)
        self._machine = view.cells[TIMERS:]
        self._place = np.array([enactor_cell(self._cfg, e) for e in range(self._cfg.enactors)])
        self._picked = [0] * self._cfg.enactors
        self._pc, self._plan, self._roots = self._now()

    def _now(self) -> tuple[list[int], list[int], list[int]]:
        """Where each Enactor stands, its plan (0: none), and the plan under each root."""
        m, at = self._machine, self._place
        return m[at + PC].tolist(), m[at + VERSION].tolist(), m[ROOTS : ROOTS + self._cfg.endpoints].tolist()

    def look(self, tick: int) -> None:
        """As Eye says."""
        pc, plan, roots = self._now()
        if roots != self._roots:
            self._writes(tick, roots)
        if pc != self._pc or plan != self._plan:
            self._turns(tick, pc, plan)
        self._pc, self._plan, self._roots = pc, plan, roots
        if tick % self.view.every == 0:
            self._oldest(tick)

    def _writes(self, tick: int, roots: list[int]) -> None:
        for j, (old, new) in enumerate(zip(self._roots, roots, strict=True)):
            writers = [e for e, v in enumerate(self._plan) if v == new and self._pc[e] in AT_WORK]
            if new == old or not writers or self._machine[STOPPED]:  # or it is people, by hand
                continue
            if new < old:
                did = f"wrote plan {new} over the newer {old} at endpoint {j}"
                self._add(tick, writers[0], new, did, True)
            elif j == 0:
                self._add(tick, writers[0], new, f"wrote plan {new}")

    def _turns(self, tick: int, pc: list[int], plan: list[int]) -> None:
        """Plans that are picked, and those that are given up."""
        for e, (before, now) in enumerate(zip(self._plan, plan, strict=True)):
            if self._pc[e] in AT_WORK and pc[e] == IDLE:
                self._add(tick, e, before, f"gave plan {before} up", True)
            if now and now != before:
                self._picked[e] = tick

    def _oldest(self, tick: int) -> None:
        working = [e for e, at in enumerate(self._pc) if at in AT_WORK]
        if working and not self._machine[STOPPED]:
            e = min(working, key=lambda e: self._picked[e])
            stuck = bool(wedged(self._machine, self._cfg, e))
            self._add(tick, e, self._plan[e], STUCK if stuck else "at work")

    def _add(self, tick: int, e: int, plan: int, did: str, act: bool = False) -> None:
        age_s = (tick - self._picked[e]) * self.view.tick_s
        self.loop.readings.append(Reading(tick, age_s, float(self._machine[LATEST] - plan), did, act))
