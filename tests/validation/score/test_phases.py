"""Sums by phase: what never happens counts, what is right without feedback is named, bounds are intervals."""

import io
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta

import pytest
from rich.console import Console

from twin.model.published import Outcome
from twin.model.scoring import Phase, Scoring
from twin.validation import score_text
from twin.validation.phases import WHOLE, phases_of
from twin.validation.score import Scorecard, score
from twin.validation.sums import also_right, kendall_order, timing_of

AT = datetime(2025, 1, 1, tzinfo=UTC)


def minutes(*triples: tuple[float, float, float | None]):
    return [tuple(None if m is None else AT + timedelta(minutes=m) for m in each) for each in triples]


def outcome(at_min: float, not_before_min: float | None = None) -> Outcome:
    bound = None if not_before_min is None else AT + timedelta(minutes=not_before_min)
    return Outcome(
        id="x", subject="a", signal="error_ratio", direction="rising", level=0.05,
        at=AT + timedelta(minutes=at_min), not_before=bound, source="PES",
    )  # fmt: skip


@dataclass
class Row:
    """What a phase needs to know of an outcome."""

    outcome: Outcome
    phase: Phase
    error_min: float | None
    baseline_error_min: float | None


def test_sums() -> None:
    found = timing_of([5, -10, 44, 45, None], never_min=200)
    assert found == {
        "count": 5, "exist": 4, "exist_share": 0.8, "within_10_min": 2, "within_44_min": 3,
        "within_10_min_share": 0.4, "within_44_min_share": 0.6,
        "mean_abs_error_min": (5 + 10 + 44 + 45 + 200) / 5, "mean_abs_error_if_it_happens_min": 26.0,
    }  # fmt: skip
    empty = timing_of([], never_min=200)
    assert empty["exist_share"] is empty["mean_abs_error_min"] is None


def test_no_outcome_becomes_better_by_not_happening() -> None:
    """Each of its errors, up to the length of the event, is charged less than never."""
    for error_min in (0, 100, -199):
        never, late = (timing_of([3, e], never_min=200) for e in (None, error_min))
        assert late["mean_abs_error_min"] < never["mean_abs_error_min"]


def test_what_is_right_on_both_sides_is_counted_once() -> None:
    ours, theirs = [1, 1, 30, None, 5], [-9, 11, 30, 1, None]
    assert also_right(ours, theirs) == {"within_10_min": 1, "within_44_min": 3}


def test_order() -> None:
    assert kendall_order(minutes((0, 0, 3), (1, 1, 4), (2, 2, 5), (3, 3, None))) == 1.0
    assert kendall_order(minutes((0, 0, 5), (1, 1, 4), (2, 2, 3))) == -1.0
    mixed = minutes((0, 0, 1), (1, 1, 3), (2, 2, 2), (3, 3, 4))
    assert kendall_order(mixed) == pytest.approx(4 / 6, abs=1e-4)
    assert kendall_order(minutes((0, 0, 1), (1, 1, None))) is None
    assert kendall_order(minutes((0, 0, 1), (0, 0, 2))) is None, "without an order there is nothing to keep"


def test_outcomes_whose_bounds_overlap_have_no_order() -> None:
    swapped = [(0, 10, 8), (5, 6, 5)]
    assert kendall_order(minutes(*swapped)) is None
    assert kendall_order(minutes(*swapped, (20, 20, 30))) == pytest.approx(2 / (2 * 3) ** 0.5, abs=1e-4)


@pytest.mark.parametrize(("at_min", "off_min"), [(50, -10), (60, 0), (75, 0), (90, 0), (95, 5)])
def test_between_two_bounds_nothing_is_wrong(at_min: float, off_min: float) -> None:
    moment = AT + timedelta(minutes=at_min)
    assert outcome(90, 60).off_s(moment) == off_min * 60
    assert outcome(90).off_s(moment) == (at_min - 90) * 60


def test_phases_come_in_order_and_are_summed_at_the_end() -> None:
    early, late = Phase(id="early", through="x"), Phase(id="late")
    rows = [Row(outcome(9), late, None, 3.0), Row(outcome(1), early, 4.0, None)]
    assert [p.phase for p in phases_of(rows, 100.0)] == [early, late, WHOLE]
    assert [p.twin["mean_abs_error_min"] for p in phases_of(rows, 100.0)] == [4.0, 100.0, 52.0]
    assert [p.baseline["mean_abs_error_min"] for p in phases_of(rows, 100.0)] == [100.0, 3.0, 51.5]
    assert [p.phase for p in phases_of(rows[:1], 100.0)] == [late], "one phase is all"


def test_each_outcome_is_in_the_phase_in_which_it_was_published(scenario, run) -> None:
    card = score(scenario, run)
    assert {row.outcome.id: row.phase.id for row in card.rows} == {
        "store-fails": "outage", "front-fails": "outage", "page-fails": "outage", "page-back": "outage",
        "users-late": "after", "page-again": "after",
    }  # fmt: skip
    assert [(p.title, p.twin["count"]) for p in card.phases] == [("the outage", 2), ("after", 2), ("all", 4)]
    assert card.never_min == 61.0, "from the outage to the last outcome within the run"


def test_a_scenario_that_declares_no_phases_has_one(scenario, run) -> None:
    card = score(scenario.model_copy(update={"scoring": Scoring()}), run)
    assert [p.title for p in card.phases] == ["all"]


def test_the_head_says_what_never_counts_as(scenario, run) -> None:
    card: Scorecard = score(scenario, run)
    out = io.StringIO()
    score_text.render_head(card, Console(file=out, width=120))
    assert "the outage" in out.getvalue() and "counts as 61 min off" in " ".join(out.getvalue().split())
