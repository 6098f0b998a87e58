"""Compiled code: which modules a run needs, what is kept on disk, and who compiles it."""

import io
import os
import pickle
import shutil
import subprocess
import sys
from pathlib import Path
from typing import Any

import numba
import pytest

import twin
from twin.kinds import registry
from twin.simulation import kernel_files, kernels
from twin.simulation.kernel_files import CLOCKWORK, EACH, LOOP, claimed, delete_old_kernels, sources_of
from twin.simulation.world import Model, build

ROOT = Path(__file__).parents[2]
REGION = ROOT / "scenarios" / "us-east-1-2025-10-20.yaml"
SHOP = ROOT / "scenarios" / "examples" / "slow-dependency.yaml"
NEWEST = "f" * 16
HOUR_S = 3600.0


def kernel(cache: Path, name: str, unused_h: float, module: str = "relay") -> Path:
    file = cache / f"{module}-{name}.kernel"
    file.touch()
    os.utime(file, (1e9 - unused_h * HOUR_S,) * 2)
    return file


def names(cache: Path) -> set[str]:
    return {p.name.rpartition("-")[2].removesuffix(".kernel") for p in cache.iterdir()}


def test_the_last_three_kernels_of_a_module_stay(tmp_path: Path) -> None:
    newest = kernel(tmp_path, NEWEST, 0)
    for n in range(5):
        kernel(tmp_path, f"{n:016x}", 2.0 + n)
    other = kernel(tmp_path, "a" * 16, 50.0, "relay-one-by-one")
    delete_old_kernels(newest)
    assert names(tmp_path) == {NEWEST, f"{0:016x}", f"{1:016x}", "a" * 16} and other.exists()


def test_a_kernel_that_may_be_in_use_stays(tmp_path: Path) -> None:
    """Also where many checkouts are at work in one hour."""
    newest = kernel(tmp_path, NEWEST, 0)
    for n in range(8):
        kernel(tmp_path, f"{n:016x}", 0.1 * n)
    delete_old_kernels(newest)
    assert len(names(tmp_path)) == 9


def test_only_kernels_are_deleted(tmp_path: Path) -> None:
    newest = kernel(tmp_path, NEWEST, 0)
    for name in ("notes", "0123", "g" * 16, *(f"{n:016x}" for n in range(3))):
        kernel(tmp_path, name, 50.0)
    delete_old_kernels(newest)
    assert {"notes", "0123", "g" * 16} < names(tmp_path)


@pytest.fixture
def region() -> Model:
    return build(twin.load(REGION, until="+1m"), seed=1)


@pytest.fixture
def shop() -> Model:
    return build(twin.load(SHOP, until="+1s"), seed=1)


def test_a_run_needs_the_modules_of_its_own_services(region: Model, shop: Model) -> None:
    """A region needs no clockwork of single calls, and single calls need no kind as counts."""
    counted = {list(registry())[k] for k in region.state.svc["kind"]}
    assert set(kernels.modules_of(region)) == {LOOP, *counted}
    single = kernels.modules_of(shop)
    assert single[:2] == [LOOP, CLOCKWORK] and len(single) > 2
    assert all(name.endswith(EACH) for name in single[2:])


def test_an_actor_needs_the_modules_of_what_it_steps(region: Model) -> None:
    name = region.names[0]
    kind = list(registry())[region.state.svc["kind"][0]]
    assert kernels.modules_of(region.of([name])) == [LOOP, kind]


def test_runs_of_any_scenario_share_kernels(region: Model, shop: Model) -> None:
    assert numba.typeof(region.state) == numba.typeof(shop.state)


def test_a_change_of_a_kind_concerns_that_kind(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    package = shutil.copytree(kernel_files.PACKAGE, tmp_path / "twin")
    monkeypatch.setattr(kernel_files, "PACKAGE", package)
    modules = [LOOP, CLOCKWORK, *registry()]
    before = {name: hash_of(name) for name in modules}
    for file in ("kinds/relay.py", "kinds/dns/enactors.py", "mechanisms/requests/stations.py"):
        (package / file).write_text((package / file).read_text() + "\nX = 1\n")
    assert {name for name in modules if hash_of(name) != before[name]} == {"relay", "dns", CLOCKWORK}
    (package / "mechanisms/calls.py").write_text("X = 1\n")
    assert all(hash_of(name) != before[name] for name in (LOOP, CLOCKWORK, "relay", "dns"))


def hash_of(module: str) -> str:
    kernel_files._imported.cache_clear()
    return kernel_files._kernel_hash.__wrapped__(module, "arrays")


def test_the_sources_of_a_module_are_what_it_imports() -> None:
    files = {p.relative_to(kernel_files.PACKAGE).as_posix() for p in sources_of("relay")}
    assert {"kinds/relay.py", "mechanisms/calls.py", "mechanisms/arrays.py", "base/rng.py"} < files
    assert {"model/dependency_parameters.py", "base/jit.py", "simulation/entries.py"} < files
    assert not any(name.startswith("kinds/") for name in files - {"kinds/relay.py"})
    assert "mechanisms/requests/engine.py" not in files
    assert "mechanisms/requests/report.py" in {p.relative_to(kernel_files.PACKAGE).as_posix()
                                               for p in sources_of("relay" + EACH)}  # fmt: skip


def test_one_process_compiles_a_module(tmp_path: Path) -> None:
    file = tmp_path / "new" / "relay-0.kernel"
    with claimed(file, wait=False) as mine, claimed(file, wait=False) as others:
        assert mine and not others
    with claimed(file, wait=False) as mine:
        assert mine


def test_a_folder_that_cannot_be_written_costs_time_only(tmp_path: Path) -> None:
    (tmp_path / "file").touch()
    file = tmp_path / "file" / "relay-0.kernel"
    with claimed(file, wait=True) as mine:
        assert mine
    kernel_files.keep_kernel(file, b"")
    assert not file.exists()


class Compiler:
    """In place of Numba: keeps what it was asked to compile, as empty modules."""

    def __init__(self, monkeypatch: pytest.MonkeyPatch, cache: Path) -> None:
        self.asked: list[str] = []
        monkeypatch.setenv("TWIN_CACHE_DIR", str(cache))
        monkeypatch.setattr(kernels, "_loaded", {})
        monkeypatch.setattr(kernels, "_compiled", self._compiled)
        monkeypatch.setattr(kernels, "MOST_PROCESSES", 1)

    def _compiled(self, name: str, world: object) -> dict[str, Any]:
        self.asked.append(name)
        return {}

    def new_process(self, monkeypatch: pytest.MonkeyPatch) -> None:
        monkeypatch.setattr(kernels, "_loaded", {})


def test_what_is_on_disk_is_not_compiled_again(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    numba_ = Compiler(monkeypatch, tmp_path)
    kernels.fetch(["relay", "dns"], "arrays")
    kernels.fetch(["relay", "dns"], "arrays")
    numba_.new_process(monkeypatch)
    kernels.fetch(["relay", "dns", CLOCKWORK], "arrays")
    assert numba_.asked == ["relay", "dns", CLOCKWORK]


def test_who_comes_second_starts_no_helpers(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """Or many programs that start at once would start as many processes each."""
    Compiler(monkeypatch, tmp_path)
    monkeypatch.setattr(kernels, "MOST_PROCESSES", 3)
    monkeypatch.setattr(os, "cpu_count", lambda: 3)
    started = []
    monkeypatch.setattr(kernels.subprocess, "Popen", lambda *args, **options: started.append(args) or Quiet())
    with claimed(kernel_files.kernel_file("relay", "arrays"), wait=False):
        assert kernels._helpers(["relay", "dns", "loop"], "arrays") == []
    assert len(kernels._helpers(["relay", "dns", "loop"], "arrays")) == len(started) == 2


class Quiet:
    """In place of a process that has been started."""

    def __init__(self) -> None:
        self.stdin = io.BytesIO()


@pytest.mark.parametrize("content", [b"", b"nonsense", pickle.dumps({})[:-1]])
def test_a_damaged_kernel_is_compiled_again(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, content: bytes
) -> None:
    numba_ = Compiler(monkeypatch, tmp_path)
    kernels.fetch(["relay"], "arrays")
    numba_.new_process(monkeypatch)
    kernel_files.kernel_file("relay", "arrays").write_bytes(content)
    kernels.fetch(["relay"], "arrays")
    assert numba_.asked == ["relay", "relay"]


def test_a_kernel_in_use_counts_as_new(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    numba_ = Compiler(monkeypatch, tmp_path)
    kernels.fetch(["relay"], "arrays")
    file = kernel_files.kernel_file("relay", "arrays")
    os.utime(file, (1e9, 1e9))
    numba_.new_process(monkeypatch)
    kernels.fetch(["relay"], "arrays")
    assert file.stat().st_mtime > 1.5e9


COUNT_PASSES = """
import sys
from numba.core import event
import twin

class Passes(event.Listener):
    def on_start(self, e):
        print(e.data)
    def on_end(self, e):
        pass

with event.install_listener("numba:run_pass", Passes()):
    for scenario in sys.argv[1:]:
        twin.run(twin.load(scenario, until="+1m"), debug=True)
"""


LOAD_ALL = """
import sys, twin
for scenario in sys.argv[1:]:
    twin.run(twin.load(scenario, until="+1m"))
sys.exit(bool({"numba.np.arraymath", "scipy.linalg"} & set(sys.modules)))
"""


def test_a_run_loads_nothing_that_only_a_compiler_needs() -> None:
    """It takes a third of a second."""
    for scenario in (REGION, SHOP):
        twin.run(twin.load(scenario, until="+1m"))
    command = [sys.executable, "-c", LOAD_ALL, str(REGION), str(SHOP)]
    assert subprocess.run(command).returncode == 0


def test_a_run_compiles_nothing_once_its_modules_are_there() -> None:
    for scenario in (REGION, SHOP):
        twin.run(twin.load(scenario, until="+1m"))
    command = [sys.executable, "-W", "error", "-c", COUNT_PASSES, str(REGION), str(SHOP)]
    done = subprocess.run(command, capture_output=True, text=True)
    assert (done.returncode, done.stdout) == (0, ""), done.stdout[:2000] + done.stderr
