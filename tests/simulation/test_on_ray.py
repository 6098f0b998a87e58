"""Ray gives the rows that inline gives: for any number of actors, and when one is lost on the way."""

from collections import Counter
from typing import Any

import pytest

import twin
from twin.api.run import Run
from twin.simulation.inline import InvariantBroken

from .scenario import scenario

pytestmark = pytest.mark.ray


@pytest.fixture
def on_ray(reference: Run) -> Any:
    """The runner. The reference comes first, because the actors must find the loop compiled."""
    from twin.simulation import on_ray

    return on_ray


@pytest.fixture(scope="module")
def reference() -> Run:
    return twin.run(scenario())


def test_the_scenario_says_something(reference: Run) -> None:
    counts = Counter(reference.events["event"].to_pylist())
    assert counts["onset"] >= 3 and counts["recovery"] >= 2
    begun = [x["id"] for x in reference.manifest["inputs"] if x["begin"]]
    assert begun == ["cut", "shed", "surge", "again"]


@pytest.mark.parametrize("actors", [pytest.param(1, marks=pytest.mark.long), 3])
def test_same_rows(on_ray: Any, reference: Run, actors: int) -> None:
    run = twin.run(scenario(), runner="ray", actors=actors)
    assert run.digest == reference.digest
    assert run.manifest["inputs"] == reference.manifest["inputs"]
    assert run.run_id == reference.run_id and run.manifest["notes"] == []


def test_same_rows_of_another_replicate(on_ray: Any, reference: Run) -> None:
    other = {"replicate": 3, "seed": 8, "debug": True}
    inline, ray = (twin.run(scenario(), **other, runner=r, actors=2) for r in ("inline", "ray"))
    assert ray.digest == inline.digest != reference.digest


@pytest.mark.long
def test_same_rows_of_mean_noise(on_ray: Any) -> None:
    inline, ray = (twin.run(scenario("mean"), runner=r, actors=3) for r in ("inline", "ray"))
    assert ray.digest == inline.digest


def test_lost_actors(on_ray: Any, reference: Run, monkeypatch: pytest.MonkeyPatch) -> None:
    """In the first window, in the middle of one, and at the edge of one."""
    kills = [15, 2017, 3000]
    crew = watch(on_ray, monkeypatch)
    monkeypatch.setattr(on_ray, "MOMENT_WINDOWS", 70)
    left = list(kills)

    def kill(t: int, ticks: int) -> None:
        if left and t >= left[0]:
            left.pop(0)
            on_ray.ray.kill(crew[-1])

    run = twin.run(scenario(), runner="ray", actors=2, progress=kill)
    assert run.digest == reference.digest
    assert run.manifest["inputs"] == reference.manifest["inputs"]
    notes = run.manifest["notes"]
    assert len(notes) == len(kills)
    assert notes[-1].startswith("actor 1 was lost at tick ") and "stepped again from tick " in notes[-1]


def test_actor_that_is_lost_every_time(on_ray: Any, monkeypatch: pytest.MonkeyPatch) -> None:
    crew = watch(on_ray, monkeypatch)
    monkeypatch.setattr(on_ray, "MOST_LOSSES", 1)
    with pytest.raises(on_ray.TooManyLost, match="2 times since tick 0"):
        twin.run(scenario(), runner="ray", actors=2, progress=lambda t, ticks: on_ray.ray.kill(crew[-1]))


def test_broken_invariant_names_its_service(on_ray: Any, monkeypatch: pytest.MonkeyPatch) -> None:
    reply = on_ray.Reply(broken=InvariantBroken("queue", 10))
    monkeypatch.setattr(on_ray.Stepper, "step", lambda self, *window: reply)
    with pytest.raises(InvariantBroken, match="an invariant of queue broke"):
        twin.run(scenario(), runner="ray", actors=1)


def watch(on_ray: Any, monkeypatch: pytest.MonkeyPatch) -> list[Any]:
    """Every actor that is started from now on; the last is that of the highest number, or its replacement."""
    crew: list[Any] = []
    start = on_ray.Crew.start

    def start_and_tell(self: Any, k: int) -> Any:
        crew.append(start(self, k))
        return crew[-1]

    monkeypatch.setattr(on_ray.Crew, "start", start_and_tell)
    return crew
