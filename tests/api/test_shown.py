"""How results look in Python: a short repr of one form, and a table in a notebook."""

import re
from collections.abc import Callable
from importlib import import_module
from pathlib import Path
from typing import Any

import pytest

import twin
from twin.base.text import counted, html_table
from twin.results.causes import Cause, CauseChain

SHORT = 300  # characters
PAGE = Path(__file__).resolve().parents[2] / "docs" / "python.md"


@pytest.fixture(scope="module")
def scored() -> twin.Run:
    """The first ten minutes of the event, which has a published timeline."""
    return twin.run("us-east-1-2025-10-20", until="+10m")


RESULTS: dict[str, Callable[[twin.Run], Any]] = {
    "run": lambda run: run,
    "scenario": lambda run: run.scenario,
    "topology": lambda run: run.scenario.topology,
    "service": lambda run: run.scenario.topology.services["sts"],
    "published": lambda run: run.scenario.published,
    "impact": lambda run: run.impact(),
    "diff": lambda run: run.diff(run),
    "score": lambda run: run.score(),
}


@pytest.mark.parametrize("name", RESULTS)
def test_a_repr_is_short_and_of_one_form(scored: twin.Run, name: str) -> None:
    result = RESULTS[name](scored)
    assert len(repr(result)) < SHORT and len(str(result)) < SHORT
    assert re.match(rf"{type(result).__name__}\(.+\)$", repr(result))


@pytest.mark.parametrize("name", ["run", "scenario", "impact", "diff", "score"])
def test_a_notebook_shows_a_table(scored: twin.Run, name: str) -> None:
    assert RESULTS[name](scored)._repr_html_().startswith("<div>")


def test_every_result_of_the_page_has_a_repr_of_its_own() -> None:
    """A generated repr, which is wrapped against recursion, writes out whatever the result holds."""
    rows = re.findall(r"^\| `twin [^|]*\| `(twin\.[\w.]+)\.\w+` \| `([A-Z]\w+)`", PAGE.read_text(), re.M)
    kinds = {name: getattr(import_module(module), name, None) for module, name in rows}
    assert len([kind for kind in kinds.values() if kind]) > 5
    assert not [name for name, kind in kinds.items() if hasattr(kind.__repr__, "__wrapped__")]


def test_a_chain_in_a_notebook_is_text_and_never_markup(run: twin.Run) -> None:
    cause = Cause(run.scenario.start, "store", "onset", "", 0.5, "<script>")
    html = CauseChain("store", "store", (cause,), None, "a & b")._repr_html_()
    assert "&lt;script&gt;" in html and "a &amp; b" in html and "<script" not in html
    assert run.why("people")._repr_html_().count("<tr>") == 1 + len(run.why("people").causes)


def test_one_and_many() -> None:
    assert [counted(n, "world") for n in (0, 1, 2)] == ["0 worlds", "1 world", "2 worlds"]
    assert html_table(["a"], [["<"]]).endswith("<tr><td>&lt;</td></tr></tbody></table>")


def test_why_says_that_the_service_was_well_then(run: twin.Run) -> None:
    """The episode before is the answer, and the chain says so."""
    chain = run.why("people", at="22:40")
    assert "At 19 Oct 22:40:00, people was not impaired: this is the episode before." in str(chain)
    assert "not impaired" in chain.as_json()["note"] and chain.causes == run.why("people").causes
    assert "not impaired" not in str(run.why("people", at="22:20"))
