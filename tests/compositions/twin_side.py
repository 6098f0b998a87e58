"""What a run of the twin says about calls, in the words of the oracle."""

from __future__ import annotations

from collections import defaultdict

from tests.compositions.oracle.record import EVENTS, UserCall
from twin.simulation.run import FinishedRun

ByEvent = dict[str, list[tuple[float, int]]]


def twin_users(run: FinishedRun) -> list[UserCall]:
    """The calls of workloads, from the table ``requests``."""
    table = run.sql("select caller, callee, start_s, latency_s, outcome from requests")
    columns = [table.column(name).to_pylist() for name in UserCall._fields]
    return [UserCall(*row) for row in zip(*columns, strict=True)]


def twin_calls(run: FinishedRun) -> dict[tuple[str, str], ByEvent]:
    """(caller, callee) → event → (end of the sample interval in s, count), from the table ``calls``."""
    table = run.sql(f"select tick, caller, callee, {', '.join(EVENTS)} from calls").to_pylist()
    found: dict[tuple[str, str], ByEvent] = defaultdict(lambda: defaultdict(list))
    tick_s = run.scenario.tick_s
    for row in table:
        for event in EVENTS:
            found[row["caller"], row["callee"]][event].append((row["tick"] * tick_s, row[event]))
    return found
