"""A connection that has served one run serves the next, which must not notice."""

from pathlib import Path

import pytest

import twin
from twin.simulation import queries
from twin.simulation.queries import QueryError, questions

TINY = Path(__file__).parents[1] / "experiments" / "honesty" / "tiny.yaml"


@pytest.fixture(scope="module")
def runs() -> list[twin.Run]:
    """Two that differ in all that a view can see: services, inputs, ticks and samples."""
    tiny = twin.load(TINY)
    other = twin.load(TINY.parents[3] / "scenarios" / "examples" / "retry-storm.yaml", until="+20m")
    return [twin.run(tiny), twin.run(other)]


def answers(run: twin.Run) -> dict[str, list]:
    with run.tables() as tables:
        return {name: tables.rows(f"from {name}") for name in questions()}


def test_one_run_after_another_gets_its_own_answers(runs: list[twin.Run]):
    alone = []
    for run in runs:
        queries._idle.clear()
        alone.append(answers(run))
    assert alone[0]["totals"] != alone[1]["totals"]
    assert len(queries._idle) == 1
    before = queries._idle[0]
    assert [answers(run) for run in (*runs, *runs)] == alone * 2
    assert list(queries._idle) == [before]


def test_two_runs_at_once_do_not_share(runs: list[twin.Run]):
    with runs[0].tables() as mine, runs[1].tables() as other:
        assert mine.rows("from services") != other.rows("from services")


def test_what_failed_is_not_used_again(runs: list[twin.Run]):
    queries._idle.clear()
    with pytest.raises(QueryError), runs[0].tables() as tables:
        tables.ask("select no_such_column from events")
    assert not queries._idle


def test_a_used_connection_is_as_closed_as_a_new_one(runs: list[twin.Run]):
    answers(runs[0])
    with runs[0].tables() as tables:
        for query in ("drop view totals", "from read_csv('/etc/hostname')", "set threads = 2"):
            with pytest.raises(QueryError):
                tables.ask(query)
