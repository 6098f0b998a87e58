"""What an eye may look at: one service's parameters, state and cells, as they are now."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from typing import Any

import numpy as np

from twin.kinds import registry
from twin.simulation.world import Shard

EVERY_S = 60.0  # how often most eyes look; those that wait for an event look at every tick


@dataclass(frozen=True)
class View:
    """One service. ``p`` parameters, ``s`` state, ``row`` the front panel, ``cells`` the kind's own, ``out``
    its dependencies, ``svc`` the front panels of all: views of the arrays that are stepped, so always of now.
    """

    service: str
    kind: str
    tick_s: float
    row: Any
    p: Any
    s: Any
    cells: np.ndarray
    out: np.ndarray
    svc: np.ndarray

    @property
    def every(self) -> int:
        """So many ticks from look to look."""
        return max(1, round(EVERY_S / self.tick_s))


def views(shard: Shard) -> Iterator[View]:
    """A view of every service."""
    w, kinds = shard.world, list(registry())
    for service, row in zip(shard.names, w.svc, strict=True):
        kind = kinds[row["kind"]]
        at, slot = int(row["cell"]), row["slot"]
        yield View(
            service, kind, float(w.tick_s[0]), row, shard.parameters[kind][slot], shard.states[kind][slot],
            w.cells[at : at + int(row["cells"])], w.edge[int(row["out_start"]) : int(row["out_end"])], w.svc,
        )  # fmt: skip
