"""Each place in the code that the glossary names exists."""

import re
from importlib import import_module

import pytest

from tests.structure.tree import ROOT

TEXT = (ROOT / "docs" / "glossary.md").read_text(encoding="utf-8")
PLACES = sorted(set(re.findall(r"\| `(twin[./][^`]+)` \|$", TEXT, re.MULTILINE)))
PAGE_LINES = 60


@pytest.mark.parametrize("place", PLACES)
def test_the_place_exists(place: str) -> None:
    if "/" in place:
        assert (ROOT / place).exists()
        return
    try:
        import_module(place)
    except ModuleNotFoundError:
        module, _, name = place.rpartition(".")
        assert hasattr(import_module(module), name)


def test_every_term_has_a_place() -> None:
    rows = [line for line in TEXT.splitlines() if re.match(r"\| (?!Term|---)", line)]
    assert len(rows) >= 40
    assert not [row for row in rows if not re.search(r"\| `twin[./][^`]+` \|$", row)]


def test_it_fits_on_two_pages() -> None:
    assert len(TEXT.splitlines()) <= 2 * PAGE_LINES
