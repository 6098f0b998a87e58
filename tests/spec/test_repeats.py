"""Faults that come again, as files say it."""

import pytest

from twin.spec import load_scenario
from twin.spec.doubts import doubts_about_scenario

from .conftest import Files

SCENARIO = """\
scenario: again
assumed: example
start: 2030-01-01T00:00:00Z
duration: 2h
services:
  store: {kind: relay}
  people: {kind: workload, dependencies: [{on: store, mode: hard}]}
faults:
  - {id: flap, WORDS, set: {store.fault_ratio: 1}}
"""


def test_words(files: Files) -> None:
    text = SCENARIO.replace("WORDS", "at: +10m, for: 30s, every: 10m, times: 6")
    (fault,) = load_scenario(files.write("again.yaml", text)).faults
    assert (fault.every_s, fault.times, fault.length_s) == (600.0, 6, 30.0)
    text = SCENARIO.replace("WORDS", "at: +10m, until: +2h, random: {rate: 2/h, for: 30s}")
    (fault,) = load_scenario(files.write("again.yaml", text)).faults
    assert fault.random is not None and fault.random.rate_per_s == 2 / 3600
    assert (fault.length_s, fault.until_s) == (30.0, 7200.0)
    text = SCENARIO.replace("WORDS", "at: +10m, over: 20m, stairs: 4")
    assert load_scenario(files.write("again.yaml", text)).faults[0].stairs == 4


@pytest.mark.parametrize(
    ("words", "said"),
    [
        ("at: +10m, for: 30s, every: 10m", "again.yaml:9:5: faults.0: found one without the other"),
        ("at: +10m, for: 30s, every: 10m, times: 1", "times: found 1, expected greater than or equal to 2"),
        ("at: +10m, random: {rate: 2, for: 30s}", "random.rate: found 2, expected a rate with its unit"),
        ("at: +10m, random: {rate: 0/h, for: 30s}", "random.rate: found '0/h', expected greater than 0"),
        ("at: +10m, random: {rate: 2/h}", "faults.0.random: found no key 'for', expected 'for'"),
        ("when: {signal: store.error_ratio, above: 0.5}, for: 1m, every: 10m, times: 2",
         "found every without a time, expected at: with every: (the first begin, or the earliest)"),
        ("at: +10m, stairs: 4", "found stairs alone, expected over: with stairs:"),
    ],
)  # fmt: skip
def test_words_that_make_no_sense(files: Files, words: str, said: str) -> None:
    (problem,) = files.problems(load_scenario, files.write("again.yaml", SCENARIO.replace("WORDS", words)))
    assert said in problem


def test_a_later_turn_of_a_fault_may_be_undone(files: Files) -> None:
    more = "  - {id: half, at: +20m, for: 1h, set: {store.fault_ratio: 0.5}}\n"
    words = "at: +10m, for: 30s, every: 610s, times: 2"
    path = files.write("again.yaml", SCENARIO.replace("WORDS", words) + more)
    assert doubts_about_scenario(path) == [], "the second turn lies within the other"
    path = files.write("again.yaml", SCENARIO.replace("WORDS", words.replace("610s", "595s")) + more)
    (doubt,) = doubts_about_scenario(path)
    assert "faults.1.set: found store.fault_ratio, which flap sets until +20m25s" in str(doubt)
