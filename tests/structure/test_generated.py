"""Generated files say what the code says."""

from dataclasses import replace

import pytest

from twin.cli._reference import generated_files
from twin.kinds import registry

from .tree import ROOT


def test_generated_files_are_fresh() -> None:
    stale = [name for name, text in generated_files().items() if _present(name) != text]
    assert not stale, "run `make docs`"


def test_a_changed_parameter_makes_the_reference_stale(monkeypatch: pytest.MonkeyPatch) -> None:
    """The canary: one word in one record."""
    kind = next(kind for kind in registry().values() if kind.PARAMETERS)
    before = generated_files()
    first, *others = kind.PARAMETERS
    monkeypatch.setattr(kind, "PARAMETERS", (replace(first, meaning="canary"), *others))
    assert generated_files() != before


def _present(name: str) -> str | None:
    path = ROOT / name
    return path.read_text(encoding="utf-8") if path.exists() else None
