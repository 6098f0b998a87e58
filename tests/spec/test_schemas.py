"""The JSON Schemas take what the loader takes, and refuse what an editor can see."""

import json
from pathlib import Path

import pytest
from jsonschema import Draft202012Validator

from twin.base.places import LIBRARY
from twin.spec.schemas import schemas
from twin.spec.tree import read_tree

from .conftest import KINDS, Files

SCHEMAS = {Path(name).name.split(".")[0]: json.loads(text) for name, text in schemas(KINDS).items()}


def complaints(schema: str, path: Path) -> list[str]:
    tree = read_tree(path, [])
    assert tree is not None
    found = Draft202012Validator(SCHEMAS[schema]).iter_errors(tree.plain())
    return [".".join(map(str, error.path)) for error in found]


@pytest.mark.parametrize("name", SCHEMAS)
def test_it_is_a_schema(name: str) -> None:
    Draft202012Validator.check_schema(SCHEMAS[name])


def test_good_files_pass(files: Files) -> None:
    assert complaints("scenario", files.scenario) == []
    assert complaints("services", files.topology / "services.yaml") == []
    assert complaints("topology", files.topology / "topology.yaml") == []
    assert complaints("sources", LIBRARY / "data/sources.yaml") == []


@pytest.mark.parametrize(
    ("schema", "name", "old", "new", "where"),
    [
        ("services", "topology/services.yaml", "order:", "ordre:", "services.web.parameters"),
        (
            "services",
            "topology/services.yaml",
            "value: 120/min",
            "value: 120",
            "services.web.parameters.capacity_per_s.value",
        ),
        (
            "services",
            "topology/services.yaml",
            "queueing\n    visible",
            "que\n    visible",
            "services.db.kind",
        ),
        (
            "services",
            "topology/services.yaml",
            "mode: hard",
            "mode: hardd",
            "services.web.dependencies.0.mode",
        ),
        ("services", "topology/services.yaml", "visible: false", "visible: no", "services.db.visible"),
        ("scenario", "scenario.yaml", "duration: 1h30m", "duration: 90", "duration"),
        ("scenario", "scenario.yaml", "db.error_ratio", "db.error_rate", "actions.0.when"),
        ("scenario", "scenario.yaml", "seed: 7", "sead: 7", ""),
    ],
)
def test_what_an_editor_can_see(files: Files, schema: str, name: str, old: str, new: str, where: str) -> None:
    files.spoil(name, old, new)
    assert where in complaints(schema, files.folder / name)


def test_they_are_written_where_files_look_for_them() -> None:
    written = schemas(KINDS)
    assert (
        "topology/schema/services.schema.json" in written
        and "scenarios/schema/scenario.schema.json" in written
    )


def test_they_are_fresh() -> None:
    stale = [name for name, text in schemas().items() if (LIBRARY / name).read_text(encoding="utf-8") != text]
    assert not stale, f"run make docs: {stale}"
