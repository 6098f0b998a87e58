"""The suite of other faults: each loads, runs, does what its author expects, and is quiet without its fault.

A mitigation is judged on all of them: what is good in the replay may be bad in another.
"""

from functools import cache

import pytest

import twin
from tests.cli.conftest import invoke
from twin.api.run import Run
from twin.base.places import LIBRARY
from twin.model.scenario import Scenario
from twin.results.expectations import Expected, check_expected
from twin.spec.library import named_scenarios

REPLAY = LIBRARY / "scenarios" / "us-east-1-2025-10-20.yaml"
FILES = {path.stem: path for path in sorted((LIBRARY / "scenarios" / "faults").glob("*.yaml"))}
NAMES = (
    "az-loss",
    "slow-dynamodb",
    "ec2-api-brown-out",
    "nlb-checker-overload",
    "customer-retry-storm",
    "bad-plan",
    "second-race-in-recovery",
    "peak-hour",
)
OF_THE_REPLAY = NAMES[-2:]


@cache
def _run(name: str, *changes: tuple[str, object]) -> Run:
    """A scenario of the suite, or the replay, with these parameters."""
    return twin.run(twin.load(FILES.get(name, REPLAY), set=dict(changes)))


def _of(run: Run, column: str, service: str) -> float:
    with run.tables() as tables:
        (row,) = tables.rows(
            f"select coalesce(sum({column}), 0) as it from impact where service = $s", s=service
        )
    return float(row["it"])


def _lost_min(run: Run) -> float:
    with run.tables() as tables:
        (row,) = tables.rows("from totals")
    return float(row["service_minutes_lost"])


def steps_count(scenario: Scenario) -> float:
    """How often a run steps a service, which is what it costs."""
    return scenario.duration_s / scenario.tick_s * len(scenario.topology.services)


def test_the_suite_is_whole() -> None:
    assert set(NAMES) == set(FILES)


@pytest.mark.parametrize("name", NAMES)
def test_it_has_no_problem_and_says_what_it_asks(name: str) -> None:
    scenario = twin.load(FILES[name])
    assert scenario.name == name and scenario.question.endswith("?") and scenario.title
    assert scenario.expect and scenario.faults
    replay = twin.load(REPLAY)
    longest_s = replay.duration_s if name in OF_THE_REPLAY else 8 * 3600
    assert 2 * 3600 <= scenario.duration_s <= longest_s, "a study runs all of them many times"
    assert steps_count(scenario) <= steps_count(replay), "a study runs all of them many times"


@pytest.mark.parametrize("name", NAMES)
def test_what_its_author_expects_comes(name: str) -> None:
    run = _run(name)
    assert [e.text for e in check_expected(twin.load(FILES[name]), run) if e.state != Expected.HELD] == []


@pytest.mark.parametrize("name", NAMES)
def test_without_its_fault_nothing_is_impaired(name: str) -> None:
    scenario = twin.load(FILES[name])
    quiet = twin.load(FILES[name], drop=[fault.id for fault in scenario.faults])
    run = twin.run(quiet)
    with run.tables() as tables:
        assert tables.rows("from totals")[0]["services_impaired"] == 0
    assert any(e.state == Expected.MISSED for e in check_expected(quiet, run)), (
        "its expectations would hold without it"
    )


def test_commands_find_it_by_its_name() -> None:
    assert set(FILES) < set(named_scenarios())
    listed = invoke("list", "scenarios", "--json").stdout
    assert all(f'"{name}"' in listed for name in NAMES)
    missed = invoke("run", "az-los")
    assert missed.exit_code == 2 and "did you mean az-loss" in missed.stderr


def test_no_zone_failover_is_good_in_the_replay_and_bad_when_a_zone_is_lost() -> None:
    """Failing open: no zone ever leaves DNS by itself."""
    off = ("nlb.failover", False)
    replayed = twin.load(REPLAY, set=dict([off]), drop=["failover-off", "failover-on"])
    assert _of(twin.run(replayed), "lost_min", "nlb") < 0.5 * _of(_run("replay"), "lost_min", "nlb")
    assert _of(_run("az-loss", off), "lost_min", "nlb") > 2 * _of(_run("az-loss"), "lost_min", "nlb")
    assert _lost_min(_run("az-loss", off)) > _lost_min(_run("az-loss"))


@pytest.mark.parametrize("name", OF_THE_REPLAY)
def test_without_its_change_it_is_the_replay(name: str) -> None:
    """The other red version: what these two change is all that is different."""
    changed, base = twin.load(FILES[name]), twin.load(REPLAY, responders="modelled")
    own = {x.id for x in changed.interventions + changed.diagnoses} - {
        x.id for x in base.interventions + base.diagnoses
    }
    again = twin.load(FILES[name], drop=sorted(own)).model_copy(update={"start": base.start})
    same = {"name", "title", "question", "published", "scoring", "expect"}
    assert again.model_dump(exclude=same) == base.model_dump(exclude=same)


def test_breakers_end_a_storm_and_make_half_an_outage_a_whole_one() -> None:
    def with_breakers(name: str) -> float:
        return _lost_min(twin.run(twin.load(FILES[name], mitigate=["breakers"])))

    assert with_breakers("customer-retry-storm") < 0.1 * _lost_min(_run("customer-retry-storm"))
    assert with_breakers("slow-dynamodb") > 1.05 * _lost_min(_run("slow-dynamodb"))


def test_addresses_that_are_kept_longer_are_wrong_for_longer() -> None:
    """It delays the end for customers; that it delays the beginning too saves them some of it."""
    kept = _run(
        "bad-plan", ("resolvers-vpc.positive_ttl_s", "15m"), ("resolvers-internal.positive_ttl_s", "15m")
    )

    def recovery(run: Run) -> float:
        return _of(run, "recovery_tick", "dynamodb-customers")

    assert recovery(kept) > recovery(_run("bad-plan")) + 300
