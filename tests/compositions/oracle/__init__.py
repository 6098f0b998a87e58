"""The oracle: a scenario as a discrete-event simulation in SimPy, one process for each request.

It shares with the twin the file format and the default numbers, and nothing else: what a word means is
written here a second time, with random numbers of its own. So where both agree, both are probably right.

| Module | What it has |
|---|---|
| system | the scenario's services and dependencies, with numbers that interventions change |
| clients | the caller's side of a call: attempts, time-outs, retries, budget, breaker |
| shared | what requests of a caller share: cache, connections, store |
| services | the callee's side: queue, servers, workers, faults, and the calls of a request |
| capacity | what changes the servers in a run: autoscaling, instances that restart |
| sources | where calls begin: users, holders of leases |
| record | counts and rows of a run |
| table | both sides beside each other, over time |
"""

from __future__ import annotations

from tests.compositions.oracle.record import Record
from tests.compositions.oracle.system import System
from twin.model.scenario import Scenario

__all__ = ["simulate_requests"]


def simulate_requests(scenario: Scenario, seed: int, rest_s: float = 0.0) -> Record:
    """One run of the scenario, request by request. ``rest_s``: how long it goes on after the users' end.

    Raises NotImplementedError for a word that the oracle does not know.
    """
    from tests.compositions.oracle import assembly

    system = System(scenario, seed)
    assembly.build(system)
    system.run(scenario.duration_s, rest_s)
    return system.record
