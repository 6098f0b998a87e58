"""The files of scenarios/mitigations: each can be applied wherever one would try it, and changes a thing."""

from functools import reduce
from pathlib import Path

import pytest

import twin
from twin.base.places import LIBRARY
from twin.model.changes import COSTS, Cost, Variation
from twin.model.responders import steps
from twin.model.scenario import Scenario
from twin.simulation.world import build
from twin.spec import SpecError, load_mitigation, load_mitigations, vary
from twin.spec.mitigations import MITIGATIONS_FOLDER, overview

FILES = sorted(MITIGATIONS_FOLDER.glob("*.yaml"))
REPLAY = LIBRARY / "scenarios" / "us-east-1-2025-10-20.yaml"
FAULTS = sorted((LIBRARY / "scenarios" / "faults").glob("*.yaml"))
APPLIED_TO = ("az-loss", "bad-plan", "peak-hour")  # one of another day, one of the race, one of the replay

# The rows of the table of what-ifs that change the system or the response, and AWS's own follow-ups.
ASKED_FOR = """
fresh-at-each-write compare-and-swap spare-the-active-tree apply-and-clean-up-as-one never-zero-answers
fewer-plans keep-more-trees fair-lock tolerate-missing-target short-negative-ttl cellular-dns long-leases
queue-aware-admission drop-expired-work restart-runbook dwfm-without-dynamodb queue-limited-propagation
wait-for-network velocity-control no-zone-failover self-healing-poller capacity-in-place freeze-replacements
regional-iam retry-budgets jitter breakers serve-from-cache readable-alarms rehearsed-repair earlier-override
aws-follow-ups
"""


def name(path: Path) -> str:
    return path.stem


def inputs(scenario: Scenario) -> tuple:
    """All that a run is made of: the arrays that it begins with, and what is to happen."""
    model = build(scenario, seed=1)
    return [(a.dtype, a.tobytes()) for a in model.every_array()], model.edges, steps(scenario)


@pytest.fixture(scope="module")
def replay() -> Scenario:
    return twin.load(REPLAY, responders="modelled")


def test_all_that_was_asked_for_is_there() -> None:
    assert set(ASKED_FOR.split()) <= {path.stem for path in FILES}


@pytest.mark.parametrize("file", FILES, ids=name)
def test_a_file_says_who_what_and_what_it_costs(file: Path, replay: Scenario) -> None:
    mitigation = load_mitigation(file, replay)
    assert mitigation.name == file.stem, "its name is how one asks for it"
    assert mitigation.title and mitigation.does and mitigation.proposed_by
    assert mitigation.source or mitigation.assumed
    assert mitigation.cost is not None and mitigation.cost.reason


@pytest.mark.parametrize("file", FILES, ids=name)
def test_a_mitigation_changes_what_the_replay_is_made_of(file: Path, replay: Scenario) -> None:
    assert inputs(reduce(vary, load_mitigations([file], replay), replay)) != inputs(replay)


def test_one_that_says_what_is_so_already_is_noticed(tmp_path: Path, replay: Scenario) -> None:
    """The law above, broken: the number is the one that the scenario has."""
    text = (
        "mitigation: idle\ndoes: nothing\nproposed_by: us\nassumed: for the test\n"
        "parameters:\n  resolvers-vpc.negative_ttl_s: {value: 15m, source: ROUTE53_SOA}\n"
    )
    (tmp_path / "idle.yaml").write_text(text.replace("ROUTE53_SOA", "ROUTE53"))
    changed = reduce(vary, load_mitigations([tmp_path / "idle.yaml"], replay), replay)
    assert changed != replay and inputs(changed) == inputs(replay)


@pytest.mark.parametrize(
    "fault",
    [f if f.stem in APPLIED_TO else pytest.param(f, marks=pytest.mark.long) for f in FAULTS],
    ids=name,
)
def test_each_can_be_applied_to_other_faults(fault: Path) -> None:
    """Steps of the replay's script are not there: what a file says of them is left out, the rest holds."""
    scenario = twin.load(fault)
    for file in FILES:
        found = load_mitigations([file], scenario)
        about_the_script = all(m.is_empty for m in found)
        assert not about_the_script or found[-1].base, f"{file.stem} does nothing in {fault.stem}"


def test_a_step_of_another_script_is_left_out_and_a_wrong_name_is_not(replay: Scenario) -> None:
    quiet = vary(replay, Variation(drop=tuple(x.id for x in [*replay.interventions, *replay.diagnoses])))
    asked = MITIGATIONS_FOLDER / "no-zone-failover.yaml"
    assert load_mitigation(asked, replay).drop == ("failover-on",)
    here = load_mitigation(asked, quiet)
    assert here.drop == () and here.parameters.keys() == {"nlb.failover"}
    lock = MITIGATIONS_FOLDER / "fair-lock.yaml"
    assert load_mitigation(lock, quiet).is_empty
    assert load_mitigation(lock, replay).drop == ("lock-starvation",)
    twice = twin.load(LIBRARY / "scenarios" / "faults" / "second-race-in-recovery.yaml")
    assert load_mitigation(lock, twice).drop == ("lock-starvation", "lock-starvation-again")


def test_a_wrong_name_is_found_wherever_it_is_applied(tmp_path: Path, replay: Scenario) -> None:
    quiet = vary(replay, Variation(drop=tuple(x.id for x in [*replay.interventions, *replay.diagnoses])))
    text = (
        (MITIGATIONS_FOLDER / "no-zone-failover.yaml").read_text().replace("[failover-on]", "[failover-onn]")
    )
    file = tmp_path / "typo.yaml"
    file.write_text(text.replace("../", f"{LIBRARY / 'scenarios'}/"))
    for scenario in (replay, quiet, replay.topology):
        with pytest.raises(SpecError, match=r"typo.yaml:\d+:8: drop.0: .* \(did you mean failover-on\?\)"):
            load_mitigation(file, scenario)


def test_the_follow_ups_are_a_bundle_of_files(replay: Scenario) -> None:
    *parts, whole = load_mitigations(["aws-follow-ups"], replay)
    assert [m.name for m in parts] == list(whole.includes) and len(parts) >= 4
    assert whole.is_empty, "it is made of the others and repeats none of them"


def test_costs_are_in_order() -> None:
    assert [Cost(**{"class": name}, reason="").rank for name in COSTS] == list(range(len(COSTS)))
    listed = overview()
    assert [list(COSTS).index(m.cost) for m in listed] == sorted(list(COSTS).index(m.cost) for m in listed)
    assert {m.name for m in listed} == {path.stem for path in FILES}
