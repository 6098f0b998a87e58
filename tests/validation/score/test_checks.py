"""Plateaus, exclusions that could not be broken, trouble before any input, and what a miss may hang on."""

import io
from pathlib import Path

import numpy as np
import pytest
from rich.console import Console

import twin
from twin.model.published import Exclusion, Plateau
from twin.results.outcomes import could_happen, mean_level
from twin.simulation.run import simulate
from twin.spec.inputs import UncertainInput
from twin.validation import score_text
from twin.validation.score import score
from twin.validation.upstream import open_numbers, upstream_of

from . import conftest as store
from .test_outcomes import START, signal

CALLEES = {"page": ["front", "names"], "front": ["store"], "store": ["page", "disk"], "users": ["page"]}
MUST_NOT = """\
id,subject,signal,direction,level,from,to,would_come_from,source
store-stays-down,store,error_ratio,falling,0.05,2025-01-01T00:12:00+00:00,2025-01-01T00:25:00+00:00,store,PES
names-hurt-page,page,error_ratio,rising,0.05,2025-01-01T00:35:00+00:00,2025-01-01T00:50:00+00:00,names,PES
page-heals,page,error_ratio,falling,0.05,2025-01-01T00:01:00+00:00,2025-01-01T00:05:00+00:00,store,PES
store-hurts-users,users,error_ratio,rising,0.05,2025-01-01T00:35:00+00:00,2025-01-01T00:50:00+00:00,store,PES
"""
PLATEAUS = """\
id,subject,what,signal,low,high,from,to,source,imposed
store-down,store,it is down,error_ratio,0.9,1,2025-01-01T00:12:00+00:00,2025-01-01T00:28:00+00:00,PES,true
page-half,page,half fails,error_ratio,0.2,0.6,2025-01-01T00:40:00+00:00,2025-01-01T00:50:00+00:00,PES,false
after-the-end,page,too late,error_ratio,0.2,0.6,2025-01-01T02:45:00+00:00,2025-01-01T02:55:00+00:00,PES,false
"""


def load(folder: Path, scenario: str = store.SCENARIO):
    files = {"s.yaml": scenario, "topology.yaml": store.TOPOLOGY, "store.csv": store.PUBLISHED}
    files |= {"store-must-not.csv": MUST_NOT, "store-plateaus.csv": PLATEAUS}
    for name, text in files.items():
        (folder / name).write_text(text)
    return twin.load(folder / "s.yaml")


@pytest.fixture(scope="module")
def card(tmp_path_factory: pytest.TempPathFactory):
    scenario = load(tmp_path_factory.mktemp("checks"))
    return score(scenario, simulate(scenario))


def ban(direction: str, begin_min: float, end_min: float) -> Exclusion:
    return Exclusion(
        id="b", subject="a", signal="error_ratio", direction=direction, level=0.05, source="PES",
        begin=at(begin_min), end=at(end_min),
    )  # fmt: skip


def at(minute: float):
    return START.replace(hour=int(minute) // 60, minute=int(minute) % 60)


@pytest.mark.parametrize(
    ("direction", "span", "could"),
    [("falling", (40, 50), False), ("falling", (40, 70), True), ("rising", (70, 80), False),
     ("rising", (50, 80), True), ("rising", (40, 50), True)],
)  # fmt: skip
def test_what_is_not_in_trouble_cannot_recover_and_the_other_way(direction, span, could) -> None:
    series = signal((60, 120))
    assert could_happen(series, ban(direction, *span), START) is could


def test_a_level_is_a_mean_over_its_time() -> None:
    series = signal((60, 75), loud=0.8)
    plateau = Plateau(
        id="p", subject="a", signal="error_ratio", low=0, high=1, source="PES", begin=at(60), end=at(90)
    )
    assert mean_level(series, plateau, START) == pytest.approx(0.4)
    late = plateau.model_copy(update={"begin": at(300), "end": at(310)})
    assert np.isnan(mean_level(series, late, START))


def test_plateaus_are_scored(card) -> None:
    rows = {row.plateau.id: row for row in card.plateaus}
    assert set(rows) == {"store-down", "page-half"}, "those within the run"
    assert rows["store-down"].holds and rows["store-down"].simulated > 0.9
    assert not rows["page-half"].holds and rows["page-half"].simulated < 0.2
    assert [row.phase.id for row in card.plateaus] == ["outage", "after"]


def test_what_could_not_happen_says_why(card) -> None:
    assert card.broken == ()
    assert card.idle == {
        "names-hurt-page": "nothing leads from names to page",
        "page-heals": "page is out of trouble all the time",
    }
    out = io.StringIO()
    score_text.render(card, Console(file=out, width=140))
    assert "names-hurt-page could not happen: nothing leads from names to page" in out.getvalue()


def test_trouble_before_the_first_input_is_a_warning(card, tmp_path: Path) -> None:
    assert card.warnings == ()
    sick = store.SCENARIO.replace("faults:", "  page.fault_ratio: {value: 0.5, measured: here}\nfaults:")
    scenario = load(tmp_path, sick)
    found = score(scenario, simulate(scenario))
    assert "page is impaired at 00:00, before the first input" in found.warnings
    out = io.StringIO()
    score_text.render_head(found, Console(file=out, width=140))
    assert out.getvalue().startswith("Warning: ")


def test_upstream_is_all_that_something_depends_on_the_nearest_first() -> None:
    assert upstream_of("users", CALLEES) == ["users", "page", "front", "names", "store", "disk"]
    assert upstream_of("page", CALLEES) == ["page", "front", "names", "store", "disk"], "a circle ends"
    assert upstream_of("disk", CALLEES) == ["disk"]


def number(target: str, **more) -> UncertainInput:
    return UncertainInput(target, target.split(".")[0], 1.0, "ratio", range=(0.0, 2.0), **more)


def test_a_miss_may_hang_on_numbers_far_upstream() -> None:
    """One of each service in turn; also a fitted one; none that is sourced or that no file gives."""
    numbers = [
        number("users.a"), number("users.b"), number("disk.a"), number("front.a", fitted_to=("x",)),
        number("names.a", origin="source"), number("store.a", given=False),
    ]  # fmt: skip
    assert open_numbers("users", CALLEES, numbers) == ["users.a", "front.a", "disk.a", "users.b"]


def test_what_was_well_upstream_has_moved_nothing() -> None:
    numbers = [number("users.a"), number("disk.a"), number("front.a")]
    assert open_numbers("users", CALLEES, numbers, {"disk"}) == ["users.a", "disk.a"]
    assert open_numbers("users", CALLEES, numbers, {"users"}) == ["users.a", "front.a", "disk.a"]
