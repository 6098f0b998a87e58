"""A view of every service of a run, for the eyes."""

from __future__ import annotations

from collections.abc import Iterator

from twin.kinds import registry
from twin.model.control_loop import View
from twin.simulation.world import Model


def views(model: Model) -> Iterator[View]:
    """A view of every service."""
    w, kinds = model.state, list(registry())
    for service, row in zip(model.names, w.svc, strict=True):
        kind = kinds[row["kind"]]
        at, slot = int(row["cell"]), row["slot"]
        yield View(
            service, kind, float(w.tick_s[0]), row, model.parameters[kind][slot], model.states[kind][slot],
            w.cells[at : at + int(row["cells"])], w.edge[int(row["out_start"]) : int(row["out_end"])], w.svc,
        )  # fmt: skip
