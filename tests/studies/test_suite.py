"""The same mitigations in several scenarios: what helps in one may harm in another."""

from pathlib import Path

import twin
from twin.compare import PRIMARY, Question
from twin.model import Quantity
from twin.studies.arms import Arm
from twin.studies.study import Setting, Study
from twin.suite import judge
from twin.variations import Variation

STORM = Path("scenarios/examples/retry-storm.yaml")
# Room for half as much: in the storm it ends it; where the front end is starved of clients it is too little.
SMALL = Arm("small", (Variation(parameters={"customers.rate_per_s": Quantity(value=300.0, assumed="t")}),))
CUT = Arm("cut", (Variation(parameters={"front.capacity_per_s": Quantity(value=500.0, assumed="t")}),))
LIFO = Arm("lifo", (Variation(parameters={"front.discipline": Quantity(value="lifo", assumed="t")}),))


def test_each_scenario_has_its_own_answer(tmp_path: Path) -> None:
    storm = twin.load(STORM, until="+20m")
    calm = twin.load(STORM, until="+20m", set=["customers.rate_per_s=300/s"])
    setting = Setting({"storm": storm, "calm": calm})
    question = Question("storm", (), 12, 600.0, draws=False)
    with Study(setting, tmp_path) as study:
        made: list[int] = []
        arms = {"storm": (SMALL, CUT, LIFO), "calm": (CUT, LIFO)}
        found = judge(study, question, arms, lambda text: None, made.append)
    words = {
        scenario: {a.arm.name: a.words for a in c.arms} for scenario, c in found.by_scenario.items()
    }
    assert words["storm"]["small"] == "helps" and words["storm"]["lifo"] == "helps"
    assert words["calm"]["cut"] == "harms"
    assert found.of("calm", "small") is None and "small" in found.names
    assert made == sorted(made), "progress never goes back"
    assert found.as_json()["scenarios"].keys() == {"storm", "calm"}


def test_tests_of_all_scenarios_are_one_family(tmp_path: Path) -> None:
    """One scenario alone tells apart what fifty of them together do not."""
    from dataclasses import replace

    from twin.suite import _together

    setting = Setting({"storm": twin.load(STORM, until="+20m")})
    with Study(setting, tmp_path) as study:
        from twin.compare import compare

        one = compare(study, Question("storm", (LIFO,), 9, 600.0, draws=False))
    assert one.arms[0].distinguishable[PRIMARY]
    crowd = {f"{k}": replace(one, arms=one.arms) for k in range(50)}
    assert not any(c.arms[0].distinguishable[PRIMARY] for c in _together(crowd).values())
