"""Faults that come again: every so often, by chance, and in stairs."""

import math
from datetime import UTC, datetime
from itertools import pairwise
from typing import Any

import pytest

from twin.mechanisms.arrays import INPUT_CODE, INPUT_ENDED
from twin.model.repeats import Chance
from twin.model.scenario import Intervention, Scenario, Service, Topology
from twin.simulation.schedule import Change, Schedule

RATIO = "store.fault_ratio"
HOUR_S, DAY_S = 3600.0, 86400.0


def plan(replicate: int = 0, seed: int = 5, **how: Any) -> list[Change]:
    """All changes that one fault makes."""
    fault = Intervention(id="flap", kind="fault", assumed="a test", **{"set": {RATIO: 1.0}, **how})
    services = {"store": Service(name="store", kind="relay")}
    scenario = Scenario(
        name="small", topology=Topology(name="small", services=services), duration_s=HOUR_S,
        start=datetime(2030, 1, 1, tzinfo=UTC), faults=(fault,),
    )  # fmt: skip
    schedule = Schedule(scenario, {RATIO: 0.25}, seed, replicate)
    changes: list[Change] = []
    while (tick := schedule.next_tick()) is not None and len(changes) < 5000:
        changes += schedule.due(tick)
    return changes


def begins(changes: list[Change]) -> list[int]:
    return [c.tick for c in changes if c.code == INPUT_CODE]


def ends(changes: list[Change]) -> list[int]:
    return [c.tick for c in changes if c.code == INPUT_ENDED]


def test_every_ten_minutes_six_times() -> None:
    changes = plan(at_s=600.0, for_s=30.0, every_s=600.0, times=6)
    assert begins(changes) == [600, 1200, 1800, 2400, 3000, 3600]
    assert ends(changes) == [tick + 30 for tick in begins(changes)]
    assert {c.values[RATIO] for c in changes if c.code == INPUT_ENDED} == {0.25}, (
        "what was there before is back"
    )
    assert len({c.event_id for c in changes}) == 12


def test_random_begins_are_those_of_a_poisson_process_while_it_is_off() -> None:
    """Gaps between an end and the next begin are exponential: mean and standard deviation 1 / rate."""
    rate_per_s = 2.0 / HOUR_S
    changes = plan(at_s=100.0, until_s=400 * DAY_S, random=Chance(rate_per_s=rate_per_s, for_s=60.0))
    pairs = list(zip(begins(changes), ends(changes), strict=False))[:2000]
    assert all(end == begin + 60 for begin, end in pairs)
    gaps = [later[0] - earlier[1] for earlier, later in pairwise(pairs)]
    count = len(gaps)
    mean = sum(gaps) / count
    spread = math.sqrt(sum((gap - mean) ** 2 for gap in gaps) / count)
    assert abs(mean * rate_per_s - 1.0) < 4.0 / math.sqrt(count)
    assert abs(spread / mean - 1.0) < 0.1
    assert sum(gap > 1.0 / rate_per_s for gap in gaps) / count == pytest.approx(math.exp(-1.0), abs=0.05)


def test_random_begins_stay_in_their_window() -> None:
    window = {"at_s": 1000.0, "until_s": 2000.0}
    ticks = begins(plan(**window, random=Chance(rate_per_s=0.05, for_s=5.0)))
    assert ticks and min(ticks) >= 1000 and max(ticks) < 2000


def test_random_begins_depend_on_seed_and_replicate_only() -> None:
    how = {"at_s": 0.0, "until_s": 20 * HOUR_S, "random": Chance(rate_per_s=2.0 / HOUR_S, for_s=60.0)}
    first = begins(plan(**how))
    assert first == begins(plan(**how, title="another title"))
    assert first != begins(plan(**how, replicate=1)) and first != begins(plan(**how, seed=6))


def test_stairs_reach_the_value_in_equal_steps() -> None:
    changes = plan(at_s=600.0, over_s=400.0, stairs=4, set={RATIO: 0.65})
    assert [(c.tick, round(c.values[RATIO], 9)) for c in changes] == [
        (600, 0.25), (700, 0.35), (800, 0.45), (900, 0.55), (1000, 0.65)]  # fmt: skip


def test_without_stairs_a_ramp_has_a_step_each_signal_period() -> None:
    changes = plan(at_s=600.0, over_s=100.0)
    assert [c.tick for c in changes] == [600 + 10 * k for k in range(11)]


def test_a_ramp_may_come_again() -> None:
    changes = plan(at_s=0.0, for_s=50.0, over_s=20.0, stairs=2, every_s=100.0, times=2)
    assert [(c.tick, c.values[RATIO]) for c in changes] == [
        (0, 0.25), (10, 0.625), (20, 1.0), (50, 0.25), (100, 0.25), (110, 0.625), (120, 1.0), (150, 0.25)
    ]  # fmt: skip


@pytest.mark.parametrize(
    ("how", "said"),
    [
        ({"every_s": 10.0, "for_s": 5.0}, "every: and times: together"),
        ({"times": 3}, "every: and times: together"),
        ({"every_s": 10.0, "times": 3}, "for:, shorter than every:"),
        ({"every_s": 10.0, "times": 3, "for_s": 10.0}, "for:, shorter than every:"),
        ({"every_s": 10.0, "times": 3, "for_s": 5.0, "over_s": 6.0}, "over:, no longer than for:"),
        ({"random": Chance(rate_per_s=1.0, for_s=1.0), "for_s": 5.0}, "no for: and no over: with random:"),
        ({"random": Chance(rate_per_s=1.0, for_s=1.0), "every_s": 9.0, "times": 2}, "one of every, random"),
        ({"stairs": 3}, "over: with stairs:"),
    ],
)
def test_keys_that_do_not_go_together(how: dict[str, Any], said: str) -> None:
    with pytest.raises(ValueError, match=said):
        plan(at_s=600.0, **how)
