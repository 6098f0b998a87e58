"""The version of the code: it changes with what can change a row, and with nothing else."""

from pathlib import Path

import pytest

from twin.base.places import PACKAGE
from twin.simulation import code_version as versions

CODE = '''"""A module."""

RATIO = 0.5  # of all


def half(value):
    """Half of it."""
    return RATIO * value
'''
SQL = "-- reads: samples\n-- What is lost.\ncreate view lost as select 1 as n;\n"


def version(python: str = CODE, sql: str = SQL) -> str:
    return versions.version_of({"a.py": python, "b.sql": sql})


@pytest.mark.parametrize(
    ("old", "new"),
    [("A module.", "Another account."), ("Half of it.", "What half is."), ("# of all", "# of everything"),
     ("RATIO * value", "RATIO  *  value"), ('    """Half of it."""\n', "")],
)  # fmt: skip
def test_what_only_people_read_keeps_the_version(old: str, new: str) -> None:
    assert old in CODE and version(CODE.replace(old, new)) == version()


@pytest.mark.parametrize(
    ("old", "new"), [("0.5", "0.25"), ("half(value)", "half(x)"), ("value\n", "-value\n")]
)
def test_a_change_of_code_changes_it(old: str, new: str) -> None:
    assert old in CODE and version(CODE.replace(old, new)) != version()


def test_sql_without_its_comments() -> None:
    assert version(sql=SQL.replace("What is lost.", "Losses.")) == version()
    assert version(sql=SQL.replace("select 1", "select  1")) == version()
    assert version(sql=SQL.replace("select 1", "select 2")) != version()


def test_it_is_of_all_that_makes_a_row_and_of_nothing_else() -> None:
    names = {path.relative_to(PACKAGE).as_posix() for path in versions.sources()}
    some = {"kinds/relay.py", "simulation/loop.py", "simulation/sql/metrics.sql", "spec/inputs.py"}
    some |= {"results/outcomes.py", "experiments/realizations.py", "experiments/questions.py"}
    some |= {"experiments/study.py", "experiments/screening.py"}
    assert some <= names
    assert not any(name.startswith(("cli/", "report/", "validation/")) for name in names)


@pytest.mark.parametrize("library", ["numba", "numpy"])
def test_another_build_is_another_version(library: str, monkeypatch: pytest.MonkeyPatch) -> None:
    versions.code_version.cache_clear()
    first = versions.code_version()
    monkeypatch.setattr(f"{library}.__version__", "0.0")
    versions.code_version.cache_clear()
    assert versions.code_version() != first
    versions.code_version.cache_clear()


def test_it_is_read_from_the_cache_the_second_time(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("TWIN_CACHE_DIR", str(tmp_path))
    versions.code_version.cache_clear()
    first = versions.code_version()
    (kept,) = (path for path in tmp_path.rglob("code/*"))
    assert kept.read_text() == first
    monkeypatch.setattr(versions, "version_of", lambda texts: pytest.fail("computed again"))
    versions.code_version.cache_clear()
    assert versions.code_version() == first
    versions.code_version.cache_clear()
