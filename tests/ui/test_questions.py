"""The questions that the page asks: lanes cover the run without gap, minutes are minutes."""

from itertools import pairwise

from twin.api.run import Run


def test_the_lanes_of_a_service_cover_the_run_without_gap(run: Run) -> None:
    rows = run.sql("""
        select service, min(begins) as begins, max(ends) as ends, sum(ends - begins) as ticks,
            count(distinct lane) as lanes from lanes group by service""").to_pylist()
    assert {(r["begins"], r["ends"], r["ticks"], r["lanes"]) for r in rows} == {(0, 5400, 5400, 1)}
    assert len(rows) == len(run.services)


def test_a_lane_changes_level_where_it_changes(run: Run) -> None:
    rows = run.sql("select service, level, begins from lanes order by service, begins").to_pylist()
    assert all(a["level"] != b["level"] for a, b in pairwise(rows) if a["service"] == b["service"])
    store = [(r["level"], r["begins"]) for r in rows if r["service"] == "store"]
    assert store == [(0, 0), (6, 600), (0, 1800)]


def test_lanes_stand_in_the_order_of_first_impact(run: Run) -> None:
    rows = run.sql("select distinct service, lane, onset_tick from lanes left join impact using (service) "
                   "order by lane").to_pylist()  # fmt: skip
    onsets = [r["onset_tick"] for r in rows if r["onset_tick"] is not None]
    assert onsets == sorted(onsets) and rows[-1]["service"] == "names"


def test_the_steps_reach_the_peak(run: Run) -> None:
    (row,) = run.sql("select max(s.impaired) as drawn, any_value(t.peak_impaired) as peak "
                     "from blast_steps s, totals t").to_pylist()  # fmt: skip
    assert row["drawn"] == row["peak"] == 3


def test_availability_is_by_the_minute(run: Run) -> None:
    rows = run.sql("select minute, availability from availability where service = 'store'").to_pylist()
    assert sorted(r["minute"] for r in rows) == list(range(90))
    by_minute = {r["minute"]: r["availability"] for r in rows}
    assert by_minute[9] == 1.0 and 0.2 < by_minute[15] < 0.4 and by_minute[30] > 0.999


def test_interventions_have_begin_and_end(run: Run) -> None:
    rows = run.sql("select id, kind, begins, ends from interventions").to_pylist()
    assert [tuple(r.values()) for r in rows] == [
        ("outage", "fault", 600, 1800),
        ("relief", "action", 1200, None),
    ]


def test_hubs_are_counted_by_callers(run: Run) -> None:
    callers = {r["service"]: r["callers"] for r in run.sql("from hubs").to_pylist()}
    assert callers == {"store": 1, "front": 1, "page": 1, "names": 1, "people": 0}
