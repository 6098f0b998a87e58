"""What must not matter does not, and what must matter does: the replay moved, cut, enlarged and divided."""

import os
import re
import shutil
import subprocess
import sys
from collections.abc import Iterable
from datetime import datetime, timedelta
from pathlib import Path

import numpy as np
import pyarrow as pa
import pytest

import twin
from twin.api.run import Run
from twin.model.scenario import Quantity, Scenario
from twin.results import outcomes
from twin.spec import fold

from .conftest import SCENARIO

ROOT = SCENARIO.parents[1]
MOMENT = re.compile(r"\d{4}-\d\d-\d\dT\d\d:\d\d:\d\d[+-]\d\d:\d\d")
OWN_SERVICE = """\
services:
  checkout:
    kind: relay
    title: A service of one's own
    dependencies:
      - {on: dynamodb, for: orders, mode: hard}
      - {on: sts, for: credentials, mode: soft}
"""
CAUSES = """
select e.event_id, e.service, e.event, e.tick, c.service as cause, c.event as cause_event, c.tick as at
from events e left join events c on c.event_id = e.cause_id
where e.cause_id is not null and (
    c.event_id is null or c.event_id = e.event_id or (c.tick - e.tick) * tick_s() >=
    case when e.origin = 'input' or e.event in ('endpoint_emptied', 'timeouts') then 1
         when c.event = 'first_sign' then hold_s() else $period_s end)
"""
ROOTS = """
select o.service, arg_max(c.subject, c.depth) as root, arg_max(c.origin, c.depth) as origin
from events o join cascade c on c.event_id = o.event_id where o.event = 'onset'
group by o.event_id, o.service
"""


def ids(interventions: Iterable) -> set[str]:
    return {x.id for x in interventions}


def impaired(run: Run) -> set[str]:
    return set(run.sql("select service from impact")["service"].to_pylist())


def without(table: pa.Table, service: str, *columns: str) -> list[dict]:
    """The rows of everybody else."""
    return [row for row in table.drop_columns(list(columns)).to_pylist() if row["service"] != service]


def shifted(folder: Path, hours: int) -> Path:
    """The scenario in a copy of the project's inputs, every time in it moved."""
    for name in ("topology", "data"):
        shutil.copytree(ROOT / name, folder / name, ignore=shutil.ignore_patterns("runs"))
    (folder / "scenarios").mkdir()
    later = timedelta(hours=hours)
    path = folder / "scenarios" / SCENARIO.name
    text = SCENARIO.read_text()
    path.write_text(MOMENT.sub(lambda found: (datetime.fromisoformat(found[0]) + later).isoformat(), text))
    return path


# --- what must not matter --------------------------------------------------


def test_the_hour_of_the_day(tmp_path: Path, incident: Scenario, replay: Run) -> None:
    """Start, inputs and customers' day an hour later: every tick is unchanged, every time an hour later."""
    later = twin.load(shifted(tmp_path, 1))
    assert later.start - incident.start == timedelta(hours=1)
    services = later.topology.services
    later = later.model_copy(update={"topology": fold(later.topology, {
        f"{name}.peak_s": Quantity(value=service.parameters["peak_s"].value + 3600.0, assumed="a test")
        for name, service in services.items() if "peak_s" in service.parameters
    })})  # fmt: skip
    run = twin.run(later)
    for mine, theirs in ((run.events, replay.events), (run.samples, replay.samples)):
        assert mine.drop_columns(["t"]).equals(theirs.drop_columns(["t"]))
        assert mine["t"][0].as_py() - theirs["t"][0].as_py() == timedelta(hours=1)


def test_a_service_of_ones_own(tmp_path: Path) -> None:
    """Nobody else's rows change (nobody calls it yet): noise belongs to a name, not to a number."""
    (tmp_path / "mine.yaml").write_text(OWN_SERVICE)
    until = {"until": "+5h"}
    plain = twin.run(twin.load(SCENARIO, **until))
    more = twin.run(twin.load(SCENARIO, with_files=[tmp_path / "mine.yaml"], **until))
    assert "checkout" in more.services
    assert without(more.samples, "checkout") == without(plain.samples, "checkout")
    numbered = ("event_id", "cause_id")
    assert without(more.events, "checkout", *numbered) == without(plain.events, "checkout", *numbered)


def test_the_order_of_hashes(incident: Scenario) -> None:
    script = f"import twin; print(twin.run(twin.load({str(SCENARIO)!r}, until='+3h')).digest)"
    digests = {
        subprocess.run(
            [sys.executable, "-c", script], check=True, capture_output=True, text=True,
            env=os.environ | {"PYTHONHASHSEED": seed},
        ).stdout.strip()
        for seed in ("1", "4711")
    }  # fmt: skip
    assert digests == {twin.run(twin.load(SCENARIO, until="+3h")).digest}


def test_half_the_tick(incident: Scenario, replay: Run) -> None:
    """Most outcomes move by less than what the published times can tell apart. Other ticks are other draws,
    so those that hang on luck (a relapse that just reaches its level) may move further."""
    finer = twin.run(incident.model_copy(update={"tick_s": incident.tick_s / 2}))
    published = incident.published
    assert published is not None
    once, twice = (outcomes.times(outcomes.signals_of(run, published), published) for run in (replay, finer))
    apart = np.array([apart_min(at, twice[name]) for name, at in once.items()])
    assert (apart <= 2.0).mean() >= 0.7
    assert np.median(apart) <= 1.0


def apart_min(one_s: float | None, other_s: float | None) -> float:
    if one_s is None or other_s is None:
        return 0.0 if one_s == other_s else float("inf")
    return abs(one_s - other_s) / 60.0


# --- what must matter ------------------------------------------------------


def test_without_the_droplet_throttle_leases_never_recover() -> None:
    run = twin.run(twin.load(SCENARIO, drop=["droplet-throttle"]))
    (fleet,) = run.sql("select * from impact where service = 'dwfm'").to_pylist()
    assert fleet["recovery_tick"] is None
    last = run.sql("select arg_max(error_ratio, tick) as lost from samples where service = 'dwfm'")
    assert last["lost"][0].as_py() > 0.5


def test_without_race_and_actions_nothing_happens(incident: Scenario) -> None:
    """For the whole day; in debug mode, so that every invariant is looked at."""
    run = twin.run(twin.load(SCENARIO, drop=ids(incident.interventions)), debug=True)
    assert impaired(run) == set()
    assert not set(run.events["event"].to_pylist()) & {"input", "onset", "recovery"}


def test_without_the_race_every_impairment_comes_from_an_action(incident: Scenario) -> None:
    run = twin.run(twin.load(SCENARIO, drop=ids(incident.faults)))
    roots = run.sql(ROOTS).to_pylist()
    known = ids(incident.actions)
    strangers = [row for row in roots
                 if row["origin"] != "input" or row["root"].partition("@")[0] not in known]  # fmt: skip
    assert not strangers
    assert impaired(run) <= {row["service"] for row in roots}


# --- invariants ------------------------------------------------------------


@pytest.fixture(scope="module", params=["exact", "mean"])
def checked(request: pytest.FixtureRequest, incident: Scenario) -> Run:
    """The whole replay in debug mode, with luck and without."""
    return twin.run(incident.model_copy(update={"noise": request.param}), debug=True)


def test_every_cause_is_earlier_than_its_effect(checked: Run) -> None:
    """What is seen in signals is known to a signal period. A first sign of trouble at a callee may come a
    little later than at its caller, who calls more often."""
    period_s = checked.scenario.topology.signal_period_s
    assert checked.sql(CAUSES, period_s=period_s).to_pylist() == []


def test_debug_mode_changes_nothing(checked: Run, replay: Run) -> None:
    if checked.manifest["inputs_scenario"]["noise"] == "exact":
        assert checked.digest == replay.digest


def test_counts_stay_counts(checked: Run) -> None:
    wrong = checked.sql(
        "select * from samples where offered_per_s < 0 or goodput_per_s < 0 or capacity_per_s < 0 "
        "or backlog_count < 0 or latency_s < 0 or not error_ratio between 0 and 1 "
        "or isnan(latency_s) or isnan(error_ratio) or isnan(capacity_per_s)"
    )
    assert wrong.num_rows == 0


def test_the_incident_happens_with_luck_and_without(checked: Run) -> None:
    assert {"dynamodb-dns", "dwfm", "network-manager", "nlb", "lambda-invoke"} <= impaired(checked)
