"""Tables in the documents say what code, schemas and data say."""

import json
import re
import tomllib
from pathlib import Path

import pytest

ROOT = Path(__file__).resolve().parents[2]
SCHEMAS = ROOT / "scenarios" / "schema"


CONTRACTS = tomllib.loads((ROOT / "pyproject.toml").read_text())["tool"]["importlinter"]["contracts"]


def test_the_table_of_layers_is_the_import_contract() -> None:
    (layers,) = (contract["layers"] for contract in CONTRACTS if contract["type"] == "layers")
    assert keys("twin/README.md", "Layers", "Layer") == [layer.strip("()") for layer in layers]


def test_the_table_of_libraries_names_those_of_the_contracts() -> None:
    bound = [
        name
        for c in CONTRACTS
        for kind in ("protected", "forbidden")
        for name in c.get(f"{kind}_modules", [])
    ]
    said = [
        name for cell in cells("twin/README.md", "Layers", "Library") for name in cell.lower().split(", ")
    ]
    assert sorted(said) == sorted(name.lower() for name in bound)


def test_each_folder_and_file_that_is_named_exists() -> None:
    named = re.findall(r"`([\w/]+(?:/|\.py))`", (ROOT / "twin" / "README.md").read_text())
    rooms = [ROOT, ROOT / "twin", *(ROOT / "twin" / name for name in named if name.endswith("/"))]
    missing = [name for name in named if not any((room / name).exists() for room in rooms)]
    assert not missing


@pytest.mark.parametrize(
    ("document", "section", "schema"),
    [
        ("CONTRIBUTING.md", "A mitigation", "mitigation"),
        ("CONTRIBUTING.md", "A what-if", "what-if"),
        ("scenarios/README.md", "The keys", "scenario"),
    ],
)
def test_the_keys_of_files_are_those_of_the_schema(document: str, section: str, schema: str) -> None:
    known = names(json.loads((SCHEMAS / f"{schema}.schema.json").read_text()))
    said = keys(document, section, "Key")
    assert said and set(said) <= known


def test_the_columns_of_the_timeline_are_those_of_its_file() -> None:
    (row, *_) = (ROOT / "data" / "published" / "us-east-1-2025-10-20.csv").read_text().splitlines()
    section = "`us-east-1-2025-10-20.csv`: outcomes"
    assert set(keys("data/published/README.md", section, "Column")) == set(row.split(","))


def keys(document: str, section: str, head: str) -> list[str]:
    """What stands in backquotes in these cells."""
    return [key for cell in cells(document, section, head) for key in re.findall(r"`([^`]+)`", cell)]


def cells(document: str, section: str, head: str) -> list[str]:
    """The first column of a section's tables, of those where it is called ``head``."""
    text = (ROOT / document).read_text()
    (body,) = re.findall(rf"(?ms)^## {re.escape(section)}$(.*?)(?=^## |\Z)", text)
    tables = re.findall(rf"(?m)^\| {head} \|.*\n\|[-| ]+\n((?:\|.*\n)+)", body)
    return [row.split("|")[1].strip() for table in tables for row in table.splitlines()]


def names(schema: object) -> set[str]:
    """Every key that a JSON Schema names, at any depth."""
    if isinstance(schema, list):
        return set().union(*map(names, schema))
    if not isinstance(schema, dict):
        return set()
    return set(schema.get("properties", {})).union(*map(names, schema.values()))


def test_each_new_import_of_the_changelog_exists() -> None:
    text = (ROOT / "CHANGELOG.md").read_text()
    (unreleased,) = re.findall(r"(?ms)^## Unreleased$(.*?)(?=^## )", text)
    imports = re.findall(r"(?m)^\| `twin\.[^|]+\| ([^|]+) \|$", unreleased)
    paths = [name.replace(".", "/") for cell in imports for name in re.findall(r"`(twin\.[\w.]+)`", cell)]
    missing = [path for path in paths if not ((ROOT / path).is_dir() or (ROOT / f"{path}.py").is_file())]
    assert imports and not missing
