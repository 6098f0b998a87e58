"""Where the project's files are, and where runs go.

| the package is | LIBRARY: scenarios, topologies, ...  | DATA: runs and studies                      |
| -------------- | ------------------------------------ | ------------------------------------------- |
| in a checkout  | the checkout                         | ``data/`` of the checkout                   |
| installed      | ``twin/library/``, part of the wheel | the user's data folder, ``XDG_DATA_HOME``   |
"""

from __future__ import annotations

import os
from pathlib import Path

PACKAGE = Path(__file__).resolve().parents[1]
PACKED = PACKAGE / "library"  # setup.py copies the files of a checkout to this folder of a wheel


def library_folder() -> Path:
    """The folder that holds ``topology/``, ``scenarios/``, ``data/`` and ``ui/`` of the project."""
    return PACKED if PACKED.is_dir() else PACKAGE.parent


def data_folder() -> Path:
    """The folder that holds the user's ``runs/`` and ``studies/``."""
    if not PACKED.is_dir():
        return PACKAGE.parent / "data"
    base = Path(os.environ.get("XDG_DATA_HOME", ""))
    return (base if base.is_absolute() else Path.home() / ".local" / "share") / "us-east-1-cascade-twin"


def brief(path: Path) -> str:
    """A path as help shows it: below the checkout, or below the user's home."""
    for start, sign in ((PACKAGE.parent, ""), (Path.home(), "~/")):
        if path.is_relative_to(start):
            return sign + path.relative_to(start).as_posix()
    return str(path)


def find_file(path: Path | str) -> Path:
    """The path as it is; or, if nothing is at it, the project's own file or folder with this path.

    So ``scenarios/examples/my-service.yaml`` means the same in a checkout and in an empty folder.
    """
    own = LIBRARY / path
    return own if own.exists() and not Path(path).exists() else Path(path)


LIBRARY = library_folder()
SCENARIOS = LIBRARY / "scenarios"
TOPOLOGY = LIBRARY / "topology" / "us-east-1"
RUNS = data_folder() / "runs"
STUDIES = data_folder() / "studies"
