"""Interactions and shares: games whose values are known, and how often an interval holds."""

from itertools import combinations

import numpy as np
import pytest

from twin.statistics import Attribution, attribute, interaction, plan_attribution, shapley
from twin.statistics.attribution import Better

from .rates import share_of

Subset = frozenset[str]
AIRPORT = {"a": 1.0, "b": 2.0, "c": 3.0}  # who lands needs a runway of this length; a team needs the longest


def gloves(team: Subset) -> list[float]:
    """One left glove and two right ones; a pair is worth 1. Shares: 2/3, 1/6, 1/6."""
    return [float("left" in team and bool(team & {"right", "other right"}))]


def runway(team: Subset) -> list[float]:
    return [max((AIRPORT[p] for p in team), default=0.0)]


def means(found: Attribution) -> dict[str, float]:
    return {player: share.mean for player, share in found.shares.items()}


# --- shares ----------------------------------------------------------------


def test_glove_game():
    found = shapley(("left", "right", "other right"), gloves, budget=8, seed=1)
    assert found.exact and found.subsets == 8
    assert means(found) == pytest.approx({"left": 2 / 3, "right": 1 / 6, "other right": 1 / 6})


def test_airport_game():
    # Littlechild and Owen: each stretch is shared among those that need it
    assert means(shapley("abc", runway, 8, 1)) == pytest.approx({"a": 1 / 3, "b": 5 / 6, "c": 11 / 6})


def test_two_in_series_with_a_pair_in_parallel():
    """Importance of components: one that all need, two of which one is enough."""

    def up(team: Subset) -> list[float]:
        return [float("power" in team and bool(team & {"a", "b"}))]

    found = shapley(("power", "a", "b"), up, 8, 1)
    assert means(found) == pytest.approx({"power": 2 / 3, "a": 1 / 6, "b": 1 / 6})


def random_game(players: str, seed: int, worlds: int):
    """A value for each team that is no sum of parts, and worlds that differ in how much all weighs."""
    rng = np.random.default_rng(seed)
    weight = rng.normal(10, 4, len(players))
    pairs = {frozenset(c): rng.normal(0, 6) for c in combinations(players, 2)}
    scale = 1 + 0.2 * rng.normal(size=worlds)

    def mean(team: Subset) -> float:
        own = sum(w for w, p in zip(weight, players, strict=True) if p in team)
        return own + sum(v for pair, v in pairs.items() if pair <= team) + 5.0 * (len(team) >= 4)

    return lambda team: mean(team) * scale, lambda team: [mean(team)]


@pytest.mark.parametrize("budget", [40, 256])
def test_shares_add_up_to_the_whole(budget: int):
    value, _ = random_game("abcdefgh", 1, 5)
    found = shapley("abcdefgh", value, budget, seed=1)
    assert found.exact == (budget == 256) and found.subsets <= budget
    assert sum(means(found).values()) == pytest.approx(found.whole.mean, rel=1e-12)
    assert found.whole.mean == pytest.approx(np.mean(value(frozenset("abcdefgh")) - value(frozenset())))


def test_sampled_shares_come_to_the_exact_ones():
    value, _ = random_game("abcdefgh", 2, 3)
    exact, sampled = shapley("abcdefgh", value, 256, 1), shapley("abcdefgh", value, 250, 1)
    assert not sampled.exact
    for player, share in sampled.shares.items():
        assert share.mean == pytest.approx(exact.shares[player].mean, abs=2.5)


def test_intervals_hold_the_exact_share():
    """Of worlds and orders both: with few of each, in at least 90 of 100 studies. An interval that forgets
    the worlds (as if the games that were drawn were all games) does not."""

    def covered(seed: int, *, worlds_count: bool) -> bool:
        value, mean = random_game("abcdef", seed, 6)
        found = shapley("abcdef", value, 36, seed).shares["a"]
        truth = shapley("abcdef", mean, 64, seed).shares["a"].mean
        if not worlds_count:
            found = shapley("abcdef", lambda team: [float(np.mean(value(team)))] * 2, 36, seed).shares["a"]
        return found.low <= truth <= found.high

    assert share_of(lambda seed: covered(seed, worlds_count=True)) >= 0.90
    assert share_of(lambda seed: covered(seed, worlds_count=False)) < 0.90


def test_a_plan_values_each_team_once():
    plan = plan_attribution("abcdefgh", 60, seed=1)
    assert len(plan.subsets) == len(set(plan.subsets)) <= 60
    assert plan.subsets[:2] == (frozenset(), frozenset("abcdefgh"))
    assert all(there == back[::-1] for there, back in zip(plan.orders[::2], plan.orders[1::2], strict=True))
    assert plan == plan_attribution("abcdefgh", 60, seed=1) != plan_attribution("abcdefgh", 60, seed=2)


def test_a_larger_budget_keeps_what_was_done():
    less, more = (plan_attribution("abcdefgh", budget, seed=1) for budget in (60, 90))
    assert more.subsets[: len(less.subsets)] == less.subsets


def test_one_more_player_leaves_the_orders_of_the_others():
    few, many = (plan_attribution(players, 100, seed=1) for players in ("abcdefgh", "abcdefghi"))
    assert all(tuple(p for p in b if p != "i") == a for a, b in zip(few.orders, many.orders, strict=False))


@pytest.mark.parametrize(("players", "budget"), [("abcdefgh", 10), ("aa", 8), ("", 8)])
def test_what_cannot_be_planned_is_refused(players: str, budget: int):
    with pytest.raises(ValueError):
        plan_attribution(players, budget, seed=1)


def test_one_world_has_no_interval_of_worlds():
    found = attribute(plan := plan_attribution("abc", 8, 1), {s: runway(s) for s in plan.subsets})
    assert found.as_json()["shares"]["a"]["ci95"] is None


# --- interactions ----------------------------------------------------------


def test_a_pair_against_its_parts():
    base = np.linspace(500.0, 700.0, 12)
    a, b = base - 100, base - 50
    for together, words in ((base - 400, "more than its parts"), (base - 100, "less than its parts")):
        assert interaction(a, b, together, base, Better.LOWER).verdict() == words
    assert interaction(a, b, base - 400, base, Better.HIGHER).verdict() == "less than its parts"
    assert interaction(a, b, base - 400, base, Better.LOWER).contrast.mean == pytest.approx(-250)


def test_a_pair_that_is_exactly_its_parts():
    """0.1 + 0.2 is not 0.3 to the last bit; that is no interaction."""
    base = np.linspace(1 / 3, 7.0, 12)
    found = interaction(base - 0.1, base - 0.2, base - 0.3, base, Better.LOWER)
    assert found.contrast.identical and found.verdict() == "not significant"


def test_the_family_of_pairs_decides():
    base = np.zeros(12)
    found = interaction(base, base, np.arange(12.0), base, Better.HIGHER)
    assert found.verdict() == "more than its parts" and found.verdict(adjusted_p=0.2) == "not significant"


def test_a_sham_interaction_is_not_reported():
    def reported(seed: int, *, of_both: bool) -> bool:
        base, a, b, ab = np.random.default_rng(seed).normal(300, 50, (4, 20))
        contrast = interaction(a, b, ab, base, Better.LOWER)
        return contrast.verdict(None if of_both else contrast.contrast.p / 4) != "not significant"

    assert share_of(lambda seed: reported(seed, of_both=True)) <= 0.10
    assert share_of(lambda seed: reported(seed, of_both=False)) > 0.10
