"""The race emerges: from one Enactor that loses its locks, and from nothing else that the scenario says.

Only the endpoint's automation and its resolvers run here, with the topology's numbers and the scenario's
fault; so what empties the record can only be the state machine.
"""

import pytest

import twin
from twin.api.run import Run
from twin.kinds import dns
from twin.model.scenario import Scenario
from twin.spec import override

SEEDS = 64
ENOUGH = 61  # 95 % of them
SOON_S = 120.0
WATCHED_S = 600.0  # from the end of the fault
PARTS = ("dynamodb-dns", "resolvers-internal", "resolvers-vpc")
# The guards without a way to an empty record, as tests/protocol finds by looking at every state.
SAFE = ("guard_cas", "guard_recheck_in_lock", "guard_cleanup_atomic", "guard_big_lock", "original_design")


@pytest.fixture(scope="module")
def race(incident: Scenario) -> Scenario:
    """The incident cut down to its trigger."""
    services = {name: incident.topology.services[name] for name in PARTS}
    (fault,) = (x for x in incident.faults if x.id == "lock-starvation")
    return incident.model_copy(update={
        "topology": incident.topology.model_copy(update={"services": services}), "parameters": {},
        "faults": (fault,), "actions": (), "published": None, "duration_s": fault.until_s + WATCHED_S,
    })  # fmt: skip


def ends_s(race: Scenario) -> float:
    (fault,) = race.faults
    assert fault.until_s is not None
    return fault.until_s


def happened(run: Run, event: str) -> list[dict]:
    return [row for row in run.events.to_pylist() if row["event"] == event]


def runs(race: Scenario, seeds: int = SEEDS) -> list[Run]:
    return [twin.run(race, seed=seed, debug=True) for seed in range(seeds)]


def number(race: Scenario, name: str) -> float:
    given = race.topology.services["dynamodb-dns"].parameters
    default = next(p.default for p in dns.PARAMETERS if p.name == name)
    return float(given[name].value if name in given else default)


def test_the_fault_says_nothing_but_who_loses_the_lock(race: Scenario) -> None:
    (fault,) = race.faults
    assert set(fault.set) == {"dynamodb-dns.losing_enactor"}


def test_the_endpoint_empties_and_every_enactor_wedges(race: Scenario) -> None:
    """In at least 95 % of the seeds, within two minutes of the end of the starvation."""
    b, enactors = ends_s(race), number(race, "enactors_count")
    seen = 0
    for run in runs(race):
        emptied = [row["tick"] * race.tick_s for row in happened(run, "endpoint_emptied")]
        wedged = {row["value"] for row in happened(run, "enactor_wedged")}
        assert all(at_s >= b for at_s in emptied)
        seen += any(at_s <= b + SOON_S for at_s in emptied) and len(wedged) == enactors
    assert seen >= ENOUGH, f"{seen} of {SEEDS}"


def test_the_empty_answer_reaches_the_resolvers_and_stays(race: Scenario) -> None:
    run = next(run for run in runs(race) if happened(run, "endpoint_emptied"))
    (emptied,) = happened(run, "endpoint_emptied")
    assert not happened(run, "endpoint_restored")
    last = max(run.samples["tick"].to_pylist())
    for row in run.samples.to_pylist():
        if row["tick"] == last and row["service"].startswith("resolvers"):
            assert row["capacity_per_s"] == 0.0, "a cache holds a good answer"
    assert emptied["cause_id"] is not None


@pytest.mark.parametrize("guard", SAFE)
def test_no_seed_empties_it_behind_a_guard(race: Scenario, guard: str) -> None:
    guarded = override(race, set={f"dynamodb-dns.{guard}": True})
    assert not [run for run in runs(guarded) if happened(run, "endpoint_emptied")]


def test_an_answer_that_is_never_empty_stays_though_the_records_are_gone(race: Scenario) -> None:
    """The floor under the answer does not undo the wedge."""
    floor = override(race, set={"dynamodb-dns.guard_no_zero_answers": True})
    several = runs(floor, 8)
    assert not [run for run in several if happened(run, "endpoint_emptied")]
    assert [run for run in several if happened(run, "enactor_wedged")]


def test_no_seed_empties_it_when_the_lock_is_won_half_a_keep_window_earlier(race: Scenario) -> None:
    (fault,) = race.faults
    window_s = number(race, "keep_count") * number(race, "plan_interval_s")
    earlier = fault.model_copy(update={"until_s": ends_s(race) - window_s / 2})
    assert earlier.until_s > fault.at_s
    assert not [run for run in runs(race.model_copy(update={"faults": (earlier,)}))
                if happened(run, "endpoint_emptied")]  # fmt: skip


def test_nothing_happens_without_the_fault(race: Scenario) -> None:
    for run in runs(race.model_copy(update={"faults": ()}), 8):
        assert not run.events.num_rows
