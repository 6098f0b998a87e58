"""What shares of worlds say, and when a conclusion is robust."""

from dataclasses import replace

import pytest

from twin.experiments.arms import BASELINE
from twin.experiments.realizations import Realization
from twin.experiments.whatif import Share, WhatIfAnswer, WhatIfQuestion

from .test_files import QUESTIONS


@pytest.mark.parametrize(
    ("held", "worlds", "says"),
    [(1, 1, True), (0, 1, False), (3, 3, None), (60, 64, True), (4, 64, False), (33, 64, None), (0, 0, None)],
)
def test_what_a_share_says(held: int, worlds: int, says: bool | None) -> None:
    assert Share(held, worlds).says is says


def test_wilson() -> None:
    """For 96 of 100: 90.2 % to 98.4 %, as in any table."""
    low, high = Share(96, 100).interval
    assert (low, high) == pytest.approx((0.9016, 0.9843), abs=1e-3)


def answer(lost: dict[str, float]) -> WhatIfAnswer:
    """What-if 5 in several variants of the model, of which each loses so much with the change."""
    question = WhatIfQuestion(QUESTIONS[4].what_if, QUESTIONS[4].base)
    worlds = {Realization(variant=variant): loss for variant, loss in lost.items()}
    emptied = "dynamodb-dns.endpoint_emptied"
    before: dict = {w: {emptied: 6510.0, "service_minutes_lost": 100.0} for w in worlds}
    after: dict = {w: {emptied: None, "service_minutes_lost": loss} for w, loss in worlds.items()}
    return WhatIfAnswer(question, {BASELINE: before, "": after})


def test_robust_is_where_all_variants_say_the_same() -> None:
    assert answer({"": 0.0, "fifo": 1.0, "slower": 2.0}).robust is True
    assert answer({"": 0.0, "fifo": 50.0, "slower": 2.0}).robust is False
    assert answer({"": 50.0, "fifo": 50.0, "slower": 60.0}).robust is True, "robustly not so"
    assert answer({"": 0.0}).robust is None
    assert answer({"": 50.0, "fifo": 0.0}).agrees is False, "the shipped model decides"


def test_what_changes_in_a_variant_hangs_on_what_the_variant_is_about() -> None:
    about = {"fifo": "the order of work", "slower": "the speed of a host"}
    same = replace(answer({"": 0.0, "fifo": 1.0, "slower": 2.0}), about=about)
    assert same.hangs_on == {} and same.agreeing == ("", "fifo", "slower")
    one = replace(answer({"": 0.0, "fifo": 50.0, "slower": 2.0}), about=about)
    assert one.hangs_on == {"the order of work": "in fifo: disagrees"} and one.agreeing == ("", "slower")
    sign = replace(answer({"": 50.0, "fifo": 150.0, "slower": 50.0}), about=about)
    words = "in fifo: the change harms"
    assert sign.hangs_on == {"the order of work": words}, "its sign, though neither meets the expectation"
    none = replace(answer({"": 50.0, "fifo": 100.0, "slower": 50.0}), about=about)
    assert none.hangs_on == {"the order of work": "in fifo: the change makes no difference"}
