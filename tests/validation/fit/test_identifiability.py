"""Two numbers of which only the ratio, or the product, can be known."""

import json

import pytest

from twin.model.scenario import Scenario
from twin.validation.fit import CannotFit
from twin.validation.identifiability import Ratio, profile

from .conftest import INLINE

SPEED_OVER_LOAD = "mover.capacity_per_s/feeds.rate_per_s"


def test_only_the_ratio_of_speed_and_load_is_identifiable(scenario: Scenario) -> None:
    found = profile(scenario, SPEED_OVER_LOAD, settings=INLINE)
    assert max(moved for _, moved, _ in found.together) < 0.5 < max(moved for _, moved, _ in found.apart)
    assert found.verdict == "only their ratio: each alone is unidentifiable"
    assert json.loads(json.dumps(found.as_json()))["apart"][0]["outcome"] == "mover-late"
    assert all(factor <= 1.0 for factor, _, _ in found.together), "a factor of two leaves a range"


def test_their_product_is_not_what_counts(scenario: Scenario) -> None:
    """The red version: with the wrong combination kept, the outcomes move."""
    found = profile(scenario, SPEED_OVER_LOAD.replace("/", "*"), settings=INLINE)
    assert found.verdict.startswith("more than their product")


def test_numbers_that_nothing_depends_on() -> None:
    nothing = Ratio(None, None, "/", ((2.0, 0.0, "a"),), ((2.0, 0.1, "a"),))  # type: ignore[arg-type]
    assert nothing.verdict.startswith("neither")


@pytest.mark.parametrize(
    ("pair", "message"),
    [
        ("mover.capacity_per_s", "found 'mover.capacity_per_s', expected two numbers: A/B or A*B"),
        ("mover.capacity/feeds.rate_per_s", "did you mean mover.capacity_ratio?"),
        ("feeds.rate_per_s/feeds.rate_per_s", "the same number twice"),
        ("outage/feeds.rate_per_s", "outage: found no such number"),
        ("mover.capacity_ratio/feeds.rate_per_s", "ranges without room"),
    ],
)
def test_pairs_that_make_no_sense(scenario: Scenario, pair: str, message: str) -> None:
    with pytest.raises(CannotFit, match=message.replace("*", r"\*").replace("?", r"\?")):
        profile(scenario, pair, settings=INLINE)
