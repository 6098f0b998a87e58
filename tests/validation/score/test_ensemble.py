"""What is drawn, from where, and what the draws say."""

import json
import math
from dataclasses import replace

import numpy as np
import pytest

from twin.experiments.opened import StudySettings
from twin.experiments.pool import PoolSettings
from twin.experiments.realizations import quantiles, sampled, uncertain
from twin.experiments.screening import NoWorlds
from twin.model.scenario import Dependency, Quantity, Service
from twin.spec.inputs import UncertainInput, inputs_of, inputs_of_service, value_at_quantile, varies
from twin.validation.ensemble import Ensemble, ensemble


def test_what_is_drawn(scenario) -> None:
    targets = {n.target for n in uncertain(scenario)}
    assert {"users.rate_per_s", "page.capacity_per_s", "front->store.connections_count", "outage"} <= targets
    assert "front->store.lifetime_s" not in targets, "fitted"
    assert "store.service_time_s" not in targets and "limit" not in targets, "published"
    assert "page->front.lifetime_s" not in targets, "a hard dependency has none"
    assert "store.fault_ratio" not in targets, "no room"
    assert "page.service_time_s" in targets and "post.service_time_s" not in targets, "a control"
    assert not any(target.startswith("names.") for target in targets), "the event itself"


def test_numbers_of_the_event_are_listed_all_the_same(scenario) -> None:
    found = [n for n in inputs_of(scenario) if n.service == "names" and n.is_unsourced]
    assert found and not any(varies(scenario, n) for n in found)


def test_a_sample_is_keyed_by_the_draw(scenario) -> None:
    at = np.array([list(quantiles(scenario, draw).values()) for draw in range(1, 401)])
    assert at.shape == (400, len(uncertain(scenario))) and ((at >= 0) & (at <= 1)).all()
    assert np.abs(at.mean(axis=0) - 0.5).max() < 0.07, "uniform"
    assert np.abs(np.corrcoef(at.T) - np.eye(at.shape[1])).max() < 0.25, "independent"
    assert list(quantiles(scenario, 7).values()) == at[6].tolist(), "whatever else is drawn"
    other = scenario.model_copy(update={"seed": scenario.seed + 1})
    assert list(quantiles(other, 7).values()) != at[6].tolist()


@pytest.mark.parametrize(
    ("unit", "ends", "place", "value"),
    [
        ("s", (10.0, 20.0), 0.5, 15.0),
        ("s", (1.0, 100.0), 0.5, 10.0),
        ("s", (0.0, 100.0), 0.5, 50.0),
        ("count", (1.0, 4.0), 0.6, 3),
        ("ratio", (0.2, 0.8), 1.0, 0.8),
    ],
)
def test_places_in_a_range(unit, ends, place, value) -> None:
    number = UncertainInput("a.b", "a", 1.0, unit, range=ends)
    assert value_at_quantile(number, place) == pytest.approx(value)


def test_a_drawn_scenario(scenario) -> None:
    drawn = quantiles(scenario, 1)
    other = sampled(scenario, drawn)
    at = {n.target: value_at_quantile(n, p) for n, p in drawn.items()}
    assert other.topology.services["users"].parameters["rate_per_s"].value == at["users.rate_per_s"]
    front = other.topology.services["front"].dependencies[0]
    assert front.connections_count.value == at["front->store.connections_count"]
    assert front.lifetime_s.value == 120.0
    assert 540 <= other.faults[0].at_s == at["outage"] <= 660
    assert other.topology.services["names"] == scenario.topology.services["names"]


@pytest.fixture
def made() -> Ensemble:
    """20 draws of two numbers, the first of which moves 'late' by an hour; 'rare' happens in half of them."""
    places = np.column_stack([(np.arange(20) + 0.5) / 20, np.tile([0.2, 0.8, 0.4, 0.6], 5)])
    times = {
        "late": 100 + 60 * places[:, 0], "rare": np.where(places[:, 0] < 0.5, 50.0, math.inf),
        "still": np.full(20, 30.0),
    }  # fmt: skip
    published = {"late": (130.0, 1.0), "rare": (49.0, 0.5), "still": (31.0, 1.0)}
    pair = (
        UncertainInput("a.x", "a", 1.0, "s", range=(0.0, 2.0)),
        UncertainInput("a.y", "a", 1.0, "s", range=(0.0, 2.0)),
    )
    return Ensemble(pair, places, times, published, 5, end_min=500.0)


def test_bands_and_coverage(made) -> None:
    assert made.band("late") == (101.5, 158.5)
    assert made.band("rare") == (50.0, math.inf)
    assert [made.covers(o) for o in ("late", "rare", "still")] == [True, False, False]
    assert [made.width_min(o) for o in ("late", "rare", "still")] == [57.0, math.inf, 0.0]


def test_what_moves_an_outcome(made) -> None:
    (moved,) = made.movements("late")
    assert (moved.number.target, moved.movement_min, moved.rank_correlation) == ("a.x", 60.0, 1.0)
    assert made.movements("still") == made.movements("rare") == []


def test_what_would_narrow_a_band(made) -> None:
    """The number that moves it, and what is left in the thirds of its range; of chance alone, perhaps."""
    found = made.narrowing("late")
    assert found is not None and found.number.target == "a.x" and found.certain
    assert found.band_min == 57.0 and 15.0 <= found.left_min <= 20.0
    assert made.narrowing("still") is None, "nothing to narrow"
    (wide,) = made.wide
    assert wide.outcome == "rare" and wide.number.target == "a.x"


def test_a_number_that_moves_nothing_is_named_perhaps(made) -> None:
    idle = np.tile([[0.1, 0.9], [0.5, 0.1], [0.9, 0.5]], (7, 1))[:20]
    found = replace(made, places=idle).narrowing("late")
    assert found is not None and not found.certain


def test_an_ensemble_as_json(made) -> None:
    document = json.loads(json.dumps(made.as_json(), allow_nan=False))
    assert document["coverage"] == pytest.approx(1 / 3, abs=1e-4)
    assert document["open_share"] == pytest.approx(1 / 3, abs=1e-4)
    assert document["median_band_min"] == 57.0
    rare = next(o for o in document["outcomes"] if o["id"] == "rare")
    assert (rare["low_error_min"], rare["high_error_min"]) == (1.0, None)
    assert (rare["covered"], rare["happens_share"]) == (False, 0.5)
    assert [m["number"] for m in document["moved_by"]] == ["a.x"]


INLINE = StudySettings(pool=PoolSettings("inline"))


def test_an_ensemble_of_runs(scenario) -> None:
    found = ensemble(scenario, 3, predicted=["page-fails", "page-again"], settings=INLINE)
    assert len(found.places) + found.implausible == 3
    assert (found.times_min["page-again"] == math.inf).all()
    begun = found.times_min["page-fails"]
    assert ((begun > 8) & (begun < 20)).all()
    place = [n.target for n in found.numbers].index("outage")
    assert (begun >= 9 + 2 * found.places[:, place] - 1 / 6 - 1).all(), "not before the fault"


def sick(scenario, share: float):
    """With services that fail from the start in this share of the draws, or a little less."""
    parameters = {"fault_ratio": Quantity(value=0.01, assumed="ill", range=(0.0, 0.05 / (1 - share)))}
    services = dict(scenario.topology.services)
    for name in ("post", "page"):
        services[name] = services[name].model_copy(update={"parameters": parameters})
    topology = scenario.topology.model_copy(update={"services": services})
    return scenario.model_copy(update={"topology": topology, "actions": ()})


def test_an_invalid_draw_is_replaced(scenario) -> None:
    found = ensemble(sick(scenario, 0.3), 4, predicted=["page-fails"], settings=INLINE)
    assert found.invalid >= 1 and len(found.places) + found.implausible == 4
    assert found.as_json()["draws"] == 4 + found.invalid


def test_a_prior_that_contradicts_its_scenario_is_refused(scenario) -> None:
    with pytest.raises(NoWorlds, match="of 16 realizations are valid, and 4 are needed"):
        ensemble(sick(scenario, 0.95), 4, predicted=["page-fails"], settings=INLINE)


def test_no_draw_is_left() -> None:
    empty = Ensemble((), np.zeros((0, 0)), {"a": np.zeros(0)}, {"a": (1.0, 1.0)}, 0, invalid=2)
    assert empty.as_json()["coverage"] == 0.0 and empty.as_json()["median_band_min"] is None


@pytest.mark.long
def test_processes_change_nothing(scenario, tmp_path) -> None:
    pools = (PoolSettings("inline"), PoolSettings("process", 2))
    one, two = (
        ensemble(scenario, 2, predicted=["page-fails"], settings=StudySettings(tmp_path / pool.runner, pool))
        for pool in pools
    )
    assert one.times_min["page-fails"].tolist() == two.times_min["page-fails"].tolist()


def test_a_policy_that_no_file_gives_is_no_number_of_the_scenario() -> None:
    """Nor are the settings of a breaker that is not there."""

    def names_of(**given: Quantity) -> set[str]:
        calls = Dependency(on="store", mode="hard", **given)
        service = Service(name="site", kind="relay", dependencies=(calls,))
        return {n.target.rpartition(".")[2] for n in inputs_of_service(service) if "->" in n.target}

    threshold = Quantity(value=0.5, source="RESILIENCE4J")
    assert not names_of() & {"retry_mode", "breaker_error_ratio", "breaker_open_s", "clients_count"}
    assert names_of(breaker_error_ratio=threshold) - names_of() == {
        "breaker_error_ratio", "breaker_window_count", "breaker_open_s", "breaker_probes_count",
        "clients_count",
    }  # fmt: skip
