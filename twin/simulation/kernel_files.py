"""The compiled modules on disk, the *kernels*: their names, who writes one, and how old ones go.

Numba does not notice a change in another file. So the name of a kernel holds a hash of all source files whose
code is in it: a stale kernel cannot be loaded, and a change of one kind leaves the kernels of others valid.
The last few versions of a kernel stay, so that two checkouts do not delete each other's.
"""

from __future__ import annotations

import hashlib
import os
import re
import sys
import tempfile
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from functools import cache
from pathlib import Path

import numba
import numpy as np
from numba.core.registry import cpu_target

from twin.base.places import PACKAGE

try:
    import fcntl
except ImportError:  # not on Windows: two processes may then compile the same, and the last one's file stays
    fcntl = None  # type: ignore[assignment]

KERNELS_KEPT = 3  # of a module
IN_USE_S = 3600.0  # a kernel that was used in the last hour before another was compiled may still be in use
LOOP, CLOCKWORK = "loop", "clockwork"
EACH = "-one-by-one"  # ends the name of a kind's module for services that are stepped one by one

ROOMS = ("base", "model", "mechanisms", "kinds")  # whose modules may hold compiled code
_REPORT = "mechanisms/requests/report.py"
_ROOTS = {
    LOOP: ("simulation/loop.py",),
    CLOCKWORK: ("mechanisms/requests/engine.py", "mechanisms/requests/books.py", _REPORT),
}
_IMPORT = re.compile(r"^from twin\.([\w.]+) import (\([^)]*\)|.*)$", re.MULTILINE)


def cache_folder() -> Path:
    """Where compiled kernels are kept: TWIN_CACHE_DIR, else the user's cache folder."""
    base = os.environ.get("TWIN_CACHE_DIR") or os.environ.get("XDG_CACHE_HOME")
    return Path(base or Path.home() / ".cache") / "us-east-1-cascade-twin"


def kernel_file(module: str, world: str) -> Path:
    """The file of a module: the loop, the clockwork, or a kind; ``world`` says of which arrays a run is."""
    return cache_folder() / "kernels" / f"{module}-{_kernel_hash(module, world)}.kernel"


@cache
def _kernel_hash(module: str, world: str) -> str:
    """Hash of what its machine code is made of: sources, arrays, Python, Numba, and the processor."""
    processor = cpu_target.target_context.codegen().magic_tuple()
    build = f"{numba.__version__} {np.__version__} {sys.version_info[:2]} {processor} {world}"
    digest = hashlib.sha256(build.encode())
    for path in sources_of(module):
        digest.update(path.relative_to(PACKAGE).as_posix().encode() + b"\0" + path.read_bytes() + b"\0")
    return digest.hexdigest()[:16]


def sources_of(module: str) -> list[Path]:
    """The files whose code is in a module: those that it begins with, and all that these import."""
    kind = module.removesuffix(EACH)
    own = [PACKAGE / "kinds" / f"{kind}.py", *(PACKAGE / "kinds" / kind).rglob("*.py")]
    roots = [PACKAGE / name for name in _ROOTS.get(module, ())] or [path for path in own if path.exists()]
    roots += [PACKAGE / _REPORT] * (module != kind)
    waiting = [*roots, PACKAGE / "base" / "jit.py", PACKAGE / "model" / "parameter.py"]
    found = {PACKAGE / "simulation" / "entries.py"}  # the module's own part of it names what it needs
    while waiting:
        path = waiting.pop()
        if path not in found:
            found.add(path)
            waiting += _imported(path)
    return sorted(found)


@cache
def _imported(path: Path) -> list[Path]:
    """The files of ROOMS that a file imports."""
    names = []
    for module, imported in _IMPORT.findall(path.read_text()):
        names += [module, *(f"{module}.{name}" for name in re.findall(r"\w+", imported))]
    places = [PACKAGE.joinpath(*name.split(".")) for name in names if name.partition(".")[0] in ROOMS]
    files = [file for place in places for file in (place.with_suffix(".py"), place / "__init__.py")]
    return [file for file in files if file.is_file()]


@contextmanager
def claimed(file: Path, wait: bool) -> Iterator[bool]:
    """Whether this process may compile ``file``: nobody else does. With ``wait``, after nobody else does."""
    try:
        file.parent.mkdir(parents=True, exist_ok=True)
        lock = file.with_suffix(".lock").open("w")
    except OSError:  # a folder that cannot be written: what is compiled is not kept
        yield True
        return
    with lock:
        try:
            if fcntl:
                fcntl.flock(lock, fcntl.LOCK_EX if wait else fcntl.LOCK_EX | fcntl.LOCK_NB)
        except OSError:
            yield wait  # no lock: on another's, or on a file system without locks
        else:
            yield True


def keep_kernel(file: Path, content: bytes) -> None:
    """Write a kernel, so that it is there as a whole or not at all, and delete old ones of its module."""
    with suppress(OSError):  # a cache that cannot be written costs time only
        with tempfile.NamedTemporaryFile("wb", dir=file.parent, delete=False, suffix=".tmp") as handle:
            handle.write(content)
        os.replace(handle.name, file)
        delete_old_kernels(file)


def delete_old_kernels(newest: Path) -> None:
    """Delete all but the last kernels of its module that were used, ``newest`` among them.

    Time is measured by the files' own times of last use. Who has loaded a kernel does not need its file.
    """
    module = re.escape(newest.name.rpartition("-")[0])
    with suppress(OSError):  # another process does the same
        siblings = [
            p for p in newest.parent.iterdir() if re.fullmatch(module + r"-[0-9a-f]{16}\.kernel", p.name)
        ]
        last_used_s = {p: p.stat().st_mtime for p in siblings}
        for old in sorted(siblings, key=last_used_s.__getitem__, reverse=True)[KERNELS_KEPT:]:
            if last_used_s[newest] - last_used_s[old] > IN_USE_S:
                old.unlink(missing_ok=True)
                old.with_suffix(".lock").unlink(missing_ok=True)
