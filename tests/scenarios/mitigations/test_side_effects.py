"""What a mitigation makes worse shows in the scenario that its file names, or the file says it does not."""

from functools import cache, reduce
from pathlib import Path

import pytest

import twin
from twin.base.places import LIBRARY
from twin.experiments.whatif import asked
from twin.model.changes import ExpectedEffect, Mitigation, Variation
from twin.model.scenario import Scenario
from twin.results import metrics
from twin.results.metrics import Measured, holds
from twin.spec import load_mitigation, load_mitigations, vary
from twin.spec.mitigations import MITIGATIONS_FOLDER, overview

REPLAY = twin.load(LIBRARY / "scenarios" / "us-east-1-2025-10-20.yaml")
MITIGATIONS = [load_mitigation(path, REPLAY) for path in sorted(MITIGATIONS_FOLDER.glob("*.yaml"))]
SHOWING = [m for m in MITIGATIONS if m.shows]
NAMES = sorted({c.metric for m in SHOWING for c in m.shows})


def scenario_of(mitigation: Mitigation) -> Path:
    return (MITIGATIONS_FOLDER / mitigation.shown_by).resolve()


@cache
def loaded(path: Path) -> Scenario:
    return twin.load(path)


@cache
def measured(path: Path, name: str) -> Measured:
    """Of the scenario with this mitigation; '' is the scenario as it is, 'quiet' without its faults."""
    scenario = loaded(path)
    if name == "quiet":
        scenario = vary(scenario, Variation(drop=tuple(x.id for x in scenario.faults)))
    elif name:
        scenario = reduce(vary, load_mitigations([name], scenario), scenario)
    known = [n for n in NAMES if n.rpartition(".")[0] in {"", *scenario.topology.services}]
    return asked(scenario, known)


def shown(comparison: ExpectedEffect, path: Path, name: str) -> bool:
    ends = metrics.recovery_names(loaded(path).published)
    return holds(comparison, measured(path, name), measured(path, ""), ends)


@pytest.mark.parametrize("mitigation", MITIGATIONS, ids=lambda m: m.name)
def test_each_names_a_side_effect_and_where_to_look(mitigation: Mitigation) -> None:
    assert mitigation.side_effect and scenario_of(mitigation).is_file()
    if not mitigation.shows:
        assert "model" in mitigation.side_effect, "what it does not show, a file says"


WORSE = ("higher", "later", "sometime")


def test_some_do_harm_elsewhere() -> None:
    """What is the same there ("it does nothing") is a limit of a mitigation, and no harm."""
    harm = {m.name for m in SHOWING if any(c.direction in WORSE for c in m.shows)}
    assert {"no-zone-failover", "breakers"} <= harm and len(harm) >= 4, harm
    assert {"az-loss", "slow-dynamodb"} <= {m.shown_by for m in overview() if m.shows}


@pytest.mark.slow
@pytest.mark.parametrize("mitigation", SHOWING, ids=lambda m: m.name)
def test_the_side_effect_shows(mitigation: Mitigation) -> None:
    """And would not, if the scenario were as it is; nor does one go unhelped that has no fault."""
    path = scenario_of(mitigation)
    for comparison in mitigation.shows:
        assert shown(comparison, path, mitigation.name), comparison
        other = "quiet" if comparison.direction == "same" else ""
        assert not shown(comparison, path, other), "it cannot fail"
