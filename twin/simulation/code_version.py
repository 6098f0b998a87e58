"""The version of the code, for the key of a run: a hash of what can change a row, and of nothing else.

That is the syntax tree of each module without its docstrings, each SQL file without comments, and the build.
So a change of a docstring, a comment or the layout keeps every finished run. The hash of each version of the
files is kept in the cache folder, since reading 13,000 lines of Python takes half a second.
"""

from __future__ import annotations

import ast
import hashlib
import os
import platform
import re
import sys
import tempfile
from collections.abc import Iterable
from functools import cache
from pathlib import Path

import numba
import numpy as np

from twin.base.places import PACKAGE
from twin.simulation.kernel_files import cache_folder

FOLDERS = ("base", "model", "mechanisms", "kinds", "spec", "simulation", "results")
MODULES = ("arms", "questions", "realizations", "screening", "study")  # of twin/experiments
_COMMENT = re.compile(r"--[^\n]*")


@cache
def code_version() -> str:
    """SHA-256 of the code that can change a row of a run or of a study."""
    return _kept(sources())


def sources() -> list[Path]:
    """The files that can change a row, in the order of their names."""
    own = [PACKAGE / "experiments" / f"{name}.py" for name in MODULES]
    every = [path for name in FOLDERS for path in (PACKAGE / name).rglob("*.*")]
    return sorted(own + [path for path in every if path.suffix in (".py", ".sql")])


def build_identity() -> str:
    """Versions of Python, Numba and NumPy, and the processor: another build may round another way."""
    return f"{sys.version_info[:2]} {numba.__version__} {np.__version__} {platform.machine()}"


def _kept(files: Iterable[Path]) -> str:
    texts = {path.relative_to(PACKAGE).as_posix(): path.read_text() for path in files}
    raw = _digest([build_identity(), *(part for item in texts.items() for part in item)])
    path = cache_folder() / "code" / raw
    try:
        return path.read_text()
    except OSError:
        version = _digest([build_identity(), version_of(texts)])
    try:
        path.parent.mkdir(parents=True, exist_ok=True)
        with tempfile.NamedTemporaryFile("w", dir=path.parent, delete=False) as handle:
            handle.write(version)
        os.replace(handle.name, path)
    except OSError:  # a cache that cannot be written costs time only
        pass
    return version


def version_of(texts: dict[str, str]) -> str:
    """Hash of what these files do: name → text of Python (``.py``) or SQL (``.sql``)."""
    return _digest(part for name, text in sorted(texts.items()) for part in (name, _behaviour(name, text)))


def _behaviour(name: str, text: str) -> str:
    if name.endswith(".sql"):
        return " ".join(_COMMENT.sub("", text).split())
    tree = ast.parse(text)
    for node in ast.walk(tree):
        if isinstance(node, ast.Module | ast.ClassDef | ast.FunctionDef) and ast.get_docstring(node, False):
            node.body = node.body[1:]
    return ast.dump(tree)


def _digest(parts: Iterable[str]) -> str:
    digest = hashlib.sha256()
    for part in parts:
        digest.update(part.encode() + b"\0")
    return digest.hexdigest()
