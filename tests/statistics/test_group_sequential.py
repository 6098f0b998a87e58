"""Many tests and interim looks: Holm's example, the spending of the error, and how often a sham is found."""

import numpy as np
import pytest

from twin.statistics import (
    InterimLook,
    LookVerdict,
    holm,
    interim_looks,
    least_worlds,
    paired,
    significant,
    verdicts,
)
from twin.statistics.group_sequential import unclear

from .rates import share_of


def test_holm_by_hand():
    assert holm([0.01, 0.04, 0.03, 0.005]) == pytest.approx([0.03, 0.06, 0.06, 0.02])
    assert holm([]).tolist() == []
    assert holm([0.9, 0.8]).tolist() == [1.0, 1.0]


@pytest.mark.parametrize("p", [-0.1, 1.1, np.nan])
def test_what_is_no_probability_is_refused(p: float):
    with pytest.raises(ValueError):
        holm([0.5, p])


def test_twenty_shams_are_one_family():
    def any_reported(seed: int, *, adjusted: bool) -> bool:
        rng = np.random.default_rng(seed)
        ps = {k: paired(rng.normal(0, 1, 12), np.zeros(12)).p for k in range(20)}
        return any(significant(ps).values()) if adjusted else min(ps.values()) <= 0.05

    assert share_of(lambda seed: any_reported(seed, adjusted=True)) <= 0.10
    assert share_of(lambda seed: any_reported(seed, adjusted=False)) > 0.10


def test_too_few_worlds_can_tell_nothing_apart():
    n = least_worlds(192)
    for worlds, told in ((n - 1, False), (n, True)):
        p = paired(np.arange(1.0, worlds + 1), np.zeros(worlds)).p
        assert significant({0: p} | dict.fromkeys(range(1, 192), 1.0))[0] == told
    assert least_worlds(1) == 6  # 2^-5 < 5 %


# --- interim looks -----------------------------------------------------------------


@pytest.mark.parametrize(("worlds", "at"), [(1, [1]), (20, [20]), (29, [29]), (64, [20, 40, 64]),
                                            (100, [20, 40, 60, 80, 100])])  # fmt: skip
def test_when_to_look(worlds: int, at: list[int]):
    assert [look.worlds for look in interim_looks(worlds)] == at
    assert [look.last for look in interim_looks(worlds)] == [False] * (len(at) - 1) + [True]


@pytest.mark.parametrize("worlds", [20, 64, 256, 2000])
def test_the_errors_of_all_looks_add_up(worlds: int):
    plan = interim_looks(worlds)
    assert sum(look.error for look in plan) == pytest.approx(0.05)
    assert plan[-1].error >= 0.04 - 1e-12
    assert len(plan) == 1 or max(look.error for look in plan[:-1]) <= 0.001


@pytest.mark.parametrize("worlds", [0, -5])
def test_no_world_is_no_study(worlds: int):
    with pytest.raises(ValueError):
        interim_looks(worlds)


def look_through(plan, differences: dict[str, np.ndarray], worth: float = 0.0) -> tuple[dict, dict]:
    """(verdict of each test, worlds at which it was given)."""
    given: dict = {}
    at: dict = {}
    for look in plan:
        found = {k: paired(d[: look.worlds], np.zeros(look.worlds)) for k, d in differences.items()}
        now = verdicts(look, found | {k: found[k] for k in given}, dict.fromkeys(found, worth), given)
        at |= {k: look.worlds for k, v in now.items() if v and k not in given}
        given = {k: v for k, v in now.items() if v}
    return given, at


def test_the_clear_is_clear_early_and_the_rest_waits():
    rng = np.random.default_rng(1)
    tests = {"large": rng.normal(5, 1, 64), "small": rng.normal(0.6, 1, 64), "none": rng.normal(0, 1, 64),
             "tiny": rng.normal(0, 0.05, 64), "idle": np.zeros(64)}  # fmt: skip
    given, at = look_through(interim_looks(64), tests, worth=0.1)
    assert given == {"large": "significant", "small": "significant", "none": "not significant",
                     "tiny": "no difference worth having", "idle": "no difference at all"}  # fmt: skip
    assert at == {"large": 20, "small": 64, "none": 64, "tiny": 40, "idle": 40}


def test_a_verdict_stands():
    alike = paired([1.0] * 40, [1.0] * 40)
    look = InterimLook(40, 0.001, False)
    given = verdicts(look, {"a": alike, "b": alike}, {"a": 0.0, "b": 0.0}, {"a": LookVerdict.CLEAR})
    assert given == {"a": LookVerdict.CLEAR, "b": LookVerdict.IDENTICAL}


def test_a_look_takes_as_many_worlds_as_it_says():
    with pytest.raises(ValueError, match="after 40 worlds"):
        verdicts(InterimLook(40, 0.001, False), {"a": paired([1.0, 2.0], [1.0, 2.0])}, {"a": 0.0})


def test_looking_often_finds_no_more_shams():
    """One sham, eight looks. Testing at 5 % each time finds a difference in every few studies."""
    honest = interim_looks(160)
    naive = tuple(InterimLook(look.worlds, 0.05, look.last) for look in honest)

    def any_clear(plan, seed: int) -> bool:
        rng = np.random.default_rng(seed)
        given, _ = look_through(plan, {"sham": rng.normal(0, 1, 160)})
        return LookVerdict.CLEAR in given.values()

    assert share_of(lambda seed: any_clear(honest, seed)) <= 0.10
    assert share_of(lambda seed: any_clear(naive, seed)) > 0.10


def test_what_is_just_worth_having_is_hardly_ever_called_too_small():
    """Its probability is half of 1 %; of 2000, four standard errors above it is 1.1 %. An interval of 95 %
    would do so in 2.5 %."""
    rng = np.random.default_rng(5)
    found = [paired(rng.normal(1.0, 0.3, 40), np.zeros(40)) for _ in range(2000)]
    small = np.mean([unclear(InterimLook(40, 0.05, True), d, 1.0) == LookVerdict.TOO_SMALL for d in found])
    assert 0 < small <= 0.011 < np.mean([abs(d.mean) + d.half_width < 1.0 for d in found])
