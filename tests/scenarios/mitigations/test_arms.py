"""Several mitigations at once: by name or file, each once; contradictions are told with their places."""

from functools import reduce
from pathlib import Path

import pytest

import twin
from twin.base.places import LIBRARY
from twin.experiments.arms import BASELINE, arm_of
from twin.model.scenario import Scenario
from twin.spec import SpecError, load_mitigations, vary

REPLAY = LIBRARY / "scenarios" / "us-east-1-2025-10-20.yaml"
HEAD = "mitigation: {}\ndoes: x\nproposed_by: us\nassumed: for the test\n"
FREEZE = "actions:\n  - {{id: freeze, at: +{}h, set: {{lambda-invoke.loss_per_s: 0/s}}, assumed: x}}\n"
AGAIN = "drop: [alias-repair]\n" + FREEZE.replace("freeze", "alias-repair")


@pytest.fixture(scope="module")
def replay() -> Scenario:
    return twin.load(REPLAY, responders="modelled")


def write(folder: Path, **bodies: str) -> None:
    for name, body in bodies.items():
        (folder / f"{name}.yaml").write_text(HEAD.format(name) + body)


def told(folder: Path, replay: Scenario, text: str) -> list[str]:
    with pytest.raises(SpecError) as caught:
        arm_of(text, replay, folder)
    return [str(p).replace(f"{folder}/", "") for p in caught.value.problems]


def test_an_arm_is_named_by_its_mitigations(replay: Scenario) -> None:
    assert arm_of(BASELINE, replay).variations == ()
    arm = arm_of("short-negative-ttl+wait-for-network + short-negative-ttl", replay)
    assert arm.name == "short-negative-ttl+wait-for-network"
    assert [m.name for m in arm.variations] == arm.name.split("+")
    file = LIBRARY / "scenarios" / "mitigations" / "wait-for-network.yaml"
    assert arm_of(file, replay).content == arm_of(str(file), replay).content
    assert arm_of("wait-for-network", replay) == arm_of(file, replay)


def test_a_part_that_is_also_named_counts_once(replay: Scenario) -> None:
    arm = arm_of("aws-follow-ups+velocity-control", replay)
    assert [m.name for m in arm.variations].count("velocity-control") == 1


def test_an_unknown_name(tmp_path: Path, replay: Scenario) -> None:
    write(tmp_path, short="set: {nlb.failover: false}\n")
    assert told(tmp_path, replay, "shrot+short+nothing-like-it") == [
        "mitigate: found 'nothing-like-it', expected the name of a mitigation (known: short)",
        "mitigate: found 'shrot', expected the name of a mitigation (did you mean short?)",
    ]


LEAVE = "they contradict each other: leave one of them out"


@pytest.mark.parametrize(
    ("one", "other", "expected"),
    [
        (
            "set: {nlb.failover: false}\n",
            "parameters:\n  nlb.failover: {value: true, assumed: x}\n",
            "b.yaml:6:3: sets nlb.failover to true / a.yaml:5:7 sets nlb.failover to false",
        ),
        (
            "services: {nlb: {parameters: {stale_s: {value: 1m, source: PES}}}}\n",
            "set: {nlb.stale_s: 2m}\n",
            "b.yaml:5:7: sets nlb.stale_s to 120.0 / a.yaml:5:31 sets nlb.stale_s to 60.0",
        ),
        (
            "drop: [alias-repair]\n",
            "set: {alias-repair.search_s: 1m}\n",
            "b.yaml:5:7: sets alias-repair.search_s to 60.0 / a.yaml:5:8 drops alias-repair",
        ),
        (
            "set: {alias-repair.search_s: 1m}\n",
            "move: {alias-repair: +3h}\n",
            "b.yaml:5:8: moves alias-repair to '+3h' / a.yaml:5:7 sets alias-repair.search_s to 60.0",
        ),
        (
            "move: {alias-repair: +2h}\n",
            "move: {alias-repair: +3h}\n",
            "b.yaml:5:8: moves alias-repair to '+3h' / a.yaml:5:8 moves alias-repair to '+2h'",
        ),
        (
            FREEZE.format(1),
            FREEZE.format(2),
            "b.yaml:6:5: adds freeze / a.yaml:6:5 adds freeze",
        ),
        (
            "without: [dwfm -> resolvers-vpc]\n",
            "set: {dwfm->resolvers-vpc.lifetime_s: 2h}\n",
            "b.yaml:5:7: sets dwfm->resolvers-vpc.lifetime_s to 7200.0 / "
            "a.yaml:5:11 removes dwfm->resolvers-vpc",
        ),
        (
            "drop: [alias-repair]\n",
            AGAIN.format(3),
            "b.yaml:7:5: adds alias-repair / a.yaml:5:8 drops alias-repair",
        ),
    ],
)  # fmt: skip
def test_what_contradicts_each_other(
    tmp_path: Path, replay: Scenario, one: str, other: str, expected: str
) -> None:
    write(tmp_path, a=one, b=other)
    place, theirs = expected.split(" / ")
    place, mine = place.split(": ")
    file, what = theirs.split(" ", 1)
    said = f"{place}: found what {mine}, expected nothing against {file}, which {what} ({LEAVE})"
    assert said in told(tmp_path, replay, "a+b")
    assert told(tmp_path, replay, "b+a"), "whichever comes first"


@pytest.mark.parametrize(
    ("one", "other"),
    [
        ("set: {nlb.failover: false}\n", "parameters:\n  nlb.failover: {value: false, assumed: x}\n"),
        ("drop: [alias-repair]\n", "drop: [alias-repair]\n"),
        (FREEZE.format(1), FREEZE.format(1)),
        (AGAIN.format(3), AGAIN.format(3)),
        ("without: [dwfm->dynamodb]\n", "without: [dwfm->dynamodb, dwfm->resolvers-vpc]\n"),
        ("without: [dwfm->dynamodb]\n", "set: {dwfm->resolvers-vpc.lifetime_s: 2h}\n"),
    ],
)
def test_what_agrees_goes_together(tmp_path: Path, replay: Scenario, one: str, other: str) -> None:
    write(tmp_path, a=one, b=other)
    alone = vary(replay, arm_of("b", replay, tmp_path).variations[0])
    ids = [x.id for x in arm_of("a+b", replay, tmp_path).applied(replay).interventions]
    assert sorted(ids) == sorted(x.id for x in alone.interventions), "each step once"


def test_a_bundle_that_contains_itself_or_nobody(tmp_path: Path, replay: Scenario) -> None:
    write(tmp_path, a="includes: [b]\n", b="includes: [c]\n", c="includes: [b, d]\n")
    assert told(tmp_path, replay, "a") == [
        "c.yaml:5:12: includes.0: found a cycle, b → c → b, expected parts that do not contain the whole",
        "c.yaml:5:15: includes.1: found 'd', expected a mitigation beside this (known: a, b, c)",
    ]


def test_parts_of_a_bundle_must_not_contradict_each_other(tmp_path: Path, replay: Scenario) -> None:
    write(tmp_path, a="includes: [b, c]\n", b="set: {nlb.failover: false}\n", c="set: {nlb.failover: true}\n")
    (problem,) = told(tmp_path, replay, "a")
    assert problem.startswith("c.yaml:5:7: ") and "b.yaml:5:7" in problem


@pytest.mark.parametrize(
    ("body", "expected"),
    [
        ("side_effect: slower\n", "found side_effect without shown_by, expected side_effect: and "),
        (f"shown_by: {REPLAY}\n", "found shown_by without side_effect, expected side_effect: and "),
        ("side_effect: x\nshown_by: nowhere.yaml\n", "a.yaml:6:11: shown_by: found no such file 'nowh"),
        ("base: nowhere.yaml\n", "a.yaml:5:7: base: found no such file 'nowhere.yaml', expected the f"),
        ("cost: {class: cheap, reason: x}\n", "a.yaml:5:15: cost.class: found 'cheap', expected one of se"),
        (
            f"side_effect: x\nshown_by: {REPLAY}\nshows: [{{metric: nbl.lost_min, is: higher}}]\n",
            "a.yaml:7:18: shows.0.metric: found 'nbl.lost_min', expected a metric of a run",
        ),
    ],
)
def test_what_a_file_gets_wrong(tmp_path: Path, replay: Scenario, body: str, expected: str) -> None:
    write(tmp_path, a=body)
    (problem,) = told(tmp_path, replay, "a")
    assert expected in problem and problem.startswith("a.yaml:")


def test_all_problems_of_all_files_at_once(tmp_path: Path, replay: Scenario) -> None:
    write(tmp_path, a="set: {nlb.failovr: false}\n", b="drop: [nothing]\n")
    assert [p.split(":")[0] for p in told(tmp_path, replay, "a+b")] == ["a.yaml", "b.yaml"]


def test_loading_a_scenario_checks_the_same(tmp_path: Path, replay: Scenario) -> None:
    write(tmp_path, a="set: {nlb.failover: false}\n", b="set: {nlb.failover: true}\n")
    with pytest.raises(SpecError, match=LEAVE):
        twin.load(REPLAY, mitigate=[tmp_path / "a.yaml", tmp_path / "b.yaml"])
    both = ["wait-for-network", "velocity-control"]
    assert twin.load(REPLAY, mitigate=both) == twin.load(REPLAY, mitigate=["+".join(both)])
    loaded = twin.load(REPLAY)
    assert twin.load(REPLAY, mitigate=both) == reduce(vary, load_mitigations(both, loaded), loaded)
