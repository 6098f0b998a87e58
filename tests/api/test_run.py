"""twin.run and what a run answers, as a notebook uses them."""

import re
import subprocess
import sys
from datetime import datetime, timedelta
from pathlib import Path
from typing import Any

import pytest

import twin
from twin.simulation.fork import ForkError

HEAVY = ("numba", "numpy", "pyarrow", "duckdb", "ray", "scipy", "networkx", "pydantic", "matplotlib", "yaml")


def test_a_run_of_a_path_a_scenario_or_a_name(run: twin.Run, tiny: Path) -> None:
    assert twin.run(twin.load(tiny)).run_id == twin.run(str(tiny)).run_id == run.run_id
    assert twin.load("us-east-1-2025-10-20").name == "us-east-1-2025-10-20"


def test_changes_of_a_run(run: twin.Run, tiny: Path) -> None:
    """A number is in SI units, so it is the same change as the text with its unit."""
    changed = twin.run(tiny, set={"store.service_time_s": 0.03}, move={"store-breaks": 1200}, seed=8)
    text = {"store.service_time_s": "30ms"}
    same = twin.run(twin.load(tiny), set=text, move={"store-breaks": timedelta(minutes=20)}, seed=8)
    assert changed.run_id == same.run_id != run.run_id and changed.digest == same.digest
    assert twin.run(tiny, drop="store-breaks", until="22:30").impact().services == ()


@pytest.mark.parametrize(("arguments", "problem"), [
    ({"runner": "rey"}, "runner: found 'rey', expected one of auto, inline, process, ray (did"),
    ({"address": "here:1"}, "address: found runner 'auto', expected runner 'ray': only Ray has an address"),
    ({"set": {"stor.fault_ratio": 1}}, 'set["stor.fault_ratio"]: found service \'stor\', expected a service'),
    ({"set": {"store.fault_ratio": 2}}, 'set["store.fault_ratio"]: found 2, expected 0 to 1'),
    ({"set": {"store.service_time_s": "3"}}, "set[\"store.service_time_s\"]: found '3', expected a duration"),
    ({"until": "soon"}, "until: found 'soon', expected a time of the scenario"),
    ({"seed": -1}, "seed: found -1"),
    ({"seed": "a"}, "seed: found 'a', expected a whole number"),
    ({"set": ["store.fault_ratio"]}, "set: found a list, expected a mapping"),
    ({"move": "store-breaks"}, "move: found 'store-breaks', expected a mapping"),
    ({"drop": 3}, "drop: found 3, expected a name"),
    ({"sample": ["60s"]}, "sample: found a list, expected a duration"),
    ({"until": ["1h"]}, "until: found a list, expected a time of the scenario"),
    ({"replicate": -1}, "replicate: found -1, expected a whole number, 0 or more"),
    ({"actors": 0}, "actors: found 0, expected a whole number, 1 or more"),
    ({"responders": "drown"}, "responders: found 'drown', expected one of scripted, modelled, drawn (did"),
    ({"mitigate": "long-lease"}, "mitigate: found 'long-lease', expected the name of a mitigation"),
])  # fmt: skip
def test_bad_arguments_are_named_as_python_writes_them(tiny: Path, arguments: dict, problem: str) -> None:
    with pytest.raises(twin.SpecError) as caught:
        twin.run(tiny, **arguments)
    (found,) = caught.value.problems
    assert str(found).startswith(problem)


@pytest.mark.parametrize("scenario", [3, None, ["us-east-1-2025-10-20"]])
def test_a_scenario_of_a_wrong_type(scenario: Any) -> None:
    with pytest.raises(twin.SpecError, match=r"scenario: found .*, expected a name, a file"):
        twin.load(scenario)
    with pytest.raises(twin.SpecError, match=r"folder: found .*, expected the path of a folder"):
        twin.open_run(scenario)
    with pytest.raises(twin.SpecError, match=r"what-if: found .*, expected the number or the file"):
        twin.what_if(scenario if scenario != 3 else 1.5)


def test_an_unknown_name(tiny: Path) -> None:
    with pytest.raises(twin.SpecError, match="did you mean us-east-1-2025-10-20"):
        twin.run("us-east-1-2025-10-21")


def test_why(run: twin.Run) -> None:
    chain = run.why("people")
    assert [cause.service for cause in chain.causes[:3]] == ["people", "site", "store"]
    assert chain.causes[-1].at == datetime.fromisoformat("2025-10-19T22:10:00-07:00")
    assert "because of fault store-breaks" in str(chain) and repr(chain) == str(chain)
    assert run.why("people", at="22:20") == chain and run.why("people", at="22:05").causes == ()
    with pytest.raises(twin.SpecError, match="at: found '21:00', expected a time within the scenario"):
        run.why("people", at="21:00")
    with pytest.raises(twin.SpecError, match=r"service: found 'stor'.*did you mean store"):
        run.why("stor")


def test_impact_and_diff(run: twin.Run, tiny: Path) -> None:
    impact = run.impact()
    assert {s.service for s in impact.services} == {"store", "site", "people"}
    assert str(impact).startswith(f"{impact.service_minutes_lost:.0f} service-minutes lost")
    diff = twin.run(tiny, drop="store-breaks").diff(run)
    assert diff.inputs == ("without fault store-breaks",)
    assert all(change.run is None and change.change_min < 0 for change in diff.services)


def test_a_fork_is_an_action_at_that_time(run: twin.Run) -> None:
    forked = run.fork("22:20", set={"store.fault_ratio": 0.9}, until="22:40")
    assert forked.manifest["fork"] == {"run": run.run_id, "at_tick": 1200}
    assert forked.impact().services[0].peak_error_ratio > 0.8 > run.impact().services[0].peak_error_ratio
    with pytest.raises(ForkError, match="'store-breaks' had begun before the fork"):
        run.fork("22:20", drop="store-breaks")


def test_a_score_needs_a_timeline(run: twin.Run) -> None:
    with pytest.raises(twin.SpecError, match="none in tiny, expected a scenario that names a published"):
        run.score()
    with pytest.raises(twin.SpecError, match="draws: found -1, expected a whole number, 0 or more"):
        run.score(draws=-1)


def test_short_reprs(run: twin.Run, tiny: Path) -> None:
    assert repr(run) == f"Run(tiny, id {run.run_id[:8]}, seed 7, 1h)"
    assert repr(twin.load(tiny)) == "Scenario(tiny: 3 services, 1 fault, 0 actions, 1h from 2025-10-19 22:00)"


def test_html_of_a_run(tiny: Path) -> None:
    """Figures, a picture, a table of onsets; a title is text and never markup."""
    run = twin.run(twin.load(tiny).model_copy(update={"title": "<script>alert(1)</script>"}))
    html = run._repr_html_()
    assert "&lt;script&gt;" in html and "<script" not in html
    assert html.count("<svg") == 1 and html.count("<tr>") == 1 + len(run.impact().services)
    assert re.search(r"<td>store</td><td>19 Oct 22:10:00</td><td>19 Oct 22:25:\d\d</td>", html)


def test_a_kept_run_is_opened_again(run: twin.Run, tiny: Path, tmp_path: Path) -> None:
    kept = twin.run(tiny, out=tmp_path)
    assert kept.folder is not None
    again = twin.open_run(kept.folder)
    assert isinstance(again, twin.Run) and again.digest == run.digest and again.scenario == run.scenario


# --- the package ---------------------------------------------------------------


def test_the_names_of_the_package() -> None:
    assert dir(twin) == sorted(twin.__all__)
    assert all(getattr(twin, name) is not None for name in twin.__all__)
    with pytest.raises(AttributeError, match="no attribute 'rnu'"):
        _ = twin.rnu


def test_importing_is_light() -> None:
    code = f"import sys, twin; dir(twin); print(*[m for m in {HEAVY!r} if m in sys.modules])"
    assert subprocess.check_output([sys.executable, "-c", code], text=True).strip() == ""


REVEALED = """\
import twin

run = twin.run("us-east-1-2025-10-20", set={"dwfm.admission_ratio": 0.5})
reveal_type(run)
reveal_type(run.why("sts", at="07:50"))
reveal_type(run.impact().services[0].onset)
reveal_type(twin.load("us-east-1-2025-10-20"))
reveal_type(twin.open_run("data/runs/x"))
reveal_type(twin.compare("us-east-1-2025-10-20", "long-leases", worlds=8))
reveal_type(twin.what_if(15))
"""
TYPES = (
    "twin.api.run.Run", "twin.results.causes.CauseChain", "datetime.datetime", "twin.model.scenario.Scenario",
    "twin.api.run.Run", "twin.api.compare.Comparison", "twin.experiments.whatif.WhatIfs",
)  # fmt: skip


@pytest.mark.slow
def test_a_type_checker_sees_the_types(tmp_path: Path) -> None:
    file = tmp_path / "notebook.py"
    file.write_text(REVEALED)
    command = [sys.executable, "-m", "mypy", "--follow-imports=silent", "--no-error-summary", str(file)]
    root = Path(twin.__file__).parents[1]
    done = subprocess.run(command, capture_output=True, text=True, check=False, cwd=root)
    assert re.findall(r'Revealed type is "([^"]*)"', done.stdout) == list(TYPES), done.stdout


def test_a_single_run_on_processes_stays_in_this_one(run: twin.Run, tiny: Path) -> None:
    """As the help of ``twin run --runner process`` says: the same from Python."""
    found = twin.run(tiny, runner="process")
    assert found.digest == run.digest and found.manifest["runner"] == "inline"
