"""A study: the same runs whoever does them, none of them twice, and nothing lost."""

import json
import os
import signal
import time
from pathlib import Path

import pytest

import twin
from twin.experiments.arms import BASELINE, Arm
from twin.experiments.pool import PoolSettings, WorkerLost, batches, open_pool
from twin.experiments.questions import SCREENING
from twin.experiments.realizations import Realization, quantiles, realizations
from twin.experiments.store import OtherStudy, finished
from twin.experiments.study import Job, Reporter, Setting, Study
from twin.model.changes import Variation
from twin.model.scenario import Quantity

from .work import Refused, die_once, refuse

STORM = Path("scenarios/examples/retry-storm.yaml")
LESS = Arm("less", (Variation(parameters={"front.capacity_per_s": Quantity(value=500.0, assumed="t")}),))


@pytest.fixture(scope="module")
def setting() -> Setting:
    return Setting({"storm": twin.load(STORM, until="+20m")})


def jobs(count: int) -> list[Job]:
    return [Job("storm", arm, world) for world in realizations(count) for arm in (Arm(), LESS)]


def done(setting: Setting, folder: Path, runner: str, workers: int, count: int = 5, address=None) -> bytes:
    """The bytes of a finished study."""
    with Study(setting, folder, PoolSettings(runner, workers, address)) as study:
        study.do(jobs(count))
    assert [path.name for path in folder.glob("*.parquet")] == ["runs.parquet"]
    return (folder / "runs.parquet").read_bytes()


def test_the_same_rows_whoever_does_the_work(setting: Setting, tmp_path: Path) -> None:
    inline = done(setting, tmp_path / "inline", "inline", 1)
    assert done(setting, tmp_path / "processes", "process", 2) == inline


@pytest.mark.ray
@pytest.mark.parametrize("actors", [pytest.param(1, marks=pytest.mark.long), 3])
def test_the_same_rows_on_one_actor_and_on_three(setting: Setting, tmp_path: Path, actors: int) -> None:
    inline = done(setting, tmp_path / "inline", "inline", 1)
    assert done(setting, tmp_path / "ray", "ray", actors) == inline


@pytest.mark.long  # starts a Ray of two nodes, and makes the next test start the shared one again
@pytest.mark.ray(own=True)
def test_the_same_rows_on_a_cluster_of_two_nodes(setting: Setting, tmp_path: Path) -> None:
    from ray.cluster_utils import Cluster

    inline = done(setting, tmp_path / "inline", "inline", 1)
    store = 80 * 2**20
    cluster = Cluster(initialize_head=True, head_node_args={"num_cpus": 1, "object_store_memory": store})
    try:
        cluster.add_node(num_cpus=1, object_store_memory=store)
        cluster.wait_for_nodes()
        assert done(setting, tmp_path / "two", "ray", 2, address=cluster.address) == inline
    finally:
        cluster.shutdown()


def test_what_is_done_is_not_done_again(setting: Setting, tmp_path: Path) -> None:

    class Interrupts(Reporter):
        def made(self, runs: int) -> None:
            if runs == 11:
                os.kill(os.getpid(), signal.SIGINT)

    with pytest.raises(KeyboardInterrupt), Study(setting, tmp_path, reporter=Interrupts()) as study:
        study.do(jobs(9))
    assert list(tmp_path.glob("part-*.parquet")), "nothing was kept"
    with Study(setting, tmp_path) as study:
        left = len(study.missing(jobs(9)))
        assert left == 18 - 11, "every run that was finished is kept"
        study.do(jobs(9))
    with Study(setting, tmp_path) as study:
        assert study.missing(jobs(9)) == []
    assert (tmp_path / "runs.parquet").read_bytes() == done(setting, tmp_path / "x", "inline", 1, 9)


@pytest.mark.parametrize("runner", ["process", pytest.param("ray", marks=pytest.mark.ray)])
def test_a_killed_worker_loses_nothing(runner: str, tmp_path: Path) -> None:
    with open_pool(PoolSettings(runner, 2), tmp_path) as pool:
        assert dict(pool.map(die_once, range(12))) == {k: k * k for k in range(12)}
        assert (tmp_path / "died").exists()


@pytest.mark.parametrize("runner", ["process", pytest.param("ray", marks=pytest.mark.ray)])
def test_work_that_kills_every_worker_is_given_up(runner: str, tmp_path: Path) -> None:
    (tmp_path / "died").touch()
    with pytest.raises(WorkerLost), open_pool(PoolSettings(runner, 2), tmp_path) as pool:
        dict(pool.map(die_once, [13]))


@pytest.mark.parametrize("runner", ["inline", "process", pytest.param("ray", marks=pytest.mark.ray)])
def test_what_the_work_raises_is_raised_here(runner: str) -> None:
    with pytest.raises(Refused, match=r"^no 1$"), open_pool(PoolSettings(runner, 1), None) as pool:
        dict(pool.map(refuse, [1]))


def test_every_job_is_in_one_batch() -> None:
    for count in (0, 1, 7, 100, 577):
        assert [k for batch in batches(count, 2) for k in batch] == list(range(count))


def test_a_draw_is_what_it_is_whatever_else_is_drawn(setting: Setting) -> None:
    base = setting.bases["storm"]
    assert realizations(3) == realizations(5)[:3]
    few = {n.target: p for n, p in quantiles(base, 2).items()}
    wider = base.topology.services["front"].model_copy(update={"name": "back"})
    services = {**base.topology.services, "back": wider}
    more = base.model_copy(update={"topology": base.topology.model_copy(update={"services": services})})
    found = {n.target: p for n, p in quantiles(more, 2).items()}
    assert len(found) > len(few) and found.items() >= few.items()
    assert all(0.0 <= p <= 1.0 for p in few.values()) and len(set(few.values())) == len(few)
    assert few != {n.target: p for n, p in quantiles(base, 3).items()}


def test_an_arm_that_changes_nothing_makes_no_difference(setting: Setting, tmp_path: Path) -> None:
    null = Arm("null", (Variation(set={"front.discipline": "fifo"}),))
    with Study(setting, tmp_path) as study:
        found = study.do([Job("storm", a, w) for w in realizations(4) for a in (Arm(), null, LESS)])
        lost = found.values("requests_lost")
    assert lost["null"] == lost[BASELINE]
    assert lost["less"] != lost[BASELINE], "a check that cannot fail"


def test_a_study_of_something_else_is_left_alone(setting: Setting, tmp_path: Path) -> None:
    before = done(setting, tmp_path, "inline", 1, 1)
    manifest = tmp_path / "study.json"
    ours = manifest.read_text()
    manifest.write_text(json.dumps(json.loads(ours) | {"code": "of another day"}))
    with pytest.raises(OtherStudy, match="code 'of another day', expected"):
        Study(setting, tmp_path)
    manifest.write_text(ours)
    manifest.write_text(json.dumps(json.loads(manifest.read_text()) | {"version": 0}))
    with pytest.raises(OtherStudy, match="version 0, expected 2"):
        Study(setting, tmp_path)
    manifest.write_text("[]")
    with pytest.raises(OtherStudy, match="not the manifest of a study"):
        Study(setting, tmp_path)
    assert (tmp_path / "runs.parquet").read_bytes() == before


def test_another_scenario_in_the_same_folder_is_another_run(setting: Setting, tmp_path: Path) -> None:
    done(setting, tmp_path, "inline", 1, 2)
    longer = Setting({"storm": twin.load(STORM, until="+21m")})
    with Study(longer, tmp_path) as study:
        assert len(study.missing(jobs(2))) == 4, "the runs of the shorter one are not these"
        lost = study.do(jobs(2)).values("service_minutes_lost")[BASELINE]
    with Study(setting, tmp_path) as study:
        assert not study.missing(jobs(2)), "and they are still there"
        assert study.do(jobs(2)).values("service_minutes_lost")[BASELINE] != lost


def test_what_else_is_in_the_folder_is_of_no_account(setting: Setting, tmp_path: Path) -> None:
    """A scenario in which nothing is impaired has no service in it, whatever another run in there had."""
    calm = Setting({"storm": twin.load(STORM, until="+20m", drop=["slow"])})
    done(setting, tmp_path, "inline", 1, 2)
    with Study(calm, tmp_path) as study:
        found = study.do([Job("storm", Arm(), w) for w in realizations(2, draws=False)])
        assert found.of_services("onset_s") == {} and set(found.curves()) == {BASELINE}
        assert all(curve.max() == 0 for curve in found.curves()[BASELINE].values())


def test_what_is_damaged_or_not_ours_in_the_folder(setting: Setting, tmp_path: Path) -> None:
    before = done(setting, tmp_path, "inline", 1, 1)
    (tmp_path / "mine.parquet").write_bytes(b"not ours")
    (tmp_path / "part-abc.parquet").write_bytes(b"neither")
    with Study(setting, tmp_path) as study:
        assert not study.missing(jobs(1)), "other files are left alone"
    (tmp_path / "runs.parquet").write_bytes(before[:200])
    with pytest.raises(OtherStudy, match=r"runs\.parquet: damaged .* move it away"):
        Study(setting, tmp_path)


def test_only_files_are_written(tmp_path: Path) -> None:
    (tmp_path / "real.txt").write_text("old")
    (tmp_path / "link.txt").symlink_to(tmp_path / "real.txt")
    with finished(tmp_path / "link.txt") as partial:
        partial.write_text("new")
    assert (tmp_path / "real.txt").read_text() == "new" and (tmp_path / "link.txt").is_symlink()
    with pytest.raises(OSError, match="not a file"), finished(tmp_path):
        pass


def test_two_processes_do_not_share_a_study(setting: Setting, tmp_path: Path) -> None:
    with Study(setting, tmp_path), pytest.raises(OtherStudy, match="another process uses it"):
        Study(setting, tmp_path)


def test_values_of_a_run_are_those_of_its_queries(tmp_path: Path) -> None:
    setting, world = Setting({"storm": twin.load(STORM)}), Realization(0, 0)
    run = twin.run(setting.bases["storm"])
    with Study(setting, tmp_path) as study:
        found = study.do([Job("storm", Arm(), world)])
        totals = run.sql("from totals").to_pylist()[0]
        for metric in ("service_minutes_lost", "peak_impaired", "services_impaired", "not_recovered"):
            assert found.values(metric)[BASELINE][world] == pytest.approx(totals[metric])
        assert found.values("metastable")[BASELINE][world] == 1.0, "the storm outlives its trigger"
        lost = "select sum(offered_per_s * error_ratio) * 10 as n from samples where service = 'customers'"
        (asked,) = run.sql(lost).to_pylist()
        assert found.values("requests_lost")[BASELINE][world] == pytest.approx(asked["n"])
        assert list(found.of_services("onset_s")) == ["customers", "front"]
        assert found.curves()[BASELINE][world].max() == totals["peak_impaired"]


def test_short_runs_that_screen_are_counted_apart(setting: Setting, tmp_path: Path) -> None:
    """They are neither among the planned runs nor in the rate from which the time left follows."""
    full, short = jobs(2), [Job("storm", Arm(), world, SCREENING) for world in realizations(3)]
    with Study(setting, tmp_path, runs=8) as study:
        study.do(short)
        assert (study.made, study.screening, study.answered, study.left) == (3, 3, 0, 8)
        began = time.perf_counter()
        study.do(full)
        each_s = (time.perf_counter() - began) / len(full)
        assert (study.made, study.answered, study.left) == (7, 4, 4)
        assert 0 < study.left_s() <= 4 * each_s
    with Study(setting, tmp_path, runs=8) as study:
        study.do(full)
        assert (study.made, study.answered, study.left) == (0, 4, 4)


def test_the_estimate_leaves_out_what_is_in_the_folder(setting: Setting, tmp_path: Path) -> None:
    """By side and number of worlds: a world that was replaced makes no difference, another side does."""
    side = dict.fromkeys(jobs(1), 3)
    with Study(setting, tmp_path, planned=side) as study:
        assert (study.runs, study.known, study.left) == (6, 0, 6)
        study.do(jobs(4)[2:])
    with Study(setting, tmp_path, planned=side) as study:
        assert (study.known, study.left, study.expected_s(study.left)) == (6, 0, 0.0)
    more = {Job("storm", arm, Realization(1, 1)): 5 for arm in (Arm(), LESS)}
    noise = {Job("storm", Arm(), Realization(0, 1)): 5}
    with Study(setting, tmp_path, planned=more | noise) as study:
        assert (study.runs, study.known, study.left) == (15, 6, 9)
