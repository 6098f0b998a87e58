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
from twin.spec.mitigations import load_mitigation
from twin.spec.sources import load_published, load_sources
from twin.spec.topology import load_topology
from twin.spec.tree import must_read, read_tree
from twin.spec.variations import load_variant


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
    if {"scenario", "start"} & keys or not {"services", "topology"} & keys:
        return load_scenario(file, on_top)
    return _load_part(file, topology, on_top, keys)


def _load_part(file: Path, topology: Path, on_top: tuple[Path, ...], keys: set[str]) -> Any:
    """A topology, one file of its folder, or services of one's own."""
    if (file.parent / "topology.yaml").is_file():
        return load_topology(file.parent, on_top)
    if "topology" in keys:
        return load_topology(file, on_top)
    return load_topology(topology, [*on_top, file])
