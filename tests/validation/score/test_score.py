"""Classes, sums and the forms in which a score is given."""

import io
import json
from dataclasses import replace
from datetime import datetime, timedelta

import numpy as np
import pytest
from rich.console import Console

from twin.validation import score_text
from twin.validation.ensemble import Ensemble
from twin.validation.score import Scorecard, class_of, score


@pytest.fixture(scope="module")
def card(scenario, run) -> Scorecard:
    return score(scenario, run)


def test_classes(card) -> None:
    assert {row.outcome.id: row.outcome_class for row in card.rows} == {
        "store-fails": "imposed", "front-fails": "fitted", "page-fails": "predicted",
        "page-back": "predicted", "users-late": "predicted", "page-again": "predicted",
    }  # fmt: skip
    assert card.beyond == ("beyond",)


def test_an_imposed_outcome_is_neither_fitted_nor_predicted(scenario) -> None:
    imposed = scenario.published.outcomes[0]
    assert class_of(imposed, {imposed.id}) == "imposed"


def test_the_json_is_as_documented(card, run) -> None:
    document = json.loads(json.dumps(card.as_json(), allow_nan=False))
    about = ["run_id", "digest", "runner", "engine_seconds"]
    assert list(document) == [
        *about, "outcomes", "warnings", "phases", "never_counts_as_min", "distribution", "plateaus", "counts",
        "summary", "baseline",
    ]  # fmt: skip
    assert [document[key] for key in about] == [run.manifest[key] for key in about]
    keys = ["id", "subject", "published", "simulated", "error_min", "class", "baseline_error_min", "phase"]
    assert all(list(row) == keys for row in document["outcomes"])
    again = next(row for row in document["outcomes"] if row["id"] == "page-again")
    assert again["simulated"] is again["error_min"] is again["baseline_error_min"] is None


def test_times_carry_the_published_zone(card) -> None:
    row = next(row for row in card.as_json()["outcomes"] if row["id"] == "page-fails")
    assert row["published"] == "2025-01-01T02:11:00+02:00"
    simulated = datetime.fromisoformat(row["simulated"])
    assert simulated.utcoffset() == timedelta(hours=2)
    error_min = (simulated - datetime.fromisoformat(row["published"])).total_seconds() / 60
    assert row["error_min"] == pytest.approx(error_min, abs=0.01)


def test_summary_and_baseline_have_the_same_form(card) -> None:
    summary, baseline = card.summary(), card.baseline_summary()
    assert set(baseline) < set(summary)
    assert summary["predicted"]["count"] == baseline["predicted"]["count"] == 4
    assert summary["imposed"]["exist_share"] == 1.0
    assert summary["must_not"] == {"count": 2, "broken": ["page-stays-well"]}
    assert summary["fitted_numbers"] == [
        {"number": "front->store.lifetime_s", "value": 120.0, "unit": "s", "fitted_to": ["front-fails"]}
    ]


def test_misses_come_first_and_the_worst_of_them(card) -> None:
    errors = [row.error_min for row in card.misses]
    assert errors[0] is None and all(e is not None and abs(e) > 10 for e in errors[1:])
    assert all(row.outcome_class == "predicted" for row in card.misses)
    out = io.StringIO()
    score_text.render(card, Console(file=out, width=140))
    text = out.getvalue()
    places = [text.index(word) for word in ("Missed", "page-again", "Published outcomes", "Sums")]
    assert places == sorted(places)
    assert "front->store.lifetime_s = 2m, to front-fails" in text
    assert "not scored: beyond" in text
    assert "may depend on " in text and "hangs on" not in text


def test_a_miss_names_what_it_hangs_on(card) -> None:
    users = next(row for row in card.rows if row.outcome.id == "users-late")
    assert card.hangs_on(users)[0] == "users.rate_per_s"
    assert "front->store.lifetime_s" in card.hangs_on(users), "two calls away"


def test_a_scenario_without_timeline_has_no_score(scenario, run) -> None:
    with pytest.raises(ValueError, match="names no published timeline"):
        score(scenario.model_copy(update={"published": None}), run)


def test_wide_bands_come_after_the_misses_and_name_a_number(card) -> None:
    """Each with what would narrow it most: the number that moves it here."""
    number = next(n for n in card.numbers if n.target == "users.rate_per_s")
    places = np.linspace(0.0, 1.0, 30)[:, None]
    times = {"page-fails": 20.0 + 200.0 * places[:, 0], "page-back": np.full(30, 31.0)}
    published = {"page-fails": (11.0, 1.0), "page-back": (31.0, 1.0)}
    wide = replace(card, ensemble=Ensemble((number,), places, times, published, 0, end_min=240.0))
    out = io.StringIO()
    score_text.render(wide, Console(file=out, width=160))
    text = out.getvalue()
    assert "Wide: 1 bands of more than 60 min" in text
    assert "page-fails: 186 min; users.rate_per_s, known to a third of its range, would leave" in text
    assert text.index("Missed") < text.index("Wide") < text.index("Published outcomes")
