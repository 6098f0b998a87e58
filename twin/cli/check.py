"""twin check: every problem of every file, with its line and column."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path
from typing import TYPE_CHECKING, Any

import click

from twin.base.places import TOPOLOGY
from twin.cli import _show as show
from twin.cli._errors import BAD_INPUT
from twin.cli._options import debug_option, examples, json_option

if TYPE_CHECKING:
    from twin.spec import Problem


@click.command(
    "check",
    epilog=examples(
        "twin check scenarios/*.yaml",
        "twin check topology/us-east-1 data/published/*.yaml",
        "twin check my-services.yaml --topology topology/us-east-1 --json",
    ),
)
@click.argument("files", nargs=-1, required=True, type=click.Path(path_type=Path), metavar="FILE…")
@click.option(
    "--topology",
    type=click.Path(path_type=Path),
    default=TOPOLOGY,
    metavar="DIR",
    help="Topology under files of services and mitigations.  [default: topology/us-east-1]",
)
@json_option
@debug_option
def check_command(files: tuple[Path, ...], topology: Path, as_json: bool) -> None:
    """Check files and report every problem of each; exit code 2 if there is any.

    Scenarios, topologies (a folder or its files), services of your own, mitigations, what-ifs, variants
    of the model, barriers, published timelines and sources: what a file is shows from its keys.
    """
    found = {str(file): problems_of(file, topology) for file in files}
    if as_json:
        show.document(
            [{"file": f, "ok": not ps, "problems": [vars(p) for p in ps]} for f, ps in found.items()]
        )
    else:
        for file, problems in found.items():
            for problem in problems:
                show.say(str(problem))
            if not problems:
                click.echo(f"{file}: ok")
    if any(found.values()):
        click.get_current_context().exit(BAD_INPUT)


def problems_of(file: Path, topology: Path) -> list[Problem]:
    """Every problem of a file, and of the files that it names."""
    from twin.spec import SpecError

    try:
        _load(file, topology)
    except SpecError as error:
        return list(error.problems)
    return []


def _load(file: Path, topology: Path) -> Any:
    """Load a file as what its first telling key says it is. Raises SpecError."""
    from twin import spec

    if file.is_dir():
        return spec.load_topology(file)
    if file.suffix == ".csv":  # a published timeline; what must not happen stands in a file beside it
        return spec.load_published(file.with_name(file.name.replace("-must-not.csv", ".csv")))
    keys = keys_of(file)
    whole: dict[str, Callable[[Path], Any]]
    whole = {"sources": spec.load_sources, "what_if": spec.load_what_if, "barriers": spec.load_barriers}
    for key in whole.keys() & keys:
        return whole[key](file)
    for key, load in (("mitigation", spec.load_mitigation), ("variant", spec.load_variant)):
        if key in keys:
            return load(file, spec.load_topology(topology))
    if "services" in keys and not {"scenario", "start", "topology"} & keys:
        if (file.parent / "topology.yaml").is_file():  # one file of a topology's folder
            return spec.load_topology(file.parent)
        return spec.load_topology(topology, [file])
    if "topology" in keys and not {"scenario", "start"} & keys:
        return spec.load_topology(file.parent if file.name == "topology.yaml" else file)
    return spec.load_scenario(file)


def keys_of(file: Path) -> set[str]:
    from twin.spec.tree import read_tree

    tree = read_tree(file, [])
    return {key for key, _ in tree.items()} if tree is not None else set()
