"""Scenarios that are another one with something different."""

import pytest

import twin
from twin.spec import SpecError, load_scenario

from .conftest import KINDS, Files

OTHER = """\
scenario: other
title: Another one
question: And now?
base: scenario.yaml
start: 2025-10-20T10:00:00-07:00
duration: 2h
responders: scripted
drop: [throttle]
parameters:
  web.service_s: {value: 300ms, source: PES}
faults:
  - id: more
    at: +1h
    set: {db.capacity_per_s: 1/h}
    assumed: for the test
expect:
  - {subject: web, signal: error_ratio, above: 5%, is: sometime}
"""


def test_it_is_its_base_with_something_different(files: Files) -> None:
    base = load_scenario(files.scenario, kinds=KINDS)
    other = load_scenario(files.write("other.yaml", OTHER), kinds=KINDS)
    assert (other.name, other.title, other.question) == ("other", "Another one", "And now?")
    assert (other.seed, other.tick_s, other.duration_s) == (base.seed, base.tick_s, 7200.0)
    assert [x.id for x in other.interventions] == ["slow", "more"]
    assert other.topology.services["web"].parameters["service_s"].value == 0.3
    assert other.parameters["web->db.retries"] == base.parameters["web->db.retries"]
    assert [e.subject for e in other.expect] == ["web"] and other.published is None


def test_the_script_moves_with_the_start(files: Files) -> None:
    base = load_scenario(files.scenario, kinds=KINDS)
    other = load_scenario(files.write("other.yaml", OTHER), kinds=KINDS)
    assert other.start.hour == 10 and other.start != base.start
    assert (other.faults[0].at_s, other.faults[0].until_s) == (base.faults[0].at_s, base.faults[0].until_s)


def test_it_changes_with_its_base(files: Files) -> None:
    """Nothing of a base is copied, so a run of it has another identity once its base is another."""
    path = files.write("other.yaml", OTHER)
    before = load_scenario(path, kinds=KINDS)
    files.spoil("scenario.yaml", "3/h", "4/h")
    assert load_scenario(path, kinds=KINDS) != before


def test_one_may_stand_on_one_that_stands_on_one(files: Files) -> None:
    files.write("other.yaml", OTHER)
    third = files.write("third.yaml", "scenario: third\nbase: other.yaml\ndrop: [more]\n")
    assert [x.id for x in load_scenario(third, kinds=KINDS).faults] == ["slow"]


@pytest.mark.parametrize(("old", "new", "expected"), [
    ("drop: [throttle]", "drop: [throtle]", "other.yaml:8:8: drop.0: found 'throtle', expected the id"),
    ("subject: web", "subject: wep", "other.yaml:17:15: expect.0.subject: found 'wep'"),
    ("above: 5%", "above: 5m", "other.yaml:17:48: expect.0.above: found '5m'"),
    ("duration: 2h", "duration: 0s", "other.yaml:6:11: duration: found 0s, expected more than 0s"),
    ("duration: 2h", "topology: topology", "other.yaml:6:1: topology: found unknown key 'topology'"),
    ("base: scenario.yaml", "base: scenari.yaml", "did you mean scenario?"),
    ("base: scenario.yaml", "base: other.yaml", "other.yaml:4:7: base: found a cycle, other → other"),
    ("base: scenario.yaml", "base: [1]", "other.yaml:4:7: base: found no scenario"),
    ("responders: scripted", "responders: modelled", "other.yaml:7:13: responders: found 'modelled', but no"),
    ("    at: +1h\n", "    at: +1h\n    until: +30m\n", "until: found '+30m', expected a time after at"),
])  # fmt: skip
def test_problems_have_their_place(files: Files, old: str, new: str, expected: str) -> None:
    assert OTHER.count(old) == 1
    path = files.write("other.yaml", OTHER.replace(old, new))
    found = files.problems(load_scenario, path, kinds=KINDS)
    assert any(expected in problem for problem in found), found


def test_all_problems_come_at_once(files: Files) -> None:
    text = OTHER.replace("[throttle]", "[throtle]").replace("subject: web", "subject: wep")
    text = text.replace("300ms", "300").replace("1/h", "minus")
    assert len(files.problems(load_scenario, files.write("other.yaml", text), kinds=KINDS)) == 4


def test_a_ring_of_bases_is_told(files: Files) -> None:
    files.write("a.yaml", "scenario: a\nbase: b.yaml\n")
    files.write("b.yaml", "scenario: b\nbase: a.yaml\n")
    with pytest.raises(SpecError, match="a cycle, a → b → a"):
        twin.load(files.folder / "a.yaml")
