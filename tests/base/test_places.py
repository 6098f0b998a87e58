"""Where files are looked for and runs go, in a checkout and in an installed package."""

from pathlib import Path

import pytest

from twin.base import places

CHECKOUT = Path(__file__).parents[2]


def test_in_a_checkout_everything_is_in_the_checkout() -> None:
    assert places.LIBRARY == CHECKOUT and places.RUNS == CHECKOUT / "data" / "runs"
    assert places.brief(places.RUNS) == "data/runs"


@pytest.fixture
def installed(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """A package with its library, and a home."""
    package = tmp_path / "site-packages" / "twin"
    (package / "library").mkdir(parents=True)
    monkeypatch.setattr(places, "PACKAGE", package)
    monkeypatch.setattr(places, "PACKED", package / "library")
    monkeypatch.setenv("HOME", str(tmp_path / "home"))
    monkeypatch.delenv("XDG_DATA_HOME", raising=False)
    return package


def test_a_path_of_the_project_is_found_anywhere(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """What is where the user is comes first; an unknown path stays what it was."""
    mine, example = Path("my.yaml"), Path("scenarios/examples/retry-storm.yaml")
    monkeypatch.chdir(tmp_path)
    assert places.find_file("nothing/of/this.yaml") == Path("nothing/of/this.yaml")
    assert places.find_file(example) == CHECKOUT / example
    for path in (mine, example):
        path.parent.mkdir(parents=True, exist_ok=True)
        path.touch()
        assert places.find_file(str(path)) == path


def test_an_installed_package_brings_its_library(installed: Path) -> None:
    assert places.library_folder() == installed / "library"


@pytest.mark.parametrize("base", [None, "", "relative/folder"])
def test_an_installed_package_writes_to_the_users_data_folder(
    installed: Path, base: str | None, monkeypatch: pytest.MonkeyPatch
) -> None:
    """The XDG specification ignores a relative path."""
    if base is not None:
        monkeypatch.setenv("XDG_DATA_HOME", base)
    assert places.data_folder() == Path.home() / ".local" / "share" / "us-east-1-cascade-twin"
    assert places.brief(places.data_folder()) == "~/.local/share/us-east-1-cascade-twin"


def test_xdg_data_home_says_where(installed: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("XDG_DATA_HOME", str(tmp_path / "data"))
    assert places.data_folder() == tmp_path / "data" / "us-east-1-cascade-twin"
    assert places.brief(places.data_folder()) == str(places.data_folder())
