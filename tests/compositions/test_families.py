"""Each family at the tolerances of the event simulation. A replicate is a run with noise of its own."""

import pytest

from twin.simulation.run import FinishedRun, simulate

from .agreement import PAGE, RESULTS, examine, load_text, page, results_of, texts
from .instance import read_instance, shipped

MIXED = {
    "C11-a": "in one run of thirty the pool is exhausted for a while",
    "C14-a": "in one run of ten the queue outlives the second scale-out, and a third follows",
    "C20-a": "half of the runs serve nobody during the fault",
}
"""Instance → why a mean over some runs differs from that over others: three standard errors are allowed."""


@pytest.mark.parametrize("name", shipped())
def test_the_twin_agrees_with_an_event_simulation(name: str) -> None:
    verdicts = examine(read_instance(shipped()[name]))
    outside = [v for v in verdicts if not (v.is_within or (name in MIXED and v.may_be_chance))]
    assert not outside, "\n".join(map(str, outside))


def test_the_page_is_that_of_the_stored_results() -> None:
    assert page(results_of(RESULTS)) == PAGE.read_text(encoding="utf-8"), "run `make agreement`"


@pytest.mark.parametrize("name", ["C04-a", "C06-a", "C11-a", "C19-a", "C20-a"])
def test_the_tick_does_not_show(name: str) -> None:
    """A fifth of the tick: the same requests, with the same outcomes at the same moments."""
    (text,) = texts(read_instance(shipped()[name])).values()
    coarse, fine = (run_of(words).requests for words in (text, text.replace("tick: 1s", "tick: 200ms")))
    assert coarse.num_rows > 1000
    assert fine.equals(coarse)


def run_of(text: str) -> FinishedRun:
    return simulate(load_text(text), digest=False)
