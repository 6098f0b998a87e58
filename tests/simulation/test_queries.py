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
    answers(runs[0])
    before = list(queries._idle)
    assert len(before) == 2
    assert [answers(run) for run in (*runs, *runs)] == alone * 2
    assert {id(c) for _, c in queries._idle} == {id(c) for _, c in before}


def test_runs_of_the_same_services_share_a_connection(runs: list[twin.Run]):
    shorter = twin.run(twin.load(TINY, until="+9m"))
    queries._idle.clear()
    assert answers(runs[0])["totals"] != answers(shorter)["totals"]
    assert len(queries._idle) == 1


def test_names_are_compared_as_texts_are(runs: list[twin.Run]):
    name = min(runs[0].services)
    with runs[0].tables() as tables:
        for text, count in ((name, 1), ("no such service", 0)):
            assert len(tables.rows("from services where service = $name", name=text)) == count
            assert len(tables.rows(f"from services where service = '{text}'")) == count
        assert tables.rows("select min(service) as first from services") == [{"first": name}]
        kinds = {r["column_name"]: r["column_type"] for r in tables.rows("describe impairment")}
    assert (kinds["service"], kinds["state"]) == ("ENUM", "ENUM")


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
