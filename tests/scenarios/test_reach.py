"""A service of one's own that depends on DynamoDB and says no more goes through 20 October as others did."""

from pathlib import Path

import twin
from twin.api.run import Run
from twin.base.places import LIBRARY

REPLAY = LIBRARY / "scenarios" / "us-east-1-2025-10-20.yaml"
ALONE = LIBRARY / "scenarios" / "examples" / "only-dynamodb.yaml"

WRITTEN = """\
services:
  checkout:
    kind: queueing
    dependencies:
      - on: resolvers-vpc
        for: the address of DynamoDB
        mode: new_connections
        lifetime_s: {value: 280s, assumed: SDK pools live for minutes, range: [60s, 600s]}
        retries: {value: 3, source: SDK}
"""


def published_s(outcome: str) -> float:
    """When an outcome was published to have come, s from the start."""
    replay = twin.load(REPLAY)
    assert replay.published is not None
    (at,) = (o.at for o in replay.published.outcomes if o.id == outcome)
    return (at - replay.start).total_seconds()


def night(*files: Path) -> Run:
    """The replay up to 03:30 PDT, with these files on top."""
    return twin.run(twin.load(REPLAY, with_files=files, until="+5h30m"))


def test_it_fails_within_minutes_of_the_name_and_heals_with_it() -> None:
    run = night(ALONE)
    episodes = run.sql("from episodes where service in ('checkout', 'dynamodb')").to_pylist()
    (only,) = episodes
    assert only["service"] == "checkout", "DynamoDB itself was well"
    emptied_s, restored_s = published_s("dynamodb-dns-empty"), published_s("dynamodb-dns-restored")
    assert emptied_s < only["onset_tick"] < emptied_s + 600 and only["peak_error_ratio"] > 0.9
    assert restored_s < only["recovery_tick"] < restored_s + 1800, "with its connections, one after another"
    assert any("resolvers-vpc" in line for line in run.why("checkout").lines())


MOVED = """\
actions:
  - id: moved
    title: Nine in ten of the calls go to another Region
    at: +1h
    set: {checkout->dynamodb.share: 0.1}
    assumed: within a tick
"""


def test_what_moves_the_calls_moves_their_way(tmp_path: Path) -> None:
    """So nine in ten orders need the name no more."""
    path = tmp_path / "moved.yaml"
    path.write_text(MOVED)
    run = twin.run(twin.load(REPLAY, with_files=ALONE, add_action=path, until="+3h"))
    query = "select avg(error_ratio) as it from samples where service = 'checkout' and tick > 9000"
    assert 0.05 < run.sql(query).to_pylist()[0]["it"] < 0.15


def test_written_by_hand_it_is_the_same(tmp_path: Path) -> None:
    top = tmp_path / "written.yaml"
    top.write_text(WRITTEN)
    run, by_hand = night(ALONE), night(ALONE, top)
    assert run.digest == by_hand.digest
    query = "select inherited_from from dependencies where caller = 'checkout' and callee = 'resolvers-vpc'"
    assert [r.sql(query).to_pylist()[0]["inherited_from"] for r in (run, by_hand)] == ["dynamodb", None]
