"""What a service remembers has its room from the start; a change that needs more is refused, not overrun."""

import pytest

import twin
from twin.cli._errors import REFUSALS
from twin.model.scenario import Intervention
from twin.simulation.world import Outgrown

REPLAY = "scenarios/us-east-1-2025-10-20.yaml"


def with_change(target: str, value: object):
    base = twin.load(REPLAY, until="+10m")
    change = Intervention(id="late", kind="action", at_s=60.0, set={target: value}, assumed="a test")
    return base.model_copy(update={"actions": (*base.actions, change)})


def test_more_than_there_is_room_for_is_refused() -> None:
    with pytest.raises(Outgrown, match=r"dynamodb-dns.keep_count: found a value that needs more room"):
        twin.run(with_change("dynamodb-dns.keep_count", 60))
    assert ("twin.simulation.world", "Outgrown") in REFUSALS, "a user's mistake, not a traceback"


def test_a_change_that_is_not_about_room_is_not_blamed() -> None:
    """Ten tries of the caller would have had more room from the start; the callee's fault asks for none."""
    storm = "scenarios/examples/retry-storm.yaml"
    base = twin.load(storm, until="+20m")
    more = Intervention(
        id="more", kind="action", at_s=60.0, set={"customers->front.retries": 10}, assumed="a test"
    )
    assert twin.run(base.model_copy(update={"actions": (more,)})).manifest["inputs"]


def test_what_fits_is_taken() -> None:
    assert twin.run(with_change("dynamodb-dns.batch_s", 4.0)).events.num_rows
