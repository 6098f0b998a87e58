"""twin.compare and twin.what_if: what they refuse, what they warn of, and where they make their runs."""

import json
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

import twin
from twin.experiments.arms import Arm
from twin.experiments.opened import StudySettings
from twin.model.changes import Variation

BAD = [
    (
        {"runner": "rey"},
        "runner: found 'rey', expected one of auto, inline, process, ray (did you mean ray?)",
    ),
    ({"runner": "inline", "address": "here:1"}, "address: found runner 'inline', expected runner 'ray'"),
    ({"actors": 0}, "actors: found 0, expected a whole number, 1 or more"),
    ({"worlds": -1}, "worlds: found -1, expected a whole number"),
    ({"worlds": "8"}, "worlds: found '8', expected a whole number"),
    ({"responders": "foo"}, "responders: found 'foo', expected one of scripted, modelled, drawn"),
    ({"study": "x", "settings": StudySettings()}, "settings: found both, expected either settings, or"),
]


def refused(call: Callable[..., Any], *given: Any, **arguments: Any) -> str:
    with pytest.raises(twin.SpecError) as caught:
        call(*given, **arguments)
    return str(caught.value)


@pytest.mark.parametrize(("arguments", "problem"), [
    *BAD,
    ({"worlds": 0}, "worlds: found 0, expected a whole number, 1 or more"),
    ({"within_s": "6h"}, "within_s: found '6h', expected a time in seconds"),
    ({"target": "stor"}, "target: found 'stor', expected a service of tiny (did you mean store?)"),
    ({"weights": {"stor": 1}}, "weights[\"stor\"]: found 'stor', expected a service of tiny (did you mean"),
    ({"weights": {"store": -1}}, "weights[\"store\"]: found -1, expected a number, 0 or more"),
    ({"weights": 2}, "weights: found 2, expected a mapping"),
    ({"mitigate": []}, "mitigate: found an empty list, expected one mitigation or more (twin list"),
    ({"mitigate": 3}, "mitigate: found 3, expected a mitigation, or a list of them"),
])  # fmt: skip
def test_bad_arguments_of_a_comparison(tiny: Path, arguments: dict, problem: str) -> None:
    assert refused(twin.compare, tiny, **{"mitigate": [quick()], **arguments}).startswith(problem)


@pytest.mark.parametrize(("arguments", "problem"), BAD)
def test_bad_arguments_of_a_what_if(arguments: dict, problem: str) -> None:
    assert refused(twin.what_if, 15, **arguments).startswith(problem)


def quick() -> Arm:
    return Arm("quick", (Variation(parameters={}, drop=("store-breaks",)),))


def test_too_few_worlds_are_said_before_they_run(tiny: Path, tmp_path: Path) -> None:
    with pytest.warns(UserWarning, match="2 worlds are too few for 6 tests together"):
        found = twin.compare(tiny, [quick()], 2, runner="inline", study=tmp_path / "mine")
    assert len(found.worlds) == 2 and json.dumps(found.as_json())
    assert list((tmp_path / "mine").iterdir()), "the runs are kept in the folder of the study"
