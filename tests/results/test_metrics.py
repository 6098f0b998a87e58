"""How two runs are compared: numbers by shares, moments by times, and what never comes."""

import math

import pytest

from twin.base.units import Refused
from twin.model.changes import ExpectedEffect
from twin.results.metrics import holds

RECOVERIES = {"back", "last_recovery"}
NUMBER, ONSET, END = "service_minutes_lost", "gone", "back"


def comparison(measure: str, verdict: str, by=None, within=None) -> ExpectedEffect:
    return ExpectedEffect.model_validate({"metric": measure, "is": verdict, "by": by, "within": within})


@pytest.mark.parametrize(
    ("measure", "verdict", "by", "mine", "other", "held"),
    [
        (NUMBER, "lower", None, 9.0, 10.0, True),
        (NUMBER, "lower", None, 10.0, 10.0, False),
        (NUMBER, "lower", 0.5, 5.0, 10.0, True),
        (NUMBER, "lower", 0.5, 5.1, 10.0, False),
        (NUMBER, "lower", None, 0.0, 0.0, False),
        (NUMBER, "higher", 0.1, 11.0, 10.0, True),
        (NUMBER, "higher", 0.2, 11.0, 10.0, False),
        ("a.lost_min", "lower", 0.5, 5.0, 10.0, True),
        (ONSET, "earlier", 60.0, 100.0, 160.0, True),
        (ONSET, "earlier", 61.0, 100.0, 160.0, False),
        (ONSET, "later", None, None, 160.0, True),  # what never begins is later
        (ONSET, "earlier", None, None, 160.0, False),
        (END, "earlier", 1e6, None, 160.0, True),  # nothing began: no end is earlier
        (END, "later", None, None, 160.0, False),
        (END, "later", 1e6, math.inf, 160.0, True),  # it does not end
        (END, "earlier", None, math.inf, math.inf, False),
        (END, "earlier", None, None, None, False),
        (ONSET, "never", None, None, 1.0, True),
        (ONSET, "never", None, math.inf, 1.0, False),
        (ONSET, "sometime", None, 5.0, None, True),
    ],
)
def test_comparisons(measure, verdict, by, mine, other, held) -> None:
    c = comparison(measure, verdict, by)
    assert holds(c, {measure: mine}, {measure: other}, RECOVERIES) is held


@pytest.mark.parametrize(
    ("measure", "within", "mine", "other", "held"),
    [
        (NUMBER, 0.1, 91.0, 100.0, True),
        (NUMBER, 0.1, 89.0, 100.0, False),
        (NUMBER, 0.1, 0.0, 0.0, True),
        (ONSET, 60.0, 100.0, 160.0, True),
        (ONSET, 59.0, 100.0, 160.0, False),
        (ONSET, 59.0, None, 160.0, False),
        (ONSET, 59.0, None, None, True),
        (END, 59.0, math.inf, math.inf, True),
        (END, 59.0, math.inf, 7.0, False),
    ],
)
def test_the_same(measure, within, mine, other, held) -> None:
    c = comparison(measure, "same", within=within)
    assert holds(c, {measure: mine}, {measure: other}, RECOVERIES) is held


@pytest.mark.parametrize(
    ("verdict", "by", "within"), [("same", None, None), ("lower", None, 1.0), ("never", 1.0, None)]
)
def test_margins_that_make_no_sense(verdict, by, within) -> None:
    with pytest.raises((Refused, ValueError)):
        comparison(NUMBER, verdict, by, within)
