"""What a study computes from arrays is what the views say of the same run."""

import math

import pytest

import twin
from twin.api.run import Run
from twin.experiments.questions import METRICS, SCREENING, answer_of
from twin.model.signals import SIGNALS
from twin.results.of_run import RunArrays, first_events, metrics_in

EXAMPLES = "scenarios/examples"


def storm() -> Run:
    return twin.run(twin.load(f"{EXAMPLES}/retry-storm.yaml"))


def replay() -> Run:
    return twin.run(twin.load("scenarios/us-east-1-2025-10-20.yaml", until="+4h"))


def shop() -> Run:
    """Call by call, a fault that has an end and one that has none."""
    return twin.run(twin.load(f"{EXAMPLES}/slow-dependency.yaml"))


def calm() -> Run:
    return twin.run(twin.load(f"{EXAMPLES}/retry-storm.yaml", drop=["slow"], until="+10m"))


def short() -> Run:
    """It ends before the first sample."""
    return twin.run(twin.load(f"{EXAMPLES}/retry-storm.yaml", until="+5s"))


@pytest.fixture(scope="module", params=[storm, replay, shop, calm, short], ids=lambda make: make.__name__)
def run(request: pytest.FixtureRequest) -> Run:
    return request.param()


def test_metrics_are_those_of_the_view(run: Run) -> None:
    found = {(r["service"], r["metric"]): r["value"] for r in metrics_in(RunArrays(run))}
    asked = {(r["service"], r["metric"]): r["value"] for r in run.sql("from metrics").to_pylist()}
    assert found == pytest.approx(asked, rel=1e-12)


def test_the_curve_is_that_of_the_view(run: Run) -> None:
    asked = run.sql("select impaired from curve order by bin").to_pylist()
    assert RunArrays(run).curve() == [r["impaired"] for r in asked]


def test_signals_are_those_of_the_view(run: Run) -> None:
    asked, arrays = run.sql("from signals order by tick, service::varchar"), RunArrays(run)
    for signal in SIGNALS:
        assert asked.column(signal).to_pylist() == getattr(arrays, signal).ravel().tolist()


def test_the_first_event_of_each_sort(run: Run) -> None:
    query = "select service, event, min(tick) * tick_s() as at_s from events group by all order by all"
    asked: dict[tuple[str, str], float] = {}
    for r in run.sql(query).to_pylist():
        for name in {r["service"], r["service"].partition("@")[0]}:  # a zone's event is its whole's too
            asked[name, r["event"]] = min(r["at_s"], asked.get((name, r["event"]), r["at_s"]))
    found = [((r["service"], r["metric"]), r["value"]) for r in first_events(run)]
    assert found == sorted(asked.items())


def test_a_screening_asks_for_the_first_onset_only(run: Run) -> None:
    (whole, curve), (short, none) = (
        answer_of(question, run, run.scenario) for question in (METRICS, SCREENING)
    )
    assert short == [row for row in whole if row["metric"] == "first_onset_s"] and none == []
    assert all(math.isfinite(number) for number in curve)
