"""The compiled loop on disk: which versions of it stay, and what a process that reads one notices."""

import importlib.util
import os
import shutil
from pathlib import Path
from typing import Any

import pytest

from twin.simulation import loop

NEWEST = "f" * 16
HOUR_S = 3600.0


def kernel(cache: Path, name: str, unused_h: float) -> Path:
    folder = cache / name
    (folder / "__pycache__").mkdir(parents=True)
    (folder / "twin_driver.py").touch()
    os.utime(folder, (1e9 - unused_h * HOUR_S,) * 2)
    return folder


def names(cache: Path) -> set[str]:
    return {p.name for p in cache.iterdir()}


def test_the_last_three_kernels_stay(tmp_path: Path) -> None:
    newest = kernel(tmp_path, NEWEST, 0)
    for n in range(5):
        kernel(tmp_path, f"{n:016x}", 2.0 + n)
    loop.delete_old_kernels(newest)
    assert names(tmp_path) == {NEWEST, f"{0:016x}", f"{1:016x}"}


def test_a_kernel_that_may_be_in_use_stays(tmp_path: Path) -> None:
    """Also where many checkouts are at work in one hour."""
    newest = kernel(tmp_path, NEWEST, 0)
    for n in range(8):
        kernel(tmp_path, f"{n:016x}", 0.1 * n)
    loop.delete_old_kernels(newest)
    assert len(names(tmp_path)) == 9


def test_only_kernels_are_deleted(tmp_path: Path) -> None:
    newest = kernel(tmp_path, NEWEST, 0)
    for name in ("notes", "0123", "g" * 16, *(f"{n:016x}" for n in range(3))):
        kernel(tmp_path, name, 50.0)
    loop.delete_old_kernels(newest)
    assert {"notes", "0123", "g" * 16} < names(tmp_path)


def test_using_a_kernel_keeps_it(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """A kernel that was used lately counts as new; a new version of the code deletes the oldest others."""
    monkeypatch.setenv("TWIN_CACHE_DIR", str(tmp_path))
    monkeypatch.setattr(loop, "_load", lambda path: loop)
    monkeypatch.setattr(loop, "advance", None, raising=False)
    cache = loop.cache_folder()
    use(monkeypatch, "a" * 16)
    for n in range(4):
        kernel(cache, f"{n:016x}", n)
    use(monkeypatch, f"{3:016x}")
    assert len(names(cache)) == 5, "nothing is deleted unless a kernel is new"
    use(monkeypatch, "b" * 16)
    assert names(cache) == {"a" * 16, "b" * 16, f"{3:016x}"}


def use(monkeypatch: pytest.MonkeyPatch, name: str) -> None:
    monkeypatch.setattr(loop, "kernel_hash", lambda: name)
    loop.driver.__wrapped__()


@pytest.mark.parametrize("moment", ["before it is compiled", "before it is loaded"])
def test_a_reader_whose_kernel_is_deleted_compiles_its_own(tmp_path: Path, moment: str) -> None:
    source = "from twin.base.jit import njit\n@njit(cache=True)\ndef advance(x):\n    return x + 1\n"
    (tmp_path / "k").mkdir()
    (tmp_path / "k" / "twin_driver.py").write_text(source)
    if moment == "before it is loaded":
        assert load(tmp_path / "k" / "twin_driver.py").advance(1) == 2
    reader = load(tmp_path / "k" / "twin_driver.py")
    shutil.rmtree(tmp_path / "k")
    assert reader.advance(2) == 3


def load(path: Path) -> Any:
    spec = importlib.util.spec_from_file_location("some_driver", path)
    assert spec is not None and spec.loader is not None
    module = importlib.util.module_from_spec(spec)
    spec.loader.exec_module(module)
    return module
