"""The wheel works where there is no checkout: it brings scenarios, and runs go to the user's folder."""

import json
import os
import subprocess
import sys
import sysconfig
import venv
from pathlib import Path

import pytest

from .tree import ROOT, read_tree, write_tree

PIP = [sys.executable, "-m", "pip", "--quiet", "--disable-pip-version-check"]


@pytest.fixture(scope="module")
def bin_folder(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """``bin/`` of an environment with the wheel, which borrows the packages of this environment."""
    folder = tmp_path_factory.mktemp("wheel")
    write_tree(read_tree(), folder / "source")
    run(
        [*PIP, "wheel", "--no-deps", "--no-build-isolation", "-w", str(folder), str(folder / "source")],
        folder,
    )
    (wheel,) = folder.glob("*.whl")
    venv.create(folder / "venv")
    run([*PIP, "--python", str(folder / "venv"), "install", "--no-deps", str(wheel)], folder)
    (site,) = (folder / "venv").glob("lib/*/site-packages")
    (site / "borrowed.pth").write_text(sysconfig.get_path("purelib"))
    return folder / "venv" / "bin"


def run(command: list[str], folder: Path, **more: str) -> subprocess.CompletedProcess[str]:
    folder.mkdir(exist_ok=True)
    outside = {name: value for name, value in os.environ.items() if name != "PYTHONPATH"}
    done = subprocess.run(command, cwd=folder, env=outside | more, capture_output=True, text=True)
    assert done.returncode in (0, 2), done.stdout + done.stderr
    return done


@pytest.mark.slow
def test_an_installed_package_replays_anywhere(bin_folder: Path, tmp_path: Path) -> None:
    twin, data = str(bin_folder / "twin"), {"XDG_DATA_HOME": str(tmp_path / "data")}
    home = run([str(bin_folder / "python"), "-c", "import twin; print(twin.__file__)"], tmp_path / "empty")
    assert Path(home.stdout.strip()).is_relative_to(bin_folder.parent), "the wheel is what is tested"
    listed = run([twin, "list", "scenarios"], tmp_path / "empty", **data).stdout
    assert "us-east-1-2025-10-20" in listed and "az-loss" in listed
    card = run([twin, "replay", "us-east-1-2025-10-20", "--until", "+3h"], tmp_path / "empty", **data).stdout
    assert "predicted" in card
    runs = tmp_path / "data" / "us-east-1-cascade-twin" / "runs"
    (manifest,) = runs.glob("*/manifest.json")
    assert not any((tmp_path / "empty").iterdir())
    version = "from twin.simulation.code_version import code_version; print(code_version())"
    assert (
        json.loads(manifest.read_text())["code"] == run([sys.executable, "-c", version], ROOT).stdout.strip()
    )
    assert "us-east-1-2025-10-20" in run([twin, "list", "runs"], tmp_path / "empty", **data).stdout


@pytest.mark.slow
def test_an_installed_package_knows_every_name_of_the_checkout(bin_folder: Path, tmp_path: Path) -> None:
    twin = str(bin_folder / "twin")
    for what in ("scenarios", "mitigations", "services"):
        here = run([sys.executable, "-m", "twin", "list", what, "--json"], ROOT).stdout
        assert run([twin, "list", what, "--json"], tmp_path / "empty").stdout == here
    paths = ["topology/us-east-1", "scenarios/us-east-1-2025-10-20.yaml", "scenarios/faults/az-loss.yaml"]
    more = ["--with", "scenarios/examples/my-service.yaml"]
    checked = run([twin, "check", *paths, *more], tmp_path / "empty")
    answers = [line for line in checked.stdout.splitlines() if not line.startswith("  ")]  # without levels
    assert [line.partition(": ok")[:2] for line in answers] == [(str(p), ": ok") for p in paths], (
        checked.stderr
    )
    wrong = run([twin, "replay", "us-east-1-2025-10-2"], tmp_path / "empty")
    assert wrong.returncode == 2 and "did you mean us-east-1-2025-10-20" in wrong.stderr, wrong.stderr


@pytest.mark.slow
def test_the_wheel_brings_what_the_checkout_has_and_nothing_else(bin_folder: Path) -> None:
    (library,) = bin_folder.parent.glob("lib/*/site-packages/twin/library")
    packed = {p.relative_to(library).as_posix() for p in library.rglob("*") if p.is_file()}
    folders = ("topology/", "scenarios/", "data/published/", "data/sources.yaml", "ui/")
    documents = (".md", ".schema.json")
    wanted = {name for name in read_tree() if name.startswith(folders) and not name.endswith(documents)}
    assert {name for name in packed if not name.endswith(".pyc")} == wanted
