"""Bad input: a message that says what to do, exit code 2, no traceback, nothing half written."""

import errno
import json
import os
import shutil
import subprocess
import sys
from collections.abc import Callable
from pathlib import Path

import pytest

from twin.simulation import journal, queries
from twin.simulation.inline import InvariantBroken

from .conftest import Twin


@pytest.mark.parametrize(
    ("arguments", "message"),
    [
        (["--set", "stor.fault_ratio=1"], "--set stor.fault_ratio: found service 'stor', expected a service"),
        (["--set", "store.fault=1"], "expected a parameter of kind relay"),
        (["--set", "store.fault_ratio=-1"], "it cannot be negative"),
        (["--set", "store.service_time_s=3"], "missing unit"),
        (["--set", "store"], "expected service.parameter=value"),
        (["--drop", "store-break"], "did you mean store-breaks?"),
        (["--move", "store-breaks"], "expected ID=TIME"),
        (["--move", "store-breaks=22.10"], "--move store-breaks: found '22.10', expected a time"),
        (["--move", "nothing=+1m"], "expected the id of a fault or action"),
        (["--until", "soon"], "--until: found 'soon'"),
        (["--sample", "15s"], "expected a multiple of the signal period, 10s"),
        (["--with", "nowhere.yaml"], "nowhere.yaml:1:1: found no such file"),
        (["--seed", "-1"], "--seed"),
        (["--actors", "0"], "--actors"),
        (["--runner", "cloud"], "--runner"),
    ],
)  # fmt: skip
def test_changes_that_make_no_sense(twin: Twin, tiny: Path, arguments: list[str], message: str) -> None:
    result = twin("run", tiny, *arguments)
    assert result.exit_code == 2
    assert message in result.stderr
    assert result.stdout == ""


def test_all_problems_at_once(twin: Twin, tiny: Path) -> None:
    result = twin("run", tiny, "--set", "a.b=1", "--drop", "c", "--until", "d")
    assert result.exit_code == 2
    assert "twin: 3 problems" in result.stderr


@pytest.mark.parametrize(
    ("arguments", "line"),
    [
        (["blast", "--service", "stor"], "--service: found 'stor', expected a service of"),
        (
            ["run", "--set", "stor.fault_ratio=1"],
            "--set stor.fault_ratio: found service 'stor', expected a service",
        ),
        (["metastable", "stor"], "service: found 'stor', expected a service of tiny (did you mean store?)"),
        (
            ["check", "--set", "stor.fault_ratio=1"],
            "--set stor.fault_ratio: found service 'stor', expected a",
        ),
        (
            ["barriers"],
            "barriers/tiny.yaml: found no such file, expected the barriers of a scenario (name one",
        ),
    ],
)
def test_an_error_begins_with_its_place(twin: Twin, tiny: Path, arguments: list[str], line: str) -> None:
    """One problem is one line, in whichever command."""
    result = twin(arguments[0], tiny, *arguments[1:])
    assert result.exit_code == 2
    (said,) = result.stderr.splitlines()
    assert line in said and not said.startswith("twin:")


def test_a_guess_needs_more_than_the_same_ending(twin: Twin, tmp_path: Path) -> None:
    (tmp_path / "q.yaml").write_text("")
    assert "did you mean" not in twin("run", tmp_path / "none.yaml").stderr
    (tmp_path / "nine.yaml").write_text("")
    assert "did you mean nine.yaml?" in twin("run", tmp_path / "none.yaml").stderr


def test_changes_without_use_are_named(twin: Twin, tiny: Path) -> None:
    """A topology takes none."""
    topology = "topology/us-east-1"
    changes = ("--drop", "store-breaks", "--until", "+20m")
    result = twin("check", topology, tiny, *changes)
    ignored = f"{topology}: ok (--drop, --until not used: only for scenarios)"
    assert result.exit_code == 0 and result.stdout.splitlines()[:2] == [ignored, f"{tiny}: ok"]
    unused = [file["unused"] for file in json.loads(twin("check", topology, tiny, *changes, "--json").stdout)]
    assert unused == [["--drop", "--until"], []]


def test_no_such_scenario(twin: Twin) -> None:
    result = twin("run", "nowhere.yaml")
    assert result.exit_code == 2 and "nowhere.yaml:1:1: found no such file" in result.stderr


@pytest.mark.parametrize("command", [["query", "from totals"], ["why", "store"]])
@pytest.mark.parametrize("run", ["nothing", "no/such/folder", ""])
def test_no_such_run(twin: Twin, command: list[str], run: str) -> None:
    result = twin(command[0], run, command[1])
    assert result.exit_code == 2
    assert f"run: found '{run}'" in result.stderr or "no such run" in result.stderr


def test_no_run_at_all(twin: Twin, tmp_path: Path) -> None:
    result = twin("why", "last", "store", "--out", tmp_path / "empty")
    assert result.exit_code == 2 and "twin run SCENARIO" in result.stderr


def test_no_such_service(twin: Twin) -> None:
    result = twin("why", "last", "stor")
    assert result.exit_code == 2 and "did you mean store?" in result.stderr


def test_no_such_time(twin: Twin) -> None:
    assert twin("why", "last", "store", "--at", "noon").exit_code == 2


def cut(name: str) -> Callable[[Path], None]:
    """Only half of a file is left."""

    def spoil(folder: Path) -> None:
        content = (folder / name).read_bytes()
        (folder / name).write_bytes(content[: len(content) // 2])

    return spoil


def overwrite(folder: Path) -> None:
    content = bytearray((folder / "samples.parquet").read_bytes())
    content[len(content) // 3 : len(content) // 3 + 40] = b"?" * 40
    (folder / "samples.parquet").write_bytes(content)


def forget(folder: Path) -> None:
    manifest = json.loads((folder / "manifest.json").read_text())
    del manifest["inputs"]
    (folder / "manifest.json").write_text(json.dumps(manifest))


DAMAGE = {
    "truncated events": cut("events.parquet"),
    "truncated samples": cut("samples.parquet"),
    "truncated manifest": cut("manifest.json"),
    "overwritten samples": overwrite,
    "another table": lambda folder: shutil.copy(folder / "events.parquet", folder / "samples.parquet"),
    "no samples": lambda folder: (folder / "samples.parquet").unlink(),
    "empty events": lambda folder: (folder / "events.parquet").write_bytes(b""),
    "no services": lambda folder: (folder / "services.parquet").unlink(),
    "cut dependencies": cut("dependencies.parquet"),
    "no manifest": lambda folder: (folder / "manifest.json").unlink(),
    "manifest of something else": lambda folder: (folder / "manifest.json").write_text("[]"),
    "manifest with a hole": forget,
}


@pytest.mark.parametrize("damage", DAMAGE)
def test_damaged_run(twin: Twin, run_folder: Path, damage: str) -> None:
    DAMAGE[damage](run_folder)
    for arguments in (["query", run_folder.name, "from totals"], ["why", run_folder.name, "store"]):
        result = twin(*arguments)
        assert result.exit_code == 2, result.output
        assert str(run_folder) in result.stderr and "run it again" in result.stderr
    assert twin("list", "runs").exit_code == 0


def test_a_run_of_another_version_is_named(twin: Twin, run_folder: Path) -> None:
    """Its scenario has keys that this version does not know."""
    manifest = json.loads((run_folder / "manifest.json").read_text())
    manifest["inputs_scenario"]["hump"] = 1
    (run_folder / "manifest.json").write_text(json.dumps(manifest))
    result = twin("why", run_folder.name, "store", "--at", "+1h")
    assert result.exit_code == 2, result.output
    assert "another version" in result.stderr and "run it again" in result.stderr


@pytest.mark.parametrize(
    "sql",
    [
        "copy samples to 'samples.parquet'",
        "copy samples to '{folder}/samples.parquet'",
        "select * from read_csv('/etc/passwd')",
        "select * from read_text('{folder}/manifest.json')",
        "select * from '{folder}/samples.parquet'",
        "select * from glob('/*')",
        "attach '{folder}/other.db'",
        "export database '{folder}/all'",
        "install httpfs",
        "set enable_external_access = true",
        "set lock_configuration = false",
        "set memory_limit = '100GB'",
        "set temp_directory = '{folder}'",
        "select * from questions",  # a variable of this process
        "select",
    ],
)
def test_a_query_reads_the_run_and_nothing_else(twin: Twin, run_folder: Path, sql: str) -> None:
    before = {path: path.read_bytes() for path in run_folder.iterdir()}
    result = twin("query", "last", sql.format(folder=run_folder))
    assert result.exit_code == 2, result.output
    assert {path: path.read_bytes() for path in run_folder.iterdir()} == before


@pytest.mark.parametrize(
    ("sql", "message"),
    [
        ("select sum(sin(range)) from range(1000000000000)", "stopped after 1 s"),
        ("with recursive t as (select 1 as x union all select x + 1 from t) from t", "stopped after 1 s"),
        ("select range from range(10000000)", "stopped at 10 MB of answer"),
    ],
)  # fmt: skip
def test_a_query_is_bounded(twin: Twin, monkeypatch: pytest.MonkeyPatch, sql: str, message: str) -> None:
    monkeypatch.setattr(queries, "TIME_LIMIT_S", 1.0)
    monkeypatch.setattr(queries, "ANSWER_LIMIT_BYTES", 10_000_000)
    result = twin("query", "last", sql)
    assert result.exit_code == 2 and message in result.stderr


CHANGES = ["drop view story", "delete from samples", "", "from story; from story"]


@pytest.mark.parametrize("statement", CHANGES)
def test_a_query_asks_one_question_and_changes_nothing(twin: Twin, statement: str) -> None:
    assert twin("query", "last", statement).exit_code == 2
    assert twin("query", "last", "from story").exit_code == 0


def no_room(table: object, path: Path, **options: object) -> None:
    """Write a part of the file, as on a disk that fills up."""
    path.write_bytes(b"PAR1 and then")
    raise OSError(errno.ENOSPC, os.strerror(errno.ENOSPC), str(path))


def test_a_full_disk(twin: Twin, tiny: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(journal.pq, "write_table", no_room)
    result = twin("run", tiny, "--out", tmp_path / "full")
    assert result.exit_code == 2
    assert "No space left on device" in result.stderr and "--out" in result.stderr
    assert list((tmp_path / "full").iterdir()) == []


def test_a_full_disk_keeps_the_run_that_was_there(
    twin: Twin, tiny: Path, run_folder: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(journal.pq, "write_table", no_room)
    assert twin("run", tiny).exit_code == 2
    monkeypatch.undo()
    assert twin("query", run_folder, "from totals").exit_code == 0


def test_a_folder_that_is_a_file(twin: Twin, tiny: Path, tmp_path: Path) -> None:
    (tmp_path / "file").write_text("")
    assert twin("run", tiny, "--out", tmp_path / "file").exit_code == 2
    assert twin("run", tiny, "--out", tmp_path / "file" / "runs").exit_code == 2


def test_ctrl_c_leaves_nothing(
    twin: Twin, tiny: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    def interrupted(*arguments: object, **options: object) -> None:
        no_room_but_partly(*arguments)
        raise KeyboardInterrupt

    monkeypatch.setattr(journal.pq, "write_table", interrupted)
    result = twin("run", tiny, "--out", tmp_path / "stopped")
    assert result.exit_code == 130
    assert list((tmp_path / "stopped").iterdir()) == []


def no_room_but_partly(table: object, path: Path) -> None:
    path.write_bytes(b"PAR1 and then")


KILLED = """
import os, signal
from twin.simulation import journal
from twin.cli import main
def write(table, path, **more):
    path.write_bytes(b"PAR1")
    os.kill(os.getpid(), signal.{name})
journal.pq.write_table = write
signal.signal(signal.SIGINT, signal.default_int_handler)  # a background job ignores it
main()
"""


@pytest.mark.parametrize(("name", "code"), [("SIGKILL", -9), ("SIGINT", 130)])
def test_a_run_that_is_killed_looks_unfinished_and_is_cleaned_up(
    twin: Twin, tiny: Path, tmp_path: Path, name: str, code: int
) -> None:
    out = tmp_path / "killed"
    command = [sys.executable, "-c", KILLED.format(name=name), "run", str(tiny), "--out", str(out)]
    done = subprocess.run(command, capture_output=True, text=True)
    assert done.returncode == code, done.stderr
    assert "Traceback" not in done.stderr
    assert twin("list", "runs", "--out", out).stdout == ""
    assert len(list(out.iterdir())) == (1 if name == "SIGKILL" else 0)
    again = twin("run", tiny, "--out", out)
    assert again.exit_code == 0
    assert ("which an interrupted run had left" in again.stderr) == (name == "SIGKILL")
    assert len(list(out.iterdir())) == 1


def test_an_invariant_that_breaks(twin: Twin, tiny: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    def broken(*arguments: object, **options: object) -> None:
        raise InvariantBroken("store", 600)

    monkeypatch.setattr("twin.api.run.simulate", broken)
    result = twin("run", tiny, "--seed", "3")
    assert result.exit_code == 3
    assert "an invariant of store broke" in result.stderr
    assert f"twin run {tiny} --seed 3 --debug" in result.stderr


def test_an_internal_error(twin: Twin, tiny: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    def broken(*arguments: object, **options: object) -> None:
        raise ZeroDivisionError("of ours")

    monkeypatch.setattr("twin.api.run.simulate", broken)
    result = twin("run", tiny)
    assert result.exit_code == 70
    assert "internal error: ZeroDivisionError: of ours" in result.stderr and "report" in result.stderr


def test_an_internal_error_with_its_traceback(
    tiny: Path, monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> None:
    from click.testing import CliRunner

    from twin.cli import cli

    def broken(*arguments: object, **options: object) -> None:
        raise ZeroDivisionError("of ours")

    monkeypatch.setattr("twin.api.run.simulate", broken)
    result = CliRunner().invoke(cli, ["run", str(tiny), "--debug", "--out", str(tmp_path)])
    assert result.exit_code == 70 and "Traceback" in result.stderr
