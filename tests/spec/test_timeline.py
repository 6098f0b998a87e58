"""Published timelines with mistakes: CSV, with the same messages as the YAML files."""

import pytest

from twin.spec import load_published, load_scenario

from .conftest import KINDS, Files

# file, what is replaced, by what, the problem that follows. Its place is at ¦, or else it is given.
SPOILT = [
    ("published.csv", "impaired,db,", "impaired,¦dbb,",
     "outcomes.0.subject: found 'dbb', expected a service of the topology (did you mean db?)"),
    ("published.csv", "0.05", "¦low",
     "outcomes.0.level: found 'low', expected a ratio (write 0.05 or 5%)"),
    ("published.csv", ",PES", ",¦PSE",
     "outcomes.0.source: found 'PSE', expected an id of data/sources.yaml (did you mean PE?)"),
    ("published.csv", ",rising", ",¦risin",
     "outcomes.0.direction: found 'risin', expected one of rising, falling (did you mean rising?)"),
    ("published.csv", "2025-10-19T22:16:00-07:00", "¦2025-10-19T22:16:00",
     "outcomes.0.published: found '2025-10-19T22:16:00', expected a time with its zone (missing zone: write "
     "2025-10-19T22:05:00-07:00)"),
    ("published.csv", "what", "¦waht",
     "found unknown column 'waht', expected a known column (did you mean what?)"),
    ("published.csv", "level", "¦what",
     "found column 'what' twice, expected each column once"),
    ("published.csv", "direction,", "",
     "published.csv:1:1: found no column 'direction', expected 'direction'"),
    ("published.csv", '"rows, all of them, fail"', "rows, all of them, fail",
     "published.csv:2:1: found 10 cells, expected 8 cells, as in the header (a cell with a comma or a quote "
     "needs quotes around it)"),
    ("published.csv", '"rows, all of them, fail"', '¦"rows, all of them, fail',
     'found a quote out of place, expected a cell, or a cell in quotes with each quote in it doubled ("")'),
    ("published-must-not.csv", "quiet,web,", "quiet,¦wbe,",
     "must_not.0.subject: found 'wbe', expected a service of the topology (did you mean web?)"),
]  # fmt: skip


@pytest.mark.parametrize(("name", "old", "new", "expected"), SPOILT)
def test_one_mistake_one_message(files: Files, name: str, old: str, new: str, expected: str) -> None:
    expected = files.spoil_marked(name, old, new, expected)
    assert expected in files.problems(load_scenario, files.scenario, kinds=KINDS)


HEADER = b"id,subject,signal,direction,level,published,source\n"
ROW = b"a,b,error_ratio,rising,0.05,2025-01-01T00:00:00Z,PES\n"

# content, problem
NO_TIMELINE = [
    (b"", "1:1: found unknown column '', expected a known column"),
    (b"\x7fELF\x02\x01", "1:1: found control character 0x7f, expected text (a binary file?)"),
    (HEADER + ROW + ROW, "3:1: outcomes.1.id: found 'a' twice, expected an id of its own"),
    (HEADER + ROW + b"\n\nc,d\n", "5:1: found 2 cells, expected 7 cells"),
    (HEADER + ROW.replace(b"b,", b'"b\n\n",') + b"c,d\n", "5:1: found 2 cells, expected 7 cells"),
    (HEADER + ROW.replace(b"0.05", b""), "2:24: outcomes.0.level: found '', expected a ratio"),
    (b"episode," + HEADER + b"0," + ROW, "2:1: outcomes.0.episode: found 0, expected"),
]  # fmt: skip


@pytest.mark.parametrize(("content", "expected"), NO_TIMELINE)
def test_what_is_no_timeline(files: Files, content: bytes, expected: str) -> None:
    problems = files.problems(load_published, files.write("x.csv", content))
    assert any(p.startswith(f"x.csv:{expected}") for p in problems), problems


def test_a_timeline_that_is_not_there(files: Files) -> None:
    found = files.problems(load_published, files.folder / "publishd.csv")
    expected = "found no such file, expected a CSV file (did you mean published.csv?)"
    assert found == [f"publishd.csv:1:1: {expected}"]
