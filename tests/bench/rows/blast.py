"""Static blast radius: every service alone and every pair, of 150 services with 356 dependencies."""

from __future__ import annotations

from itertools import combinations

from tests.analysis.slow_blast import lost
from tests.bench.environments import Absent, ask
from tests.bench.graphs import layered
from tests.bench.measure import Bench, Target, expect
from twin.analysis.blast_sweep import BlastSweep
from twin.model.scenario import Service

SERVICES, EDGES, OF_FAULTRAY, OF_SLOW = 150, 356, 300, 40
RATE = Target(least=20_000.0)
WORK = "static blast radius, singles and pairs"


def swept(services: dict[str, Service]) -> tuple[int, int, int]:
    """(losses, services down in all, services touched in all)."""
    sweep = BlastSweep(services)
    parts = [sweep.singles(), *(part for _, part in sweep.pairs())]
    count, down, touched = zip(
        *((p.count, p.down_count.sum(), p.touched_count.sum()) for p in parts), strict=True
    )
    return sum(count), int(sum(down)), int(sum(touched))


def measure(bench: Bench) -> None:
    services = layered(20, 40) if bench.is_small else layered(SERVICES, EDGES)
    losses = [(name,) for name in services] + [*combinations(services, 2)]
    expected = [0, 0]
    for loss in losses:
        down, touched = lost(services, loss)
        expected = [expected[0] + len(down), expected[1] + len(touched)]

    def right(answers: list[tuple[int, int, int]]) -> None:
        for count, *sums in answers:
            expect(count == len(losses), f"{count} losses, expected {len(losses)}: none may be dropped")
            expect(sums == expected, f"{sums} services down and touched, expected {expected}")

    seconds = bench.seconds(lambda n: swept(services), right)
    bench.add(WORK, "twin, graph and counts", len(losses) / seconds, "faults/s", RATE)
    some = losses[:: max(1, len(losses) // OF_SLOW)]
    slow_s = bench.seconds(lambda n: [lost(services, loss) for loss in some])
    bench.add(WORK, "plain Python, loss by loss", len(some) / slow_s, "faults/s")
    if bench.has_peers:
        faultray(bench, services, len(losses))


def faultray(bench: Bench, services: dict[str, Service], count: int) -> None:
    edges = [(s.name, d.on, d.mode) for s in services.values() for d in s.dependencies]
    try:
        told = ask("faultray", "blast_faultray.py", names=list(services), edges=edges, most=OF_FAULTRAY,
                   repeats=bench.repeats)  # fmt: skip
    except Absent as absent:
        bench.add(WORK, "FaultRay", None, "faults/s", note=str(absent))
        return
    kept = told.answer["most_scenarios"]
    note = f"on {told.answer['made']} of {count}; by default it drops all beyond {kept}"
    note += "" if bench.is_small else f"; down or degraded as in the graph: {told.answer['alike']:.0%}"
    bench.add(WORK, f"FaultRay {told.version}", told.answer["made"] / told.seconds, "faults/s", note=note)
