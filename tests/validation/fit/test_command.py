"""twin calibrate: what it prints, what it writes, what it refuses."""

import json
from pathlib import Path

import pytest

import twin
from tests.cli.conftest import invoke

LITTLE = ("--budget", 3, "--runner", "inline")


def test_it_writes_what_it_found_and_nothing_else(path: Path) -> None:
    before = path.read_text()
    result = invoke("calibrate", path, *LITTLE, "--write", "--json")
    assert result.exit_code == 0, result.output
    document = json.loads(result.stdout)
    assert document["scenario"] == "small" and document["written"] == str(path)
    scenario = twin.load(path)
    for number in document["numbers"]:
        assert scenario.parameters[number["number"]].value == number["after"]
    pairs = zip(before.splitlines(), path.read_text().splitlines(), strict=True)
    changed = [(a, b) for a, b in pairs if a != b]
    assert 1 <= len(changed) <= 2
    assert all(a.partition("#")[2] == b.partition("#")[2] for a, b in changed), "comments stay"


def test_without_write_the_file_stays(path: Path) -> None:
    before = path.read_text()
    result = invoke("calibrate", path, *LITTLE)
    assert result.exit_code == 0, result.output
    for word in ("cache-fails", "before", "after", "reach alone", "in these domains: 1, broken"):
        assert word in result.stdout
    assert path.read_text() == before


def test_a_profile(path: Path) -> None:
    result = invoke(
        "calibrate", path, "--runner", "inline", "--profile", "mover.capacity_per_s/feeds.rate_per_s"
    )
    assert result.exit_code == 0 and "tell only their ratio" in " ".join(result.stdout.split())


@pytest.mark.parametrize(
    ("change", "arguments", "message"),
    [
        (("[cache-fails]", "[far-fails]"), (),
         "small.yaml:12:36: cache->store.lifetime_s: found outcome far-fails of far, expected an outcome of"),
        (("published: small.csv\n", ""), (), "found fitted_to, expected source, measured, assumed or chosen"),
        (("", ""), ("--set", "mover.capacity_per_s=30/s", "--set", "cache->store.lifetime_s=1h"),
         "small.yaml:1:1: found nothing to fit, expected a number with fitted_to: and its range"),
        (("", ""), ("--profile", "a/b"), "small.yaml:1:1: a: found no such number"),
        (("", ""), ("--profile", "a/b", "--write"), "fits nothing"),
        (("", ""), ("--budget", "0"), "--budget"),
    ],
)  # fmt: skip
def test_bad_input(path: Path, change: tuple[str, str], arguments: tuple[str, ...], message: str) -> None:
    path.write_text(path.read_text().replace(*change))
    result = invoke("calibrate", path, *arguments)
    assert result.exit_code == 2 and message in result.stderr, result.stderr
    assert result.stdout == ""
