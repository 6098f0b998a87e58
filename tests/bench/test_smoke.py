"""The bench itself works: rows run once, on something small, and no figure is judged."""

import pytest

from tests.bench import page
from tests.bench.__main__ import run
from tests.bench.measure import Bench, Target, WrongAnswer, expect
from tests.bench.rows import ROWS, storm

ON_THIS_MACHINE = {
    "blast",
    "chains",
    "incident",
    "race",
    "storm",
    "systems",
}  # without pools and long set-ups


@pytest.mark.parametrize("row", sorted(ON_THIS_MACHINE))
def test_a_row_runs(row: str) -> None:
    bench = Bench(repeats=1, slow=1, is_small=True, has_peers=False)
    assert run(bench, (row,)) == []
    assert bench.figures and all(figure.value is not None for figure in bench.figures)
    assert {figure.row for figure in bench.figures} == {row}
    assert len(page.lines(bench.figures)) == len(bench.figures)


def test_a_wrong_answer_fails() -> None:
    good = [700.0] * 300
    with pytest.raises(WrongAnswer, match="none: 700"):
        storm.check("none", good, "twin")
    with pytest.raises(WrongAnswer, match="back at 71 s"):
        storm.check("budget", good, "twin")
    with pytest.raises(WrongAnswer):
        expect(False, "this is wrong")


def test_the_right_answers_pass() -> None:
    storm.check("none", [700.0] * 60 + [0.0] * 240, "twin")
    storm.check("budget", [700.0] * 60 + [0.0] * 65 + [700.0] * 175, "twin")


def test_what_depends_on_the_machine_is_scaled() -> None:
    bench = Bench(factor=2.0)
    assert bench.add("w", "time", 3.0, "s", Target(most=2.0)).is_missed is False
    assert bench.add("w", "time", 5.0, "s", Target(most=2.0)).is_missed
    assert bench.add("w", "rate", 60.0, "faults/s", Target(least=100.0)).is_missed is False
    assert bench.add("w", "ratio", 0.9, "×", Target(least=1.0)).is_missed
    assert bench.add("w", "absent", None, "s", Target(most=1.0), "no compiler").is_missed is False


def test_the_documents_are_those_of_the_stored_figures() -> None:
    found = page.stored()
    assert page.PAGE.read_text(encoding="utf-8") == page.page(found)
    readme = page.README.read_text(encoding="utf-8")
    assert readme == page.quoting(readme, found)
    assert {figure["row"] for figure in found["figures"]} <= set(ROWS)
