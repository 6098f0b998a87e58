"""What a scenario says about responders, good and bad."""

import pytest

from twin.spec import SpecError, load_scenario, override

from .conftest import KINDS, Files

RESPONDERS = """\
  - id: decoy
    at: +10m
    set: {}
    assumed: for the test
actions:
  - id: repair
    at: +40m
    follows: found
    takes:
      decision_s: {value: 10m, source: PES}
      execution_s: {value: 5m, assumed: for the test, range: [1m, 10m]}
    set: {db.capacity_per_s: 5/s}
    source: PES
  - id: freeze
    at: +50m
    follows: repair
    set: {web.throttle_ratio: 10%}
    source: PES
diagnoses:
  - id: found
    title: db is slow
    when: {signal: db.error_ratio, above: 5%, for: 1m}
    triage_s: {value: 2m, source: PES}
    misled_by:
      decoy: {value: 30m, source: PES}
responders: modelled
"""

# what is replaced, by what, the problem that follows, its place at ¦
SPOILT = [
    ("follows: found", "follows: ¦fond",
     "actions.0.follows: found 'fond', expected the id of a diagnosis, action or fault (did you mean "
     "found?)"),
    ("    title: db is slow", "    follows: freeze",
     "actions.0.follows: found a cycle, repair → freeze → found → repair, expected a chain with a beginning "
     "(leave out one follows:)"),
    ("    follows: found\n    takes:", "    ¦takes:",
     "actions.0.takes: found takes without follows, expected follows: beside it (name the step that "
     "responders carry out before it)"),
    ("      decision_s: {value: 10m, source", "      ¦decision: {value: 10m, source",
     "actions.0.takes.decision: found 'decision', expected a name with its unit (decision_s)"),
    ("{value: 10m, source: PES}", "¦10m",
     "actions.0.takes.decision_s: found '10m', expected a mapping with value, and source, measured, "
     "assumed or chosen (write {value: 10m, source: ID}, or put assumed: example at the top of the file)"),
    ("value: 5m, assumed", "value: ¦5, assumed",
     "actions.0.takes.execution_s.value: found 5, expected a duration with its unit (missing unit: write "
     "180s, 15m, 1h30m or 200ms)"),
    ("triage_s: {value: 2m", "triage_s: {value: ¦8d",
     "diagnoses.0.triage_s.value: found '8d', expected 0s to 168h (bounds of stage)"),
    ("triage_s:", "¦triage:",
     "diagnoses.0.triage: found unknown key 'triage', expected a known key (did you mean triage_s?)"),
    ("      decoy:", "      ¦decoi:",
     "diagnoses.0.misled_by.decoi: found 'decoi', expected the id of a fault (did you mean decoy?)"),
    ("signal: db.error_ratio, above: 5%, for: 1m", "signal: ¦dbb.error_ratio, above: 5%, for: 1m",
     "diagnoses.0.when.signal: found service 'dbb', expected a service of the topology (did you mean db?)"),
    ("responders: modelled", "responders: ¦modeled",
     "responders: found 'modeled', expected one of scripted, modelled, drawn (did you mean modelled?)"),
    ("  - id: found", "  - id: ¦repair",
     "diagnoses.0.id: found 'repair' twice, expected an id of its own (the first is on line 24)"),
    ("  - id: decoy\n    at: +10m", "  - id: decoy\n    ¦follows: repair\n    at: +10m",
     "faults.1.follows: found a fault that follows, expected at: or when: (responders cause no faults; make "
     "it an action)"),
    ("    misled_by:\n      decoy: {value: 30m, source: PES}\n", "",
     "faults.1.set: found an empty mapping, expected at least one parameter"),
]  # fmt: skip


@pytest.fixture
def modelled(files: Files) -> Files:
    text = files.scenario.read_text()
    begin, end = text.index("actions:\n"), text.index("expect:\n")
    files.scenario.write_text(text[:begin] + RESPONDERS + text[end:])
    return files


def test_good(modelled: Files) -> None:
    scenario = load_scenario(modelled.scenario, kinds=KINDS)
    found, repair = scenario.diagnoses[0], scenario.actions[0]
    assert scenario.responders == "modelled" and scenario.faults[1].set == {}
    assert repair.follows == "found" and repair.takes["execution_s"].value == 300.0
    assert found.misled_by["decoy"].value == 1800.0 and found.when.for_s == 60.0


@pytest.mark.parametrize(("old", "new", "expected"), SPOILT)
def test_one_mistake_one_message(modelled: Files, old: str, new: str, expected: str) -> None:
    expected = modelled.spoil_marked("scenario.yaml", old, new, expected)
    problems = modelled.problems(load_scenario, modelled.scenario, kinds=KINDS)
    assert any(problem.endswith(expected) for problem in problems), problems


def test_all_at_once(modelled: Files) -> None:
    for old, new, _ in SPOILT[:1] + SPOILT[6:7] + SPOILT[8:9]:
        modelled.spoil("scenario.yaml", old, new.replace("¦", ""))
    problems = modelled.problems(load_scenario, modelled.scenario, kinds=KINDS)
    assert [p.split(": ")[1] for p in problems] == [
        "faults.1.set",
        "actions.0.follows",
        "diagnoses.0.triage_s.value",
        "diagnoses.0.misled_by.decoi",
    ]


def test_modelled_needs_something_that_follows(files: Files) -> None:
    files.spoil("scenario.yaml", "seed: 7", "seed: 7\nresponders: drawn")
    (problem,) = files.problems(load_scenario, files.scenario, kinds=KINDS)
    assert "found 'drawn', but no action that follows anything, expected scripted" in problem
    files.spoil("scenario.yaml", "responders: drawn", "responders: scripted")
    scenario = load_scenario(files.scenario, kinds=KINDS)
    with pytest.raises(SpecError, match="responders: found 'modelled', but no action that follows"):
        override(scenario, responders="modelled", kinds=KINDS)


def test_scripted_needs_times(modelled: Files) -> None:
    modelled.spoil("scenario.yaml", "    at: +50m\n", "")
    scenario = load_scenario(modelled.scenario, kinds=KINDS)
    assert scenario.actions[1].at_s is None
    with pytest.raises(SpecError, match="'scripted', but no time for freeze, expected modelled or drawn"):
        override(scenario, responders="scripted", kinds=KINDS)
    modelled.spoil("scenario.yaml", "responders: modelled", "responders: scripted")
    (problem,) = modelled.problems(load_scenario, modelled.scenario, kinds=KINDS)
    assert problem.endswith(
        "actions.1: found no time for scripted responders, expected at: or when: (or responders: modelled)"
    )


def test_moved_actions_follow_nothing(modelled: Files) -> None:
    scenario = load_scenario(modelled.scenario, kinds=KINDS)
    moved = override(scenario, move={"repair": "+20m"}, kinds=KINDS).actions[0]
    assert (moved.at_s, moved.follows, moved.takes) == (1200.0, None, {})


def test_times_of_responders_can_be_set(modelled: Files) -> None:
    """As parameters can: by what takes them and their name, checked and with a hint where there is none."""
    scenario = load_scenario(modelled.scenario, kinds=KINDS)
    sets = {"repair.decision_s": "1m", "found.triage_s": 0, "found.decoy": "5m", "db.servers_count": 3}
    changed = override(scenario, set=sets, kinds=KINDS)
    assert changed.actions[0].takes["decision_s"].value == 60.0
    assert changed.actions[0].takes["execution_s"].value == 300.0
    found = changed.diagnoses[0]
    assert found.triage_s is not None and found.triage_s.value == 0.0
    assert found.misled_by["decoy"].value == 300.0
    assert changed.topology.services["db"].parameters["servers_count"].value == 3
    with pytest.raises(SpecError) as caught:
        override(scenario, set={"repair.decison_s": "1m", "repair.decision_s": "1"}, kinds=KINDS)
    assert [str(p) for p in caught.value.problems] == [
        "set[\"repair.decision_s\"]: found '1', expected a duration with its unit (missing unit: write "
        "180s, 15m, 1h30m or 200ms)",
        "set[\"repair.decison_s\"]: found 'repair.decison_s', expected a number of repair "
        "(did you mean repair.decision_s?)",
    ]


def test_a_diagnosis_can_be_dropped(modelled: Files) -> None:
    """And what follows it is left alone: it never happens."""
    dropped = override(load_scenario(modelled.scenario, kinds=KINDS), drop="found", kinds=KINDS)
    assert dropped.diagnoses == () and dropped.actions[0].follows == "found"
