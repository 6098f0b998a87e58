"""twin compare, as people and machines use it, and what it says to those who ask for what there is not."""

import errno
import json
import re
from pathlib import Path

import pytest
from click.testing import CliRunner, Result

from twin.cli import cli

from .conftest import assert_fits

STORM = "scenarios/examples/retry-storm.yaml"
HEAD = "does: a test\nproposed_by: us\nassumed: a test\ncost: {class: setting, reason: a test}\n"
LIFO = HEAD + "mitigation: lifo\nparameters:\n  front.discipline: {value: lifo, assumed: a test}\n"
FIFO = HEAD + "mitigation: fifo\nparameters:\n  front.discipline: {value: fifo, assumed: a test}\n"


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    found = tmp_path / "mitigations"
    found.mkdir()
    (found / "lifo.yaml").write_text(LIFO)
    (found / "fifo.yaml").write_text(FIFO)
    return found


def ask(folder: Path, *more: str) -> Result:
    study = ("--study", str(folder.parent / "study"), "--mitigations", str(folder), "--runner", "inline")
    return CliRunner().invoke(cli, ["compare", STORM, "--until", "+20m", *study, *more])


def test_json_and_parquet_say_the_same(folder: Path) -> None:
    table = folder.parent / "t.parquet"
    done = ask(folder, "--mitigate", "lifo", "--replicates", "8", "--json", "--parquet", str(table))
    assert done.exit_code == 0, done.output
    document = json.loads(done.stdout)
    assert document["worlds"] == 8 and [m["name"] for m in document["mitigations"]] == ["lifo"]
    from pyarrow import parquet

    rows = parquet.read_table(table).to_pylist()
    by_name = {r["metric"]: r for r in rows if r["mitigation"] == "lifo"}
    for measure, d in document["mitigations"][0]["difference"].items():
        assert by_name[measure]["difference"] == d["mean"]
        assert by_name[measure]["significant"] == d["significant"]


def test_the_table_says_what_helps_and_what_was_assumed(folder: Path) -> None:
    done = ask(folder, "--mitigate", "lifo", "--mitigate", "fifo", "--replicates", "12", "--by-service")
    assert done.exit_code == 0, done.output
    assert "Time to recovery of each service" in done.stdout and "(not by the end)" in done.stdout
    assert "36 runs planned" in done.stderr
    for words in ("lifo", "helps", "no difference at all", "(baseline)", "the shipped numbers", "Holm"):
        assert words in done.stdout


def test_progress_is_of_planned_runs_and_what_is_there_is_not_planned_again(folder: Path) -> None:
    first = ask(folder, "--mitigate", "lifo", "--worlds", "8")
    assert first.exit_code == 0, first.output
    assert "16 runs planned: about" in first.stderr and "short runs to screen" in first.stderr
    counts = [int(n) for n in re.findall(r"(\d+) of 16 runs, about", first.stderr)]
    assert counts[0] == 0 and counts[-1] == 16, "the first run was one that screens"
    again = ask(folder, "--mitigate", "lifo", "--worlds", "8")
    assert "16 runs planned, all in the folder already" in again.stderr and "about" not in again.stderr
    more = ask(folder, "--mitigate", "lifo", "--mitigate", "fifo", "--worlds", "8")
    assert "24 runs planned, 16 of them in the folder already: about" in more.stderr


def test_few_worlds_tell_nothing_and_say_so(folder: Path) -> None:
    done = ask(folder, "--mitigate", "lifo", "--replicates", "3")
    assert "3 worlds are too few for 6 tests" in done.stdout and "not significant" in done.stdout
    assert "3 worlds are too few for 6 tests together" in done.stderr, "before it runs"


@pytest.mark.parametrize(
    ("more", "says"),
    [
        ((), "--mitigate: at least one"),
        (("--mitigate", "lifi"), "did you mean lifo?"),
        (("--mitigate", "lifo+fifo"), "front.discipline"),
        (("--mitigate", "lifo", "--replicates", "0"), "0 is not in the range"),
        (("--mitigate", "lifo", "--within", "soon"), "--within: found 'soon', expected"),
        (("--mitigate", "lifo", "--within", "0s"), "expected more than 0"),
        (("--mitigate", "lifo", "--until", "+5m"), "the run ends before anything happens"),
        (("--mitigate", "lifo", "--all"), "--all: not with --mitigate"),
        (("--mitigate", "lifo", "--weights", "no-such.yaml"), "no-such.yaml"),
        (("--mitigate", "lifo", "--address", "h:1"), "--address: only with runner ray"),
        (("--mitigations", "no-such-folder"), "no-such-folder"),
    ],
)
def test_bad_input(folder: Path, more: tuple[str, ...], says: str) -> None:
    done = ask(folder, *more)
    assert done.exit_code == 2, done.output
    assert says in done.output and "Traceback" not in done.output


def test_weights_that_make_no_sense(folder: Path) -> None:
    weights = folder.parent / "w.yaml"
    weights.write_text("front: -1\nfrnt: 2\ncustomers: many\n")
    done = ask(folder, "--mitigate", "lifo", "--weights", str(weights))
    assert done.exit_code == 2
    for says in ("w.yaml:1:", "w.yaml:2:", "w.yaml:3:", "did you mean front?", "a weight, 0 or more"):
        assert says in done.output


def test_a_study_of_another_version_is_left_alone(folder: Path) -> None:
    assert ask(folder, "--mitigate", "lifo", "--replicates", "2").exit_code == 0
    study = folder.parent / "study"
    manifest = study / "study.json"
    manifest.write_text(manifest.read_text().replace('"version": 2', '"version": 0'))
    before = (study / "runs.parquet").read_bytes()
    done = ask(folder, "--mitigate", "lifo", "--replicates", "2")
    assert done.exit_code == 2 and "version 0, expected 2" in done.output
    assert (study / "runs.parquet").read_bytes() == before


def test_a_file_that_is_wrong_in_itself_is_not_left_out(folder: Path) -> None:
    (folder / "broken.yaml").write_text("mitigation: broken\n")
    done = ask(folder, "--all", "--replicates", "2")
    assert done.exit_code == 2 and "broken.yaml" in done.output


def test_the_tournament_of_a_folder(folder: Path) -> None:
    done = ask(folder, "--all", "--replicates", "12", "--attribution", "0", "--json")
    assert done.exit_code == 0, done.output
    assert "singles: 36 runs" in done.stderr
    document = json.loads(done.stdout)
    assert {m["name"] for m in document["mitigations"]} == {"lifo", "fifo"}
    assert document["pareto"] == ["lifo"] and document["attribution"] is None


NIGHT_DEFECTS = """defects_of: retry-storm
base: {base}
defects:
  - {{name: first, title: a test, removed_by: [compare-and-swap], assumed: a test}}
  - {{name: second, title: a test, removed_by: [{second}], assumed: a test}}
"""


@pytest.mark.parametrize(
    ("second", "budget", "says"),
    [("long-leases", "16", "--attribution: "), ("no-such-thing", "480", "no-such-thing")],
)
def test_what_is_wrong_with_the_defects_is_said_before_anything_is_run(
    folder: Path, monkeypatch: pytest.MonkeyPatch, second: str, budget: str, says: str
) -> None:
    defects = folder.parent / "defects"
    defects.mkdir()
    text = NIGHT_DEFECTS.format(base=Path(STORM).resolve(), second=second)
    (defects / "retry-storm.yaml").write_text(text)
    monkeypatch.setattr("twin.experiments.wide_comparison.DEFECTS", defects)
    done = ask(folder, "--all", "--replicates", "12", "--attribution", budget)
    assert done.exit_code == 2 and says in done.output, done.output
    assert not (folder.parent / "study").exists()


def test_two_files_of_one_name_are_not_one_side(folder: Path) -> None:
    other = folder.parent / "other"
    other.mkdir()
    (other / "lifo.yaml").write_text(LIFO.replace("value: lifo", "value: fifo"))
    done = ask(folder, "--mitigate", "lifo", "--mitigate", str(other / "lifo.yaml"))
    assert done.exit_code == 2 and "the same name, 'lifo'" in done.output and str(other) in done.output


def test_what_is_asked_for_twice_is_one_side(folder: Path) -> None:
    from twin.experiments.arms import Arm, distinct

    assert distinct([("a", Arm("a")), ("x/a.yaml", Arm("a"))]) == (Arm("a"),)


@pytest.mark.parametrize("option", ["--parquet", "--html"])
def test_a_table_that_cannot_be_written_is_refused_first(folder: Path, option: str) -> None:
    done = ask(folder, "--mitigate", "lifo", option, str(folder))
    assert done.exit_code == 2 and f"{option}: {folder}: found a folder" in done.output
    assert not (folder.parent / "study").exists()


def test_a_full_disk_is_told_of_the_option_that_chooses_another(
    folder: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    def full(*given: object) -> None:
        raise OSError(errno.ENOSPC, "No space left on device", "runs.parquet")

    monkeypatch.setattr("twin.experiments.study.Study.do", full)
    done = ask(folder, "--mitigate", "lifo")
    assert done.exit_code == 2 and "what was run before is kept" in done.output
    assert "another disk with --study" in done.output and "--out" not in done.output


def test_a_command_without_a_study_has_written_nothing() -> None:
    from twin.cli._errors import _about_disk

    error = OSError(errno.ENOSPC, "No space left on device")
    assert _about_disk(error, {"--out"}).endswith("nothing was written: make room, or choose another disk "
                                                  "with --out")  # fmt: skip
    assert "--" not in _about_disk(error, set())


def test_a_suite_has_one_answer_for_each_scenario(folder: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    faults = folder.parent / "faults"
    faults.mkdir()
    text = Path(STORM).read_text().replace("scenario: retry-storm", "scenario: other-storm")
    (faults / "other-storm.yaml").write_text(text)
    monkeypatch.setattr("twin.experiments.wide_comparison.FAULTS", faults)
    table = folder.parent / "t.parquet"
    more = ("--suite", "--replicates", "12", "--json", "--parquet", str(table))
    done = ask(folder, "--mitigate", "lifo", *more)
    assert done.exit_code == 0, done.output
    document = json.loads(done.stdout)
    suite = document["suite"]["scenarios"]
    assert list(suite) == ["retry-storm", "other-storm"] and document["suite"]["unanswered"] == {}
    del document["mitigations"][0]["robustness"]
    assert document["mitigations"] == suite["retry-storm"]["mitigations"]
    assert {c["tests"] for c in suite.values()} == {document["tests"]} == {2 * len(document["metrics"])}
    assert "retry-storm: 1 mitigations" not in done.stderr, "it is not asked again"
    from pyarrow import parquet

    rows = parquet.read_table(table, columns=["scenario"]).column("scenario").to_pylist()
    assert rows.count("retry-storm") == rows.count("other-storm") == len(rows) / 2


def test_a_variant_without_worlds_leaves_the_others_their_answers(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    from typing import Any

    from twin.experiments.comparison import ComparisonPlan
    from twin.experiments.screening import NoWorlds
    from twin.experiments.study import Reporter
    from twin.experiments.wide_comparison import answers_in_variants

    def compared(study: object, question: ComparisonPlan) -> str:
        if question.variant == "drowned":
            raise NoWorlds("0 of 8 are valid")
        return question.variant

    monkeypatch.setattr("twin.experiments.wide_comparison.compared", compared)
    study: Any = type("Study", (), {"say": Reporter().says})
    variants = ("one", "drowned", "other")
    found, unanswered = answers_in_variants(study, ComparisonPlan("storm", (), 2, 60.0), variants)
    assert list(found) == ["one", "other"] and unanswered == {"drowned": "0 of 8 are valid"}


@pytest.mark.usefixtures("narrow")
def test_the_tables_fit_80_columns(folder: Path) -> None:
    name = "first-in-last-out-in-front"
    (folder / f"{name}.yaml").write_text(LIFO.replace("mitigation: lifo", f"mitigation: {name}"))
    done = ask(folder, "--mitigate", name, "--mitigate", "fifo", "--replicates", "2", "--by-service")
    assert done.exit_code == 0, done.output
    assert_fits(done.stdout, name, "fifo", "services impaired", "at the peak")
