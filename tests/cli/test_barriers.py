"""twin barriers: the whole of it on a tiny outage, a part of it on the event, and nonsense."""

import json
from pathlib import Path

import pytest

from .conftest import invoke

REPLAY = "us-east-1-2025-10-20"
BARRIERS = """\
barriers_of: tiny
base: {base}
barriers:
  - name: sturdy-store
    title: A store that does not break
    layer: DNS
    guards: the store
    status: absent
    in_the_event: it broke
    on: {{set: {{store.fault_ratio: 0.0}}, drop: [store-breaks]}}
    on_means: no break
    assumed: for the test
  - name: copy
    title: A copy of the store
    layer: EC2
    guards: the site
    status: breached
    in_the_event: it was cold
    on: {{set: {{site->store.share: 0.5}}}}
    on_means: half of the pages need no row
    off: {{set: {{site->store.retries: 0}}}}
    off_means: nobody tries again
    assumed: for the test
"""


@pytest.fixture
def file(tiny: Path, tmp_path: Path) -> Path:
    path = tmp_path / "barriers.yaml"
    path.write_text(BARRIERS.format(base=tiny))
    return path


def tiny_barriers(tiny: Path, file: Path, *more: object):
    study = file.parent / "study"
    return invoke("barriers", tiny, "--barriers", file, "--runner", "inline", "--study", study, *more)


def test_a_document(tiny: Path, file: Path) -> None:
    result = tiny_barriers(tiny, file, "--json")
    assert result.exit_code == 0, result.output
    document = json.loads(result.stdout)
    sturdy, copy = document["defences"]
    assert sturdy["on"]["verdict"] == "stops" and sturdy["on"]["left_min"] == 0.0
    assert copy["on"]["verdict"] == "shrinks" and copy["off"]["verdict"] == "nothing"
    assert document["lined_up"] == ["sturdy-store", "copy"] and document["stops_alone"] == ["sturdy-store"]
    assert sturdy["until"] is None, "it is more than a parameter, so it cannot come late"
    late = copy["until"]
    assert "2025-10-19T22:15" < late["helps_at"] < late["too_late_at"] < "2025-10-19T22:21"
    (pair,) = document["pairs"]
    assert pair["pair"] == "copy+sturdy-store" and not pair["more"]


def test_a_picture_and_a_study_that_goes_on(tiny: Path, file: Path) -> None:
    first = tiny_barriers(tiny, file)
    assert first.exit_code == 0, first.output
    for said in (
        "A copy of the store",
        "did not hold",
        "did not exist",
        "stops it",
        "Too late",
        "alone would have",
    ):
        assert said in first.stdout
    assert "hole" not in first.stdout.lower()
    assert "22 runs planned:" in first.stderr
    again = tiny_barriers(tiny, file)
    assert again.stdout == first.stdout and "(22 runs are in the folder already)" in again.stderr


@pytest.mark.long
def test_some_defences_of_the_event(tmp_path: Path) -> None:
    """The check that is asked again stops it."""
    options = ("--only", "freshness-check", "--replicates", 1, "--no-moments", "--json")
    result = invoke("barriers", REPLAY, *options, "--runner", "inline", "--study", tmp_path / "study")
    assert result.exit_code == 0, result.output
    document = json.loads(result.stdout)
    assert document["stops_alone"] == ["freshness-check"]
    assert {loop["loop"] for loop in document["loops"]} == {
        "Enactor freshness", "Lease renewal", "Propagation", "Health check", "Throttle", "Responders",
    }  # fmt: skip
    (enactors,) = [loop for loop in document["loops"] if loop["loop"] == "Enactor freshness"]
    assert any("over the newer" in reading["did"] for reading in enactors["series"])


def test_the_loops_alone(tiny: Path) -> None:
    result = invoke("barriers", tiny, "--loops")
    assert result.exit_code == 0 and "No control loop" in result.stdout


def test_nonsense(tiny: Path, file: Path) -> None:
    for arguments, said in (
        ((tiny,), "tiny.yaml: found no such file, expected the barriers of a scenario"),
        ((tiny, "--barriers", file, "--only", "copi"), "--only: found 'copi', expected a barrier of "),
        ((REPLAY, "--barriers", file), "barriers.yaml: found barriers of "),
        ((tiny, "--barriers", file, "--replicates", 0), "--replicates"),
    ):
        result = invoke("barriers", *arguments)
        assert result.exit_code == 2 and said in result.stderr, result.stderr


def test_a_study_of_something_else(tiny: Path, file: Path) -> None:
    """Nothing in it is lost."""
    study = file.parent / "study"
    study.mkdir()
    (study / "study.json").write_text('{"version": 0}\n')
    result = tiny_barriers(tiny, file)
    assert result.exit_code == 2 and "study of something else" in result.stderr
    assert (study / "study.json").read_text() == '{"version": 0}\n'


def test_the_event_can_be_changed(tiny: Path, file: Path) -> None:
    result = tiny_barriers(tiny, file, "--json", "--loops", "--with", "nowhere.yaml")
    assert result.exit_code == 2 and "nowhere.yaml" in result.stderr
    short = tiny_barriers(
        tiny, file, "--move", "store-breaks=+20m", "--only", "copy", "--no-moments", "--json"
    )
    assert short.exit_code == 0, short.output
    assert [d["name"] for d in json.loads(short.stdout)["defences"]] == ["copy"]
