"""New values in a file: only the values change, and never by halves."""

from datetime import datetime
from pathlib import Path

import pytest

from twin.spec import SpecError
from twin.spec.rewrite import rewrite

START = datetime.fromisoformat("2025-01-01T00:00:00+00:00")
TEXT = """\
# A comment, {with: braces}
scenario: s  # stays
parameters:
  a->b.lifetime_s: {value: 5h, fitted_to: [x], range: [1h, 12h]}  # value: 5h is a guess
  "c.capacity_per_s":
    value: '279/s'   # quoted
    range: [250/s, 600/s]
  d.share: {range: [0.1, 1.0], value: 0.25}
  e.holders_count: {value: 1000}
faults:
  - id: one
    at: 2025-01-01T01:00:00+00:00   # the clock
    set: {a.value: 5h}
  - {id: two, at: +15m, until: +1h}
"""
VALUES = {
    "a->b.lifetime_s": (16350.0, "s"), "c.capacity_per_s": (281.25, "1/s"), "d.share": (0.2718, "ratio"),
    "e.holders_count": (1234567, "count"), "one": (3723.0, "s"), "two": (60.0, "s"),
}  # fmt: skip


def test_only_the_values_change(tmp_path: Path) -> None:
    path = tmp_path / "s.yaml"
    path.write_text(TEXT)
    rewrite(path, VALUES, START)
    pairs = [
        ("{value: 5h, fitted", "{value: 4h32m30s, fitted"), ("'279/s'", "281.25/s"),
        ("value: 0.25}", "value: 0.2718}"), ("value: 1000}", "value: 1234567}"),
        ("01T01:00:00", "01T01:02:03"), ("at: +15m", "at: +1m"),
    ]  # fmt: skip
    expected = TEXT
    for old, new in pairs:
        assert expected.count(old) == 1
        expected = expected.replace(old, new)
    assert path.read_text() == expected
    assert list(tmp_path.iterdir()) == [path]


def test_what_the_file_does_not_say_is_refused_and_nothing_is_written(tmp_path: Path) -> None:
    path = tmp_path / "s.yaml"
    path.write_text(TEXT)
    with pytest.raises(SpecError) as error:
        rewrite(path, {**VALUES, "z.rate_per_s": (1.0, "1/s"), "three": (1.0, "s")}, START)
    assert [p.path for p in error.value.problems] == ["three", "z.rate_per_s"]
    assert path.read_text() == TEXT


def test_a_file_that_cannot_be_replaced_stays(tmp_path: Path, monkeypatch) -> None:
    path = tmp_path / "s.yaml"
    path.write_text(TEXT)

    def full(*_: object) -> None:
        raise OSError(28, "No space left on device")

    monkeypatch.setattr("os.replace", full)
    with pytest.raises(OSError):
        rewrite(path, VALUES, START)
    assert path.read_text() == TEXT and list(tmp_path.iterdir()) == [path]


def test_a_value_written_in_an_unusual_way_is_refused(tmp_path: Path) -> None:
    path = tmp_path / "s.yaml"
    path.write_text(TEXT.replace("{value: 1000}", "\n    value: >-\n      1000"))
    before = path.read_text()
    with pytest.raises(SpecError):
        rewrite(path, VALUES, START)
    assert path.read_text() == before
