"""What a person reads fits 80 columns, and no name is broken to make it fit."""

from pathlib import Path

import pytest

from twin.cli import _show as show

from .conftest import TINY, Twin, assert_fits

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
