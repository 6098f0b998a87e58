"""20 October in a region of 300 services and 1,500 dependencies: relays and stations around the core."""

from __future__ import annotations

from statistics import median

from tests.bench.graphs import region
from tests.bench.measure import Bench, Target, expect
from tests.bench.rows.incident import uncompiled
from tests.bench.scenarios import engine_s, shortened
from twin.simulation.run import simulate

ENGINE = Target(most=1.0)
SERVICES, EDGES = 300, 1_500
WORK = "20 October, region (300 services, 1,500 dependencies)"


def measure(bench: Bench) -> None:
    wide = region(60, 150) if bench.is_small else region(SERVICES, EDGES)
    services = wide.topology.services
    if not bench.is_small:
        edges = sum(len(s.dependencies) for s in services.values())
        expect(
            len(services) == SERVICES and abs(edges - EDGES) < 0.1 * EDGES,
            f"{len(services)} services, {edges}",
        )
    whole = shortened(wide, 60.0) if bench.is_small else wide
    first = simulate(shortened(wide, 600.0 if not bench.is_small else 60.0)).digest
    seconds = median(engine_s(whole) for _ in range(bench.repeats))
    expect(
        simulate(shortened(wide, 600.0 if not bench.is_small else 60.0)).digest == first, "the rows differ"
    )
    bench.add(WORK, "twin, engine", seconds, target=ENGINE)
    if not bench.is_small:
        uncompiled(bench, whole, WORK, seconds, 20.0)
