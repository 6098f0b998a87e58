"""A search finds the cheapest set where one knows which it is, says so where there is none, and is one search
whoever makes its runs and however often it is stopped."""

import json
import os
import shutil
import signal
from pathlib import Path

import pytest

import twin
from tests.cli.conftest import invoke
from tests.experiments.search.conftest import FILES, SCENARIO, write
from tests.experiments.sham import Heard
from twin.experiments.pool import PoolSettings
from twin.experiments.search import SearchResult, Wanted, choice_space, parse_goal, searched
from twin.experiments.search.choices import Choice
from twin.experiments.study import Reporter, Setting, Study
from twin.model.scenario import Scenario
from twin.spec import SpecError

BOTH_GONE = "service_minutes_lost < 5"


def find(
    base: Scenario, folder: Path, study: Path, goal: str = BOTH_GONE, budget: int = 80,
    runner: str = "inline", reporter: Reporter | None = None,
) -> SearchResult:  # fmt: skip
    wanted = Wanted(base.name, parse_goal(goal, base), budget, 600.0)
    pool = PoolSettings(runner)
    with Study(Setting({base.name: base}), study, pool, runs=budget, reporter=reporter) as opened:
        return searched(opened, wanted, choice_space(base, folder))


@pytest.fixture(scope="module")
def whole_study(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return tmp_path_factory.mktemp("whole")


@pytest.fixture(scope="module")
def whole(whole_study: Path, tmp_path_factory: pytest.TempPathFactory) -> SearchResult:
    """The search that most tests ask about, made once."""
    home = tmp_path_factory.mktemp("base")
    (home / "two-breaks.yaml").write_text(SCENARIO)
    return find(twin.load(home / "two-breaks.yaml"), write(home / "m", FILES), whole_study)


@pytest.fixture(scope="module")
def shared(whole: SearchResult, whole_study: Path, tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A study that has the runs of the whole search already, for searches that want other things of them."""
    return shutil.copytree(whole_study, tmp_path_factory.mktemp("shared") / "study")


def test_the_pair_that_only_does_together(whole: SearchResult) -> None:
    found, best = whole, whole.best
    assert best is not None and best.tried.choice.parts == ("mend-a", "mend-b") and best.tried.cost == 3
    assert all(less is not None and not less.promising for less in best.less.values()), "each is needed"
    assert found.runs <= 80
    searched = {w.draw for w in found.worlds[: -found.plan.fresh]}
    fresh = {w.draw for w in found.worlds[-found.plan.fresh :]}
    assert not searched & fresh and best.fresh.n == len(fresh), "confirmed where nothing was chosen"
    dear = {c.tried.choice.parts for c in found.confirmed}
    assert ("both",) in dear or len(found.confirmed) == 1, "no set that only adds to the best"


def test_one_that_does_alone(base: Scenario, folder: Path, shared: Path) -> None:
    found = find(base, folder, shared, "service_minutes_lost < 15 and site-a.lost_min < 1")
    assert found.best is not None and found.best.tried.choice.parts == ("mend-a",)


def test_nothing_to_do_where_the_goal_is_met(base: Scenario, folder: Path, shared: Path) -> None:
    found = find(base, folder, shared, "service_minutes_lost < 1000")
    assert found.best is not None and found.best.tried.choice == Choice() and found.done
    assert found.runs <= found.plan.worlds, "the baseline alone"


def test_no_set_meets_it(base: Scenario, folder: Path, shared: Path) -> None:
    found = find(base, folder, shared, "service_minutes_lost < 0", 80)
    assert found.best is None and not found.confirmed
    assert found.nearest.judged[0].mean == pytest.approx(0.0)


def test_a_setting_that_the_file_does_not_have(base: Scenario, tmp_path: Path) -> None:
    """Half of the calls fail: one more try leaves a quarter failing, as the file has it; six leave 1 %."""
    knob = "parameters: {site-a->store-a.retries: {value: 1, assumed: a test, range: [0, 8]}}"
    folder = write(tmp_path / "m", {"retry": ("setting", knob), "decoy-1": FILES["decoy-1"]})
    (turned,) = choice_space(base, folder).by_name["retry"].knobs
    assert (turned.value, turned.low, turned.high, turned.is_count) == (1.0, 0.0, 8.0, True)
    found = find(base, folder, tmp_path / "study", "site-a.lost_min < 1")
    assert found.best is not None and found.best.tried.choice.parts == ("retry",)
    ((_, _, tries),) = found.best.tried.choice.settings
    assert 4 <= tries <= 8


def test_what_contradicts_is_never_tried(base: Scenario, folder: Path, whole: SearchResult) -> None:
    offered = choice_space(base, folder)
    assert frozenset(("against-a", "mend-a")) in offered.against
    assert len(whole.tried) > 5 and not any(offered.contradicts(t.choice) for t in whole.tried)


def told(found: SearchResult) -> str:
    return json.dumps(found.as_json())


@pytest.mark.slow
def test_the_same_answer_after_a_stop_and_on_two_workers(
    base: Scenario, folder: Path, whole: SearchResult, whole_study: Path, tmp_path: Path
) -> None:
    """Stopped half way in this process, and finished by two others."""

    class Stops(Reporter):
        def made(self, runs: int) -> None:
            if runs == 45:
                os.kill(os.getpid(), signal.SIGINT)

    with pytest.raises(KeyboardInterrupt):
        find(base, folder, tmp_path / "stopped", reporter=Stops())
    kept = runs_in(base, tmp_path / "stopped")
    assert 45 - 8 <= kept <= 45
    heard = Heard()
    again = find(base, folder, tmp_path / "stopped", runner="process", reporter=heard)
    assert told(again) == told(whole)
    assert heard.counts[-1] == runs_in(base, whole_study) - kept, "no run is made twice"
    assert (tmp_path / "stopped" / "runs.parquet").read_bytes() == (whole_study / "runs.parquet").read_bytes()
    heard = Heard()
    assert told(find(base, folder, tmp_path / "stopped", reporter=heard)) == told(whole)
    assert not heard.counts, "all of it was done"


def runs_in(base: Scenario, folder: Path) -> int:
    with Study(Setting({base.name: base}), folder) as study:
        return len(study.done)


def test_a_broken_file_is_an_error_and_one_of_another_scenario_is_left_out(
    base: Scenario, folder: Path, tmp_path: Path
) -> None:
    write(folder, {"elsewhere": ("setting", "set: {nlb.failover: false}")})
    assert "does not fit" in choice_space(base, folder).left_out["elsewhere"]
    (folder / "elsewhere.yaml").write_text("mitigation: elsewhere\n")
    with pytest.raises(SpecError, match=r"elsewhere\.yaml"):
        choice_space(base, folder)


def test_the_command(folder: Path, shared: Path, tmp_path: Path) -> None:
    path = tmp_path / "two-breaks.yaml"
    path.write_text(SCENARIO)
    where = ("--mitigations", folder, "--study", shared)
    common = (path, *where, "--budget", "90", "--runner", "inline")
    done = invoke("search", *common, "--goal", "service_minutes_lost < 15", "--json")
    assert done.exit_code == 0, done.output
    found = json.loads(done.stdout)
    assert found["met"] and found["best"] == "mend-a" and found["runs"] <= 90
    assert "90 runs planned" in done.stderr and "about" in done.stderr
    table = invoke("search", *common, "--goal", "service_minutes_lost < 15")
    assert "Cheapest that meets it: mend-a" in table.stdout and "in the folder already" in table.stderr
    same = invoke("search", *common, "--replicates", 10, "--goal", "service_minutes_lost < 15", "--json")
    assert same.exit_code == 0, same.output
    assert json.loads(same.stdout)["fresh_worlds"] == 10 and found["fresh_worlds"] == 9
    none = invoke("search", *common, "--goal", "service_minutes_lost < 0")
    assert none.exit_code == 0 and "No set meets it within the budget. The nearest of" in none.stdout


@pytest.mark.parametrize(
    ("arguments", "told"),
    [
        (["--goal", "peak < 3"], "--goal:1:1: found 'peak'"),
        (["--goal", "peak_impaired < 3", "--budget", "20"], "--budget: found 20, expected at least"),
        (["--goal", "peak_impaired < 3", "--mitigate", "x"], "No such option '--mitigate'"),
        (["--goal", "peak_impaired < 3", "--shipped"], "--replicates"),
        (["--goal", "peak_impaired < 3", "--worlds", "9", "--replicates", "9"], "not with --worlds"),
        (["--goal", "peak_impaired < 3", "--worlds", "500"], "--budget: found 200, expected at least"),
        (["--goal", "peak_impaired < 3", "--mitigations", "."], "no mitigation in"),
    ],
)
def test_what_a_command_refuses(arguments: list[str], told: str, tmp_path: Path) -> None:
    path = tmp_path / "two-breaks.yaml"
    path.write_text(SCENARIO)
    done = invoke("search", path, *arguments)
    assert done.exit_code == 2 and told in done.stderr
