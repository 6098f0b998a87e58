"""A number with ``source: ID`` is one that the source has: data/sources.yaml quotes it."""

from __future__ import annotations

import re
from collections.abc import Iterator
from pathlib import Path

import pytest

from twin import load
from twin.model.scenario import Scenario
from twin.model.step_numbers import is_moment
from twin.spec import load_mitigation
from twin.spec.figures import quoted
from twin.spec.inputs import UncertainInput, inputs_of, parameter_of
from twin.spec.numbers import books, origin_class
from twin.spec.sources import load_sources
from twin.spec.tree import must_read
from twin.spec.variations import load_variant

ROOT = Path(__file__).parents[2]
SCENARIOS = sorted((ROOT / "scenarios").glob("*.yaml")) + sorted((ROOT / "scenarios").glob("[ef]*s/*.yaml"))
TREES = {path: must_read(path) for path in SCENARIOS}
WHOLE = [path for path, tree in TREES.items() if tree.get("start") or tree.get("base")]
EXPLAINED = [path for path in WHOLE if TREES[path].get("assumed") is None]  # else each number is an example
SOURCES = load_sources()
REPLAY = ROOT / "scenarios" / "us-east-1-2025-10-20.yaml"


def numbers(scenario: Scenario) -> Iterator[UncertainInput]:
    """What ``twin numbers`` lists: modelled responders too."""
    modelled = scenario.model_copy(update={"responders": "modelled"})
    everything = (n for n in inputs_of(modelled) if not isinstance(n.value, bool | str))
    is_replay = scenario.published is not None  # else the times of its base have moved with its start
    return (n for n in everything if is_replay or not is_moment(n.target))


@pytest.mark.parametrize("path", WHOLE, ids=lambda path: path.stem)
def test_a_sourced_number_is_quoted(path: Path) -> None:
    """In topology, scenarios and faults, and in the defaults of kinds."""
    scenario = load(path)
    wrong = [
        f"{n.target} {n.value:g}: no such figure of {n.why}"
        for n in numbers(scenario)
        if n.origin == "source" and not quoted(SOURCES, n.why, n.target, n.value, n.unit, scenario.start)
    ]
    assert not wrong, "\n".join(wrong)


@pytest.mark.parametrize("path", EXPLAINED, ids=lambda path: path.stem)
def test_every_number_has_an_origin_and_a_range(path: Path) -> None:
    """A bare number in a step has the origin of its step, and that has to have the number."""
    open_ones = [
        f"{e.file}:{e.line}: {e.number} {e.value:g}" for e in books(load(path), path) if e.class_ == "open"
    ]
    assert not open_ones, "\n".join(open_ones)


MITIGATIONS = sorted((ROOT / "scenarios" / "mitigations").glob("*.yaml"))
VARIANTS = sorted((ROOT / "scenarios" / "variants").glob("*.yaml"))


@pytest.mark.parametrize("path", MITIGATIONS + VARIANTS, ids=lambda path: path.stem)
def test_numbers_of_mitigations_and_variants(path: Path) -> None:
    """Quoted where they name a source; with a range where they do not."""
    base = load(REPLAY)
    change = load_variant(path, base) if path in VARIANTS else load_mitigation(path, base)
    for target, q in change.parameters.items():
        if isinstance(q.value, bool | str):
            continue
        if q.source is not None:
            unit = parameter_of(base, target).unit
            assert quoted(SOURCES, q.source, target, q.value, unit, base.start), f"{target}: {q.source}"
        else:
            assert q.range is not None, target
    steps = base.model_copy(update={"faults": change.faults, "actions": change.actions})
    assert not [n.target for n in inputs_of(steps) if not n.service and origin_class(n) == "open"]


NO_ESTIMATE = re.compile(
    r"scale|no number of its own|a name and not a size|calls of its own|as before|own clock"
)


def test_neutral_numbers_are_no_estimates() -> None:
    """Equal ends of a range hide a number from studies: each that a file gives says why it may."""
    neutral = [e for e in books(load(REPLAY), REPLAY) if e.class_ == "neutral" and e.file.endswith(".yaml")]
    assert neutral and not [e.number for e in neutral if not NO_ESTIMATE.search(e.why)]


def test_a_chosen_number_says_since_when() -> None:
    """Or which other number it is as."""
    for path in WHOLE:
        chosen = [e for e in books(load(path), path) if e.class_ == "chosen"]
        assert not [e.number for e in chosen if not re.search(r"\bsince |\bas (in|at) ", e.why)], path.stem


def test_a_wrong_figure_is_seen() -> None:
    """Another value, another unit, or a time of day that is no duration."""
    start = load(REPLAY).start
    assert quoted(SOURCES, "SDK", "a->b.timeout_s", 60.0, "s", start)
    assert not quoted(SOURCES, "SDK", "a->b.timeout_s", 61.0, "s", start)
    assert not quoted(SOURCES, "SDK", "a.rate_per_s", 60.0, "1/s", start)
    assert quoted(SOURCES, "PES", "droplet-throttle", 22440.0, "s", start)
    assert not quoted(SOURCES, "PES", "droplet-throttle.set.a.b_s", 22440.0, "s", start)
    assert not quoted(SOURCES, "NOBODY", "a->b.timeout_s", 60.0, "s", start)
