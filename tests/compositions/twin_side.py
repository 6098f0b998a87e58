"""What a run of the twin says about users, in the words of the oracle."""

from __future__ import annotations

import twin
from tests.compositions.oracle.record import UserCall
from twin.model.scenario import Scenario


def twin_users(scenario: Scenario, replicate: int) -> list[UserCall]:
    """The calls of workloads in a run of the twin, from its table ``requests``."""
    run = twin.run(scenario, replicate=replicate)
    table = run.sql("select caller, callee, start_s, latency_s, outcome from requests")
    columns = [table.column(name).to_pylist() for name in UserCall._fields]
    return [UserCall(*row) for row in zip(*columns, strict=True)]
