"""Conformance: the simulator stays inside what the explorer has found.

The dns kind runs with the explorer's bounds, under many seeds and with durations that make Enactors meet. As
long as no more plans exist than were explored, each state that it visits must literally be in the set of
explored states. A simulated machine with other rules must leave the set, or this would show nothing.
"""

from collections.abc import Iterator
from datetime import UTC, datetime
from typing import Any

import numpy as np
import pytest

from twin.analysis.dns_race.explore import MEMORY_MB, StateSearch
from twin.analysis.dns_race.packed import cells_of
from twin.analysis.dns_race.search import COUNT
from twin.kinds.dns import TIMERS
from twin.mechanisms.dns_state import LATEST, PC, Config, config, enactor_cell, is_empty, slot_cell
from twin.model.scenario import Intervention, Quantity, Scenario, Service, Topology
from twin.simulation import inline
from twin.simulation.run import schedule_for
from twin.simulation.world import build

BOUNDS: dict[str, Any] = {"enactors": 3, "endpoints": 2, "plans": 4, "keep_last": 2}
SEEDS = 48
LONG_S = 400.0


def reachable_states(cfg: Config, *, symmetry: bool = False) -> np.ndarray:
    """Every state that `cfg` can reach, as rows of cells (states, cells)."""
    search = StateSearch(cfg, symmetry, MEMORY_MB)
    search.run()
    rows = search.space.keys.reshape(-1, search.bits.words)[: search.space.counts[COUNT]]
    return cells_of(rows, cfg, search.bits)


def simulated(plan_interval_s: float, loses_s: tuple[float, float], **changed: float) -> Scenario:
    """The automation alone; Enactor 1 loses every lock for a while, so that it is overtaken."""
    given = {
        "enactors_count": 3, "endpoints_count": 2, "keep_count": 2, "plan_interval_s": plan_interval_s,
        "plan_phase_s": 5.0, "poll_s": 6.0, "batch_s": 3.0, "cleanup_s": 5.0, "backoff_s": 1.0,
        "backoff_cap_s": 4.0, **changed,
    }  # fmt: skip
    parameters = {name: Quantity(value=value, assumed="a test") for name, value in given.items()}
    starved = Intervention(id="starved", kind="fault", assumed="a test", at_s=loses_s[0], until_s=loses_s[1],
                           set={"dns.losing_enactor": 1})  # fmt: skip
    service = Service(name="dns", kind="dns", parameters=parameters)
    return Scenario(
        name="conformance", topology=Topology(name="conformance", services={"dns": service}),
        duration_s=LONG_S, start=datetime(2026, 1, 1, tzinfo=UTC), faults=(starved,),
    )  # fmt: skip


def visited(scenario: Scenario, seed: int, cfg: Config) -> Iterator[np.ndarray]:
    """The machine's state after every tick, in the explorer's cells, up to the last plan explored."""
    model = build(scenario, seed=seed)
    schedule = schedule_for(model, scenario)
    service = model.state.svc[0]
    machine = model.state.cells[int(service["cell"]) :][: int(service["cells"])][TIMERS:]
    slots = slot_cell(cfg)
    for t in range(round(scenario.duration_s)):
        inline.apply(model, schedule.due(t))
        inline.advance(model, t, t + 1)
        if machine[LATEST] > cfg.plans:
            return
        state = np.zeros(slots + cfg.slots, np.int64)
        state[:slots] = machine[:slots]
        trees = machine[slots:][machine[slots:] > 0]
        state[slots + trees - 1] = trees
        yield state


CASES = [(plan_s, (5.0, until_s)) for plan_s in (15.0, 25.0, 40.0) for until_s in (60.0, 82.0)]


def seen(cfg: Config, seeds: int, **changed: float) -> dict[bytes, np.ndarray]:
    """Every state visited over seeds and durations."""
    found = {}
    for seed in range(seeds):
        plan_s, loses_s = CASES[seed % len(CASES)]
        for state in visited(simulated(plan_s, loses_s, **changed), seed, cfg):
            found[state.tobytes()] = state
    return found


@pytest.fixture(scope="module")
def explored() -> set[bytes]:
    """Without symmetry: literally every state."""
    rows = reachable_states(config(**BOUNDS))
    assert len(rows) == 118_245
    return {row.tobytes() for row in rows}


def test_every_state_that_is_simulated_was_explored(explored: set[bytes]) -> None:
    cfg = config(**BOUNDS)
    found = seen(cfg, SEEDS)
    assert len(found) > 200, "too few states to show anything"
    assert any(is_empty(state, cfg, j) for state in found.values() for j in (0, 1)), (
        "the race itself is not among them"
    )
    walkers = {tuple(state[enactor_cell(cfg, e) + PC] for e in range(3)) for state in found.values()}
    assert len(walkers) > 8, "the Enactors hardly meet"
    assert not set(found) - explored


@pytest.mark.parametrize(
    "broken",
    [{"keep_count": 1}, {"guard_blind_apply": True}, {"guard_tolerate_missing": True}],
    ids=["clean-up keeps too little", "a missing tree is taken", "no wedge"],
)
def test_a_machine_with_other_rules_is_caught(explored: set[bytes], broken: dict[str, float]) -> None:
    assert set(seen(config(**BOUNDS), SEEDS, **broken)) - explored


@pytest.mark.parametrize("guard", ["cas", "recheck-in-lock", "cleanup-atomic"])
def test_behind_a_guard_it_stays_in_the_guard_s_own_states(guard: str) -> None:
    cfg = config(**BOUNDS, guards=(guard,))
    rows = {row.tobytes() for row in reachable_states(cfg)}
    found = seen(cfg, 12, **{"guard_" + guard.replace("-", "_"): True})
    assert len(found) > 50 and not set(found) - rows


@pytest.mark.parametrize("guards", [(), ("cleanup-check",)])
def test_unpacked_states_are_those_that_were_packed(guards: tuple[str, ...]) -> None:
    """No two keys give the same cells, and the first is the initial state."""
    cfg = config(**(BOUNDS | {"plans": 3, "enactors": 4}), guards=guards)
    rows = reachable_states(cfg, symmetry=True)
    assert len({row.tobytes() for row in rows}) == len(rows)
    first = np.zeros(rows.shape[1], np.int64)
    first[slot_cell(cfg)] = 1
    assert np.array_equal(rows[0], first)
