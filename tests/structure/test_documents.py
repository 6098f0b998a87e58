"""The tables of twin/README.md say what pyproject.toml enforces."""

import re
import tomllib
from pathlib import Path

ROOT = Path(__file__).resolve().parents[2]


def test_the_table_of_layers_is_the_import_contract() -> None:
    contracts = tomllib.loads((ROOT / "pyproject.toml").read_text())["tool"]["importlinter"]["contracts"]
    (layers,) = (contract["layers"] for contract in contracts if contract["type"] == "layers")
    assert rows("Layers", "Layer") == [layer.strip("()") for layer in layers]


def test_each_folder_and_file_that_is_named_exists() -> None:
    named = re.findall(r"`([\w/]+(?:/|\.py))`", (ROOT / "twin" / "README.md").read_text())
    missing = [name for name in named if not ((ROOT / "twin" / name).exists() or (ROOT / name).exists())]
    assert not missing


def rows(section: str, head: str) -> list[str]:
    """First cells of the table in a section that begins with ``head``, without backquotes."""
    text = (ROOT / "twin" / "README.md").read_text()
    (body,) = re.findall(rf"(?ms)^## {section}$(.*?)(?=^## |\Z)", text)
    (table,) = re.findall(rf"(?m)^\| {head} \|.*\n\|[-|]+\n((?:\|.*\n)+)", body)
    return re.findall(r"(?m)^\| `([^`]+)` \|", table)
