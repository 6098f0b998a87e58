"""The pages about Python: the tour runs, and every name that docs/python.md lists exists."""

import importlib
import re
import runpy
from pathlib import Path
from typing import Any

import pytest

import twin

DOCS = Path(__file__).resolve().parents[2] / "docs"
LINES = 25  # of code in the tour


@pytest.mark.slow
def test_the_tour_runs(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture
) -> None:
    """As an import does, so without its plot."""
    monkeypatch.setenv("TWIN_STUDIES", str(tmp_path))
    names = runpy.run_path(str(DOCS / "tour.py"))
    assert {a.arm.name for a in names["comparison"].arms} == {"compare-and-swap", "long-leases"}
    assert max(names["radius"]["impaired"]) == names["run"].impact().peak_impaired
    shown = capsys.readouterr().out
    assert "lambda-invoke (Lambda invocation) became impaired" in shown and "long-leases" in shown


def test_the_tour_is_short() -> None:
    code = [line for line in (DOCS / "tour.py").read_text().splitlines() if line and not line.startswith("#")]
    assert len(code) <= LINES


def test_every_name_exists() -> None:
    names = re.findall(r"`((?:twin|Run|run)(?:\.\w+)+)", (DOCS / "python.md").read_text())
    missing = [name for name in names if not _exists(name)]
    assert len(names) > 30 and not missing


def _exists(name: str) -> bool:
    first, *rest = name.split(".")
    if first != "twin":
        fields = {*dir(twin.Run), *twin.Run.__dataclass_fields__}
        return rest[0] in fields
    found: Any = twin
    for k, part in enumerate(rest):
        try:
            found = getattr(found, part)
        except AttributeError:
            try:
                found = importlib.import_module(".".join(["twin", *rest[: k + 1]]))
            except ModuleNotFoundError:
                return False
    return True
