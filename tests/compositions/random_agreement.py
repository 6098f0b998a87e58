"""``python -m tests.compositions.random_agreement``: small random systems on both sides.

Each system is run several times on both sides. A number differs if its means are further apart than four
combined standard errors and a floor. Where many numbers are compared, some differ by chance. So a number
*disagrees* only if it differs again, to the same side, in fresh and more runs.
"""

from __future__ import annotations

import math
import tempfile
from collections.abc import Iterator
from pathlib import Path
from typing import NamedTuple

import click
import numpy as np

import twin
from tests.compositions.oracle import simulate_requests
from tests.compositions.oracle.record import EVENTS
from tests.compositions.oracle.table import MEASURES, over_time
from tests.compositions.random_systems import DURATION_S, FAULT_S, Small, draw_system
from tests.compositions.small_scenarios import load_tree, scenario_tree
from tests.compositions.twin_side import twin_calls, twin_users
from twin.model.scenario import Scenario

BIN_S = 20.0
SPANS = ((0, int(FAULT_S[0])), (int(FAULT_S[0]), int(FAULT_S[1])), (int(FAULT_S[1]), int(DURATION_S)))
ERRORS = 4.0  # combined standard errors
FLOORS = {"goodput_per_s": 0.1, "error_ratio": 0.01, "p50_s": 0.002, "p99_s": 0.005}
CALL_FLOOR_PER_S = 0.1
RELATIVE_FLOOR = 0.02

Numbers = dict[str, float]


class Difference(NamedTuple):
    """A number that differs: its means, the combined standard error, and the largest difference allowed."""

    what: str
    twin: float
    oracle: float
    stderr: float
    allowed: float

    def __str__(self) -> str:
        return f"{self.what}: twin {self.twin:.4g}, oracle {self.oracle:.4g} ± {self.stderr:.2g}"


def twin_numbers(scenario: Scenario, replicate: int) -> Numbers:
    """What is compared, from one run of the twin."""
    run = twin.run(scenario, replicate=replicate)
    numbers = _user_numbers(twin_users(run))
    for (caller, callee), by_event in twin_calls(run).items():
        for event in EVENTS:
            for begin, end in SPANS:
                total = sum(n for t, n in by_event[event] if begin < t <= end)
                numbers[_name(caller, callee, event, begin)] = total / (end - begin)
    return numbers


def oracle_numbers(scenario: Scenario, seed: int) -> Numbers:
    """What is compared, from one run of the oracle."""
    record = simulate_requests(scenario, seed)
    numbers = _user_numbers(record.users)
    for caller, service in scenario.topology.services.items():
        for dependency in service.dependencies:
            for event in EVENTS:
                for begin, end in SPANS:
                    name = _name(caller, dependency.on, event, begin)
                    numbers[name] = record.rate((caller, dependency.on), event, begin, end)
    return numbers


def _name(caller: str, callee: str, event: str, begin: int) -> str:
    return f"{caller}->{callee} {event} from {begin} s"


def _user_numbers(users: list) -> Numbers:
    table = over_time(users, BIN_S, DURATION_S)
    return {
        f"{measure} at {k * BIN_S:g} s": float(table[k, m])
        for m, measure in enumerate(MEASURES)
        for k in range(len(table))
    }


def differences(twin_runs: list[Numbers], oracle_runs: list[Numbers]) -> list[Difference]:
    """The numbers whose means are too far apart to be chance."""
    found = []
    for what in oracle_runs[0]:
        both = [np.array([run.get(what, math.nan) for run in runs]) for runs in (twin_runs, oracle_runs)]
        ours, theirs = (side[~np.isnan(side)] for side in both)
        if len(ours) < 2 or len(theirs) < 2:
            if abs(len(ours) - len(theirs)) > 1 and max(len(ours), len(theirs)) == len(both[0]):
                found.append(Difference(what, len(ours), len(theirs), 0.0, 0.0))
            continue
        stderr = math.hypot(*(side.std(ddof=1) / math.sqrt(len(side)) for side in (ours, theirs)))
        floor = FLOORS.get(what.split(" ")[0], CALL_FLOOR_PER_S)
        mean, other = float(ours.mean()), float(theirs.mean())
        allowed = ERRORS * stderr + max(floor, RELATIVE_FLOOR * abs(other))
        if abs(mean - other) > allowed:
            found.append(Difference(what, mean, other, stderr, allowed))
    return found


def disagreements(scenario: Scenario, seeds: int, more: int) -> list[Difference]:
    """What differs in ``seeds`` runs of each side, and again in ``more`` fresh ones, to the same side."""
    first = _compared(scenario, range(seeds))
    if not first:
        return []
    signs = {d.what: d.twin > d.oracle for d in first}
    again = _compared(scenario, range(seeds, seeds + more))
    return [d for d in again if signs.get(d.what) == (d.twin > d.oracle)]


def _compared(scenario: Scenario, seeds: range) -> list[Difference]:
    ours = [twin_numbers(scenario, seed) for seed in seeds]
    theirs = [oracle_numbers(scenario, seed) for seed in seeds]
    return differences(ours, theirs)


def loaded(system: Small) -> Scenario:
    """The scenario of a drawn system. Raises SpecError."""
    with tempfile.TemporaryDirectory() as folder:
        tree = scenario_tree(system.services, system.faults, DURATION_S)
        return load_tree(tree, Path(folder))


# --- the smallest system that still disagrees --------------------------------


def smaller(system: Small) -> Iterator[Small]:
    """The system with one thing less: a fault, a dependency, a number."""
    services, faults = system
    for k in range(len(faults)):
        yield Small(services, faults[:k] + faults[k + 1 :])
    for name, service in services.items():
        calls = service.get("calls", [])
        for k in range(len(calls)):
            yield _reachable(services | {name: service | {"calls": calls[:k] + calls[k + 1 :]}}, faults)
    for name, service in services.items():
        for key in set(service) - {"kind", "calls", "work_s", "rate_per_s", "service_time_s"}:
            yield Small(services | {name: {k: v for k, v in service.items() if k != key}}, faults)
        for k, call in enumerate(service.get("calls", [])):
            for key in set(call) - {"on", "mode"}:
                less = {field: v for field, v in call.items() if field != key}
                changed = [*service["calls"][:k], less, *service["calls"][k + 1 :]]
                yield Small(services | {name: service | {"calls": changed}}, faults)


def _reachable(services: dict, faults: list) -> Small:
    """Only what users reach, and the faults of that."""
    seen, left = {"users"}, ["users"]
    while left:
        for call in services[left.pop()].get("calls", []):
            if call["on"] not in seen:
                seen.add(call["on"])
                left.append(call["on"])
    kept = [f for f in faults if all(target.partition(".")[0] in seen for target in f["set"])]
    return Small({name: service for name, service in services.items() if name in seen}, kept)


def smallest(system: Small, seeds: int, more: int) -> Small:
    """The smallest system, by one thing at a time, that still disagrees."""
    while True:
        for candidate in smaller(system):
            try:
                if candidate.services["users"]["calls"] and disagreements(loaded(candidate), seeds, more):
                    break
            except (ValueError, StopIteration, NotImplementedError):
                continue
        else:
            return system
        system = candidate


@click.command()
@click.option("-n", "count", default=50, show_default=True, help="systems")
@click.option("--first", default=0, show_default=True, help="number of the first system")
@click.option("--seeds", default=6, show_default=True, help="runs of each side")
@click.option("--more", default=20, show_default=True, help="fresh runs where a number differs")
@click.option("--minimise", is_flag=True, help="also print the smallest system that disagrees")
def main(count: int, first: int, seeds: int, more: int, minimise: bool) -> None:
    """Compare the twin with the oracle on random small systems. Exits with 1 if a number disagrees."""
    bad = 0
    for number in range(first, first + count):
        system = draw_system(number)
        found = disagreements(loaded(system), seeds, more)
        bad += bool(found)
        click.echo(f"{number}: {len(found)} numbers disagree" if found else f"{number}: agrees")
        for difference in found[:12]:
            click.echo(f"    {difference}")
        if found and minimise:
            click.echo(f"    {smallest(system, seeds, more)}")
    click.echo(f"{count - bad} of {count} systems agree")
    raise SystemExit(bool(bad))


if __name__ == "__main__":
    main()
