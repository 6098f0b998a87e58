"""twin run --fork and --add-action: the past is the same, and the change is that of an action."""

import json
from pathlib import Path

import pytest

from twin import load, open_run
from twin import run as step
from twin.simulation import fork as forking
from twin.simulation import journal
from twin.simulation.fork import Fork, ForkError

from .conftest import Twin, invoke

WORSE = """\
actions:
  - {id: worse, title: it gets worse, at: +20m, set: {store.fault_ratio: 0.9}, assumed: for the test}
"""
ONE = "id: worse\nat: +20m\nset: {store.fault_ratio: 0.9}\nassumed: for the test\n"
WAITS = """\
id: waits
when: {signal: site.error_ratio, above: 5%, for: 1m}
set: {store.fault_ratio: 0.0}
assumed: for the test
"""


def run(*arguments: object) -> dict:
    result = invoke("run", *arguments, "--json")
    assert result.exit_code == 0, result.output
    return json.loads(result.stdout)


@pytest.fixture
def worse(tmp_path: Path) -> Path:
    path = tmp_path / "worse.yaml"
    path.write_text(WORSE)
    return path


def test_a_change_at_a_fork_is_an_action_at_that_time(run_folder: Path, tiny: Path, worse: Path) -> None:
    past = run_folder.name
    whole = run(tiny, "--add-action", worse)
    forked = run(tiny, "--fork", f"{past}@+20m", "--add-action", worse)
    earlier = run(tiny, "--fork", f"{past}@+15m", "--add-action", worse)
    assert whole["digest"] == forked["digest"] == earlier["digest"]
    again = run(tiny, "--fork", f"{forked['run_id']}@+30m", "--set", "store.fault_ratio=0.0")  # forks a fork
    assert again["digest"] != whole["digest"]


def test_a_setting_at_a_fork_is_an_action_called_fork(run_folder: Path, tiny: Path, tmp_path: Path) -> None:
    action = tmp_path / "fork.yaml"
    action.write_text(ONE.replace("id: worse", "id: fork"))
    whole = run(tiny, "--add-action", action)
    forked = run(tiny, "--fork", f"{run_folder.name}@+20m", "--set", "store.fault_ratio=0.9")
    assert forked["digest"] == whole["digest"]


def test_the_past_is_the_same_byte_for_byte(twin: Twin, tiny: Path, worse: Path, tmp_path: Path) -> None:
    folder = Path(run(tiny, "--fork", "last@+20m", "--add-action", worse)["folder"])
    forked = open_run(folder)
    past = open_run(tmp_path / "runs" / forked.manifest["fork"]["run"])
    tick = forked.manifest["fork"]["at_tick"]
    assert tick == 1200
    for table in ("events", "samples"):
        before, after = (journal.before(getattr(r, table), tick) for r in (past, forked))
        assert before.num_rows > 2 and journal.digest(before) == journal.digest(after)
    assert past.digest != forked.digest


def test_another_past_is_noticed(twin: Twin, tiny: Path) -> None:
    """The check of the past can fail: a run of another seed is no continuation."""
    (folder,) = (tiny.parent / "runs").iterdir()
    scenario = load(tiny)
    with pytest.raises(ForkError, match="its past came out otherwise"):
        forking.joined(Fork(open_run(folder), scenario, 1200.0), step(load(tiny, seed=8)))


def test_a_condition_is_looked_at_from_the_fork_on(twin: Twin, tiny: Path, tmp_path: Path) -> None:
    waits = tmp_path / "waits.yaml"
    waits.write_text(WAITS)
    done = open_run(Path(run(tiny, "--fork", "last@+20m", "--add-action", waits)["folder"]))
    begun = {x["id"]: x["tick"] for x in done.manifest["inputs"] if x["begin"]}
    assert begun["waits"] >= 1260, "a minute after the fork, though trouble began before"


def test_one_intervention_a_file(twin: Twin, tiny: Path, worse: Path, tmp_path: Path) -> None:
    one = tmp_path / "one.yaml"
    one.write_text(ONE.replace("at:", "title: it gets worse\nat:"))
    assert run(tiny, "--add-action", one)["digest"] == run(tiny, "--add-action", worse)["digest"]


@pytest.mark.parametrize(
    ("arguments", "said"),
    [
        (["--fork", "last@+2h"], "expected a time within the scenario"),
        (["--fork", "last@soon"], "--fork: found 'soon', expected a time of the scenario"),
        (["--fork", "last"], "expected RUN@TIME"),
        (["--fork", "nope@+5m"], "run: found 'nope'"),
        (["--fork", "last@+5m", "--set", "store.fault=1"], "did you mean fault_ratio?"),
        (["--fork", "last@+30m", "--drop", "store-breaks"], "had begun before the fork"),
        (["--fork", "last@+5m", "--move", "store-breaks=+4m"], "before the fork"),
        (["--fork", "last@+5m", "--seed", "9"], "--seed: not with --fork"),
        (["--fork", "last@+5m", "--until", "+4m"], "before the fork"),
    ],
)
def test_bad_forks(twin: Twin, tiny: Path, arguments: list[str], said: str) -> None:
    result = twin("run", tiny, *arguments)
    assert result.exit_code == 2 and said in result.stderr, result.stderr


def test_an_action_before_the_fork(twin: Twin, tiny: Path, worse: Path) -> None:
    result = twin("run", tiny, "--fork", "last@+30m", "--add-action", worse)
    assert result.exit_code == 2 and "before the fork at +30m" in result.stderr


@pytest.mark.parametrize(
    ("text", "said"),
    [
        (ONE.replace("store.fault_ratio", "store.fault"), "did you mean fault_ratio?"),
        (ONE.replace("at: +20m", "at: 20m"), "expected a time with its zone"),
        (ONE.replace("id: worse", "id: store-breaks"), "'store-breaks' twice"),
        (
            ONE.replace("assumed: for the test\n", ""),
            "exactly one of source, measured, assumed, chosen",
        ),
        ("actions: []\n", "no intervention"),
        ("services: {}\nactions: []\n", "key 'services'"),
    ],
)
def test_bad_actions(twin: Twin, tiny: Path, tmp_path: Path, text: str, said: str) -> None:
    path = tmp_path / "bad.yaml"
    path.write_text(text)
    result = twin("run", tiny, "--add-action", path)
    assert result.exit_code == 2 and said in result.stderr, result.stderr


def test_other_code_or_another_scenario(twin: Twin, tiny: Path, run_folder: Path, tmp_path: Path) -> None:
    other = tmp_path / "other.yaml"
    other.write_text(tiny.read_text().replace("scenario: tiny", "scenario: other"))
    result = twin("run", other, "--fork", "last@+5m")
    assert result.exit_code == 2 and "is one of tiny, not of other" in result.stderr
    manifest = json.loads((run_folder / "manifest.json").read_text())
    (run_folder / "manifest.json").write_text(json.dumps(manifest | {"code": "0" * 64}))
    result = twin("run", tiny, "--fork", "last@+5m")
    assert result.exit_code == 2 and "made by other code" in result.stderr
