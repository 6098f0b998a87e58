"""What a person reads fits 80 columns, and no name is broken to make it fit."""

import re
from pathlib import Path

import pytest

from tests.experiments.search.conftest import FILES, SCENARIO
from tests.experiments.search.conftest import write as write_mitigations
from tests.validation.fit.conftest import ROWS
from tests.validation.fit.conftest import write as write_fit
from twin.cli import _show as show

from .conftest import TINY, Twin, assert_fits
from .test_barriers import BARRIERS

NAMES = ("replication-of-the-store", "customers-of-the-whole-site")


@pytest.fixture(scope="module")
def long_names(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """The tiny scenario, with names as long as names are."""
    path = tmp_path_factory.mktemp("long") / "long.yaml"
    path.write_text(
        TINY.replace("scenario: tiny", "scenario: long")
        .replace("store", NAMES[0])
        .replace("people", NAMES[1])
    )
    return path


@pytest.mark.usefixtures("narrow")
def test_runs(twin: Twin, long_names: Path) -> None:
    assert_fits(twin("run", long_names).stdout, NAMES[0])
    assert_fits(twin("run", long_names, "--set", f"{NAMES[0]}.fault_ratio=0.2").stdout, NAMES[0])
    assert_fits(twin("why", "last", "site").stdout, NAMES[0])
    assert_fits(twin("list", "runs").stdout, "long")
    (first, *_) = [line.split()[0] for line in twin("list", "runs").stdout.splitlines()[2:]]
    assert_fits(twin("diff", first, "last").stdout, NAMES[0])


@pytest.mark.usefixtures("narrow")
@pytest.mark.parametrize("what", ["kinds", "services", "scenarios", "mitigations"])
def test_lists(twin: Twin, what: str) -> None:
    assert_fits(twin("list", what).stdout)


@pytest.mark.usefixtures("narrow")
def test_the_graph(twin: Twin, long_names: Path) -> None:
    assert_fits(twin("blast", long_names).stdout, NAMES[0])


def test_a_table_of_many_names_is_wide_rather_than_broken(capsys: pytest.CaptureFixture[str]) -> None:
    names = [f"a-name-of-some-length-{n}" for n in range(12)]
    show.table(names, [names])
    assert all(name in capsys.readouterr().out for name in names[:1])


def test_prose_keeps_its_indent(capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("COLUMNS", "30")
    show.prose("one\n  because of resolvers-internal, which waits")
    assert capsys.readouterr().out == "one\n  because of\n    resolvers-internal, which\n    waits\n"


@pytest.mark.usefixtures("narrow")
@pytest.mark.parametrize("view", ["impact", "samples", "events", "totals", "episodes", "signals", "story"])
def test_answers_of_a_query(twin: Twin, view: str) -> None:
    """A time stays on its line."""
    shown = twin("query", "last", f"from {view} limit 3").stdout
    assert_fits(shown)
    assert "+00:00" not in shown and not re.search(r"2025-10-20 *$", shown, re.M)


@pytest.mark.usefixtures("narrow")
def test_barriers(twin: Twin, tiny: Path, tmp_path: Path) -> None:
    file = tmp_path / "barriers.yaml"
    title = "A copy of the store that keeps the rows of the last days and needs no lock"
    file.write_text(BARRIERS.format(base=tiny).replace("A copy of the store", title))
    done = twin("barriers", tiny, "--barriers", file, "--runner", "inline", "--study", tmp_path / "study")
    assert_fits(done.stdout, "did not exist", "19 Oct 22:18")


@pytest.fixture
def two(tmp_path: Path) -> tuple[object, ...]:
    """A scenario with two breaks, and its mitigations, one with a long name."""
    path = tmp_path / "two-breaks.yaml"
    path.write_text(SCENARIO)
    files = {**FILES, "a-decoy-of-a-very-long-name": FILES["decoy-1"]}
    folder = write_mitigations(tmp_path / "mitigations", files)
    return path, "--mitigations", folder, "--runner", "inline", "--study", tmp_path / "study"


@pytest.mark.usefixtures("narrow")
def test_a_search(twin: Twin, two: tuple[object, ...]) -> None:
    goal = "site-a.lost_min < 1 and site-b.lost_min < 1 and time_to_recovery < 4h and p_recovered > 50%"
    done = twin("search", *two, "--goal", goal, "--budget", 64)
    assert_fits(done.stdout, "both")


@pytest.mark.usefixtures("narrow")
def test_a_tournament(twin: Twin, two: tuple[object, ...]) -> None:
    done = twin("compare", *two, "--all", "--worlds", 2, "--attribution", 0)
    assert_fits(done.stdout, "Pareto front", "a-decoy-of-a-very-long-name")


@pytest.mark.usefixtures("narrow")
def test_a_calibration(twin: Twin, tmp_path: Path) -> None:
    fit = write_fit(tmp_path, dict.fromkeys(ROWS, 30.0), "50m", "30/s")
    more = ("--runner", "inline", "--study", tmp_path / "study")
    shown = twin("calibrate", fit, "--budget", 8, "--leave-one-out", *more).stdout
    assert_fits(shown, "mover.capacity_per_s")
    assert not re.search(r"^ +min\b", shown, re.M), "a number stays on the line of its unit"
