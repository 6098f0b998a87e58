"""Any file of a project: its keys say what it is.

``twin check`` asks this module. ``with_files`` hold services of one's own: a mitigation, a what-if or a
scenario may name them and their dependencies.
"""

from __future__ import annotations

from collections.abc import Iterable
from pathlib import Path
from typing import Any

from twin.spec.barriers import load_barriers
from twin.spec.bases import base_of, load_scenario, load_what_if
from twin.spec.defects import load_defects
from twin.spec.doubts import Counted, doubts_about_scenario, doubts_about_topology
from twin.spec.mitigations import load_mitigation
from twin.spec.problems import Problem
from twin.spec.sources import load_published, load_sources
from twin.spec.topology import load_topology
from twin.spec.tree import must_read, read_tree
from twin.spec.variations import load_variant

OTHERS = (
    "sources",
    "what_if",
    "barriers",
    "defects",
    "mitigation",
    "variant",
)  # keys of other sorts of files


def keys_of(file: Path) -> set[str]:
    """The keys at the top of a YAML file; none if it cannot be read."""
    tree = read_tree(file, [])
    return {key for key, _ in tree.items()} if tree is not None else set()


def load_any(file: Path, topology: Path, with_files: Iterable[Path] = ()) -> Any:
    """The record of a file, whatever it holds. Raises SpecError.

    ``topology``: the folder that files of services, mitigations and variants are checked against.
    """
    on_top = tuple(with_files)
    if file.is_dir():
        return load_topology(file, on_top)
    if file.suffix == ".csv":  # a published timeline; what must not happen stands in a file beside it
        return load_published(file.with_name(file.name.replace("-must-not.csv", ".csv")))
    keys = keys_of(file)
    if "sources" in keys:
        return load_sources(file)
    if "what_if" in keys:
        return load_what_if(file, with_files=on_top)
    if "barriers" in keys:
        return load_barriers(file, with_files=on_top)
    if "defects" in keys:
        return load_defects(file, base_of(must_read(file), file))
    if "mitigation" in keys:
        return load_mitigation(file, load_topology(topology, on_top), with_files=on_top)
    if "variant" in keys:
        return load_variant(file, load_topology(topology, on_top))
    if _is_scenario(keys):
        return load_scenario(file, on_top)
    return load_topology(*_part(file, topology, on_top, keys))


def _is_scenario(keys: set[str]) -> bool:
    return bool({"scenario", "start"} & keys) or not {"services", "topology"} & keys


def _part(
    file: Path, topology: Path, on_top: tuple[Path, ...], keys: set[str]
) -> tuple[Path, tuple[Path, ...]]:
    """The topology that a file belongs to, and what lies on top: it is one, a file of its folder, or services
    of one's own."""
    if (file.parent / "topology.yaml").is_file():
        return file.parent, on_top
    if "topology" in keys:
        return file, on_top
    return topology, (*on_top, file)


def doubts_about(
    file: Path, topology: Path, with_files: Iterable[Path] = (), counted: Counted | None = None
) -> list[Problem]:
    """The doubts about a scenario or a topology, as ``load_any`` reads it; none about other files.
    ``counted``: as for ``doubts_about_scenario``."""
    on_top = tuple(with_files)
    if file.is_dir():
        return doubts_about_topology(file, on_top)
    keys = keys_of(file)
    if file.suffix == ".csv" or keys & set(OTHERS) or not keys:
        return []
    if _is_scenario(keys):
        return doubts_about_scenario(file, on_top, counted)
    return doubts_about_topology(*_part(file, topology, on_top, keys))
