"""Numbers of faults, actions, conditions and ramps: each may have an origin and a range of its own."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import pytest

from twin import load
from twin.experiments.realizations import Realization, realized, uncertain
from twin.spec import SpecError, load_scenario
from twin.spec.doubts import doubts_about_scenario
from twin.spec.inputs import SPREAD, inputs_of, with_inputs
from twin.spec.rewrite import rewrite

SCENARIO = """\
scenario: steps
start: 2025-10-19T22:00:00-07:00
duration: 1h
services:
  store: {kind: relay}
  people: {kind: workload, parameters: {rate_per_s: {value: 9/s, assumed: a scale, range: [9/s, 9/s]}}}
faults:
  - id: breaks
    at: +10m
    for: {value: 15m, assumed: a fault of the usual length, range: [5m, 30m]}
    set: {store.fault_ratio: {value: 50%, chosen: to break the shop by noon, range: [20%, 80%]}}
    source: PES
  - id: throttle
    at: {value: +20m, assumed: when somebody notices, range: [+15m, +30m]}
    set: {people.rate_per_s: {value: 30/min, assumed: the shop says so, range: [10/min, 60/min]}}
    assumed: sometimes
actions:
  - id: repair
    when:
      signal: store.error_ratio
      above: {value: 0.2, assumed: an alarm, range: [0.05, 0.3]}
      for: {value: 1m, assumed: an alarm, range: [30s, 5m]}
      from: {value: 2025-10-19T22:05:00-07:00, assumed: a shift begins, range: [+0m, +8m]}
    over: {value: 10m, assumed: by hand, range: [5m, 20m]}
    set: {store.fault_ratio: 0}
    assumed: somebody comes
"""


@pytest.fixture
def file(tmp_path: Path) -> Path:
    path = tmp_path / "steps.yaml"
    path.write_text(SCENARIO)
    return path


def spoilt(file: Path, old: str, new: str) -> list[str]:
    assert old in SCENARIO
    file.write_text(SCENARIO.replace(old, new, 1))
    with pytest.raises(SpecError) as caught:
        load_scenario(file)
    return [str(p) for p in caught.value.problems]


def test_a_step_has_plain_values_and_the_origin_of_each(file: Path) -> None:
    breaks, throttle, repair = load(file).interventions
    assert throttle.set == {"people.rate_per_s": 0.5}
    assert breaks.set == {"store.fault_ratio": 0.5} and breaks.for_s == 900.0
    assert breaks.numbers["set.store.fault_ratio"].chosen == "to break the shop by noon"
    assert repair.when is not None and repair.when.from_s == 300.0 and repair.over_s == 600.0
    assert repair.numbers["when.from"].range == (0.0, 480.0)


def test_all_are_uncertain_inputs(file: Path) -> None:
    """A bare number that puts back what was there before is no estimate."""
    numbers = {n.target: n for n in inputs_of(load(file)) if not n.service}
    drawn = {t for t, n in numbers.items() if n.is_unsourced}
    assert drawn == {
        "throttle",
        "breaks.for", "breaks.set.store.fault_ratio", "repair.over", "repair.when.above",
        "repair.when.for", "repair.when.from", "throttle.set.people.rate_per_s",
    }  # fmt: skip
    assert numbers["breaks.set.store.fault_ratio"].origin == "chosen"
    assert numbers["repair.set.store.fault_ratio"].why == "as before"
    assert numbers["repair.set.store.fault_ratio"].range == (0.0, 0.0)


def test_worlds_draw_them(file: Path) -> None:
    """Each draw is inside the range, and the step that runs has the drawn values."""
    scenario = load(file)
    ranges = {n.target: n.range for n in uncertain(scenario)}
    seen = set()
    for draw in range(1, 9):
        breaks, _, repair = realized(scenario, Realization(draw, draw), {}).interventions
        assert repair.when is not None and repair.when.above is not None and breaks.for_s is not None
        values = {
            "breaks.for": breaks.for_s, "breaks.set.store.fault_ratio": breaks.set["store.fault_ratio"],
            "repair.over": repair.over_s, "repair.when.above": repair.when.above,
            "repair.when.for": repair.when.for_s, "repair.when.from": repair.when.from_s,
        }  # fmt: skip
        for target, value in values.items():
            ends = ranges[target]
            assert ends is not None and ends[0] <= float(value) <= ends[1]
        seen.add(tuple(values.values()))
    assert len(seen) == 8


@pytest.mark.parametrize(
    ("target", "value"),
    [("repair.over", "7m"), ("repair.when.for", "2m"), ("breaks.set.store.fault_ratio", 0.3)],
)
def test_each_can_be_set(file: Path, target: str, value: Any) -> None:
    changed = load(file, set={target: value})
    number = next(n for n in inputs_of(changed) if n.target == target)
    assert number.value == {"7m": 420.0, "2m": 120.0}.get(value, value)


def test_an_unknown_number_of_a_step_has_a_hint(file: Path) -> None:
    with pytest.raises(SpecError, match=r"expected a number of repair .did you mean repair.over"):
        load(file, set={"repair.ovr": "7m"})


WRONG = [
    ("value: 30/min", "value: 30", "faults.1.set.people.rate_per_s.value: found 30, expected a rate"),
    ("value: 15m, assumed", "value: 15, assumed", "yaml:10:18: faults.0.for.value: found 15, expected a dur"),
    (", range: [5m, 30m]", "", "faults.0.for: found no range, expected a plausible range"),
    ("range: [5m, 30m]", "range: [20m, 30m]", "faults.0.for.range: found 20m to 30m, expected a range"),
    ("chosen: to", "choosen: to", "faults.0.set.store.fault_ratio.choosen: found unknown key"),
    ("{value: 0.2, assumed: an alarm,", "{assumed: an alarm,", "actions.0.when.above: found no key 'value'"),
    ("value: 2025-10-19T22:05:00-07:00", "value: 5m", "actions.0.when.from: found '5m', expected a time"),
    ("assumed: by hand", "source: NOBODY", "actions.0.over.source: found 'NOBODY', expected an id of data"),
    ("    over: ", "    numbers: {}\n    over: ", "actions.0.numbers: found key 'numbers', expected no"),
    ("store.fault_ratio: {value", "store.falt_ratio: {value", "faults.0.set.store.falt_ratio: found param"),
]  # fmt: skip


@pytest.mark.parametrize(("old", "new", "expected"), WRONG)
def test_one_mistake_one_message(file: Path, old: str, new: str, expected: str) -> None:
    (problem,) = spoilt(file, old, new)
    assert expected in problem


def test_a_source_without_the_number_is_doubted(file: Path) -> None:
    """At its line: PES tells of the fault, and gives no such time."""
    said = "    for: {value: 15m, assumed: a fault of the usual length, range: [5m, 30m]}"
    assert not [p for p in doubts_about_scenario(file) if "from PES" in str(p)]
    file.write_text(SCENARIO.replace(said, "    for: 15m"))
    (doubt,) = [p for p in doubts_about_scenario(file) if "from PES" in str(p)]
    assert (doubt.line, doubt.path, doubt.found) == (10, "breaks.for", "900 from PES")


def test_a_fitted_one_is_written_back(file: Path) -> None:
    values = {
        "throttle": (1300.0, "s"), "repair.over": (437.0, "s"),
        "breaks.set.store.fault_ratio": (0.31, "ratio"),
    }  # fmt: skip
    rewrite(file, values, load(file).start)
    breaks, throttle, repair = load(file).interventions
    assert (repair.over_s, breaks.set["store.fault_ratio"]) == (437.0, 0.31)
    assert throttle.at_s == 1300.0 and throttle.numbers["at"].range == (900.0, 1800.0)


def test_drawn_responders_have_an_uncertain_spread() -> None:
    """It is a number of the scenario like others; scripted people do not use it."""
    replay = load("us-east-1-2025-10-20")
    drawn = load("us-east-1-2025-10-20", responders="drawn")
    assert SPREAD not in {n.target for n in uncertain(replay)}
    (number,) = [n for n in uncertain(drawn) if n.target == SPREAD]
    cv = with_inputs(drawn, {SPREAD: 0.45}).stage_cv_ratio
    assert number.range == (0.4, 1.0) and cv is not None and cv.value == 0.45
    assert with_inputs(drawn, {}).stage_cv_ratio == drawn.stage_cv_ratio


def test_a_variation_keeps_them(file: Path) -> None:
    """Values by target reach the step, also after other changes."""
    scenario = load(file, set={"repair.over": "3m"})
    assert with_inputs(scenario, {"repair.when.above": 0.25}).actions[0].over_s == 180.0
