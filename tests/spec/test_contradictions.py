"""Words of dependencies that contradict each other, and stores that fill without an end."""

from pathlib import Path

import pytest

from twin.spec import load_scenario, load_topology

from .conftest import Files

HEAD = """\
scenario: words
start: 2030-01-01T00:00:00Z
duration: 10m
services:
  a: {kind: queueing}
  b: {kind: queueing}
  users:
    kind: workload
    parameters: {rate_per_s: {value: 50/s, assumed: load, range: [50/s, 50/s]}}
    dependencies: [{on: web, mode: hard}]
"""


def number(value: object) -> str:
    return f"{{value: {value}, assumed: x, range: [{value}, {value}]}}"


def choice(value: str) -> str:
    return f"{{value: {value}, assumed: x}}"


ONE = number(1)
EDGES = [  # dependencies of web, with a mark before the place; what is said
    (["on: a, mode: hard, parallel: g, ¦one_of: h", "on: b, mode: hard, parallel: g",
      "on: c, mode: hard, one_of: h"],
     "one_of: found parallel: g and one_of: h, expected one of parallel, one_of"),
    (["on: a, mode: hard, parallel: ¦g"],
     "parallel: found a group of one, 'g', expected two dependencies or more in the group"),
    (["on: a, mode: hard, parallel: ¦gg", "on: b, mode: hard, parallel: hh",
      "on: c, mode: hard, parallel: hh"],
     "parallel: found a group of one, 'gg'"),
    (["on: a, mode: hard, one_of: ¦cell"],
     "one_of: found a group of one, 'cell', expected two dependencies or more in the group"),
    ([f"on: a, mode: hard, one_of: g, ¦weight: {number(0)}",
      f"on: b, mode: hard, one_of: g, weight: {number(0)}"],
     "weight: found weights of 'g' that are all 0, expected a weight above 0 for one of the 2 alternatives"),
    ([f"on: a, mode: hard, ¦failover_count: {ONE}"],
     "failover_count: found no one_of, expected one_of: GROUP beside it"),
    (["on: a, mode: hard, ¦fail_fast: {value: true, assumed: x}"],
     "fail_fast: found no parallel, expected parallel: GROUP beside it"),
    ([f"on: a, mode: hard, one_of: g, ¦failover_count: {number(2)}", "on: b, mode: hard, one_of: g"],
     "failover_count: found failover_count 2, expected at most 1, the number of other alternatives"),
    (["on: a, mode: hard, fallback: ¦a"],
     "fallback: found 'a', expected another dependency than itself (retries repeat the same call)"),
    (["on: a, mode: hard, fallback: ¦c"],
     "fallback: found 'c', expected a dependency of web (add it to the dependencies)"),
    (["on: a, mode: hard, fallback: ¦b", "on: b, mode: hard, fallback: c", "on: c, mode: hard, fallback: a"],
     "fallback: found a circle of fallbacks: a -> b -> c -> a, expected a last fallback, without one"),
    (["on: a, mode: hard, fallback: ¦b", "on: b, mode: hard, one_of: g", "on: c, mode: hard, one_of: g"],
     "fallback: found b, a member of one_of: g, expected a dependency outside of groups"),
    (["on: a, mode: cached, ¦parallel: g", "on: b, mode: hard, parallel: g"],
     "parallel: found 'g', expected no parallel with mode cached (a dependency of mode cached is a step of"),
    (["on: a, mode: async, ¦one_of: g", "on: b, mode: hard, one_of: g"],
     "one_of: found 'g', expected no one_of with mode async (a dependency of mode async is a step of"),
    (["on: a, mode: fire_and_forget, ¦fallback: b", "on: b, mode: hard"],
     "fallback: found 'b', expected no fallback with mode fire_and_forget"),
    ([f"on: a, mode: async, store_count: {ONE}, ¦keys_count: {ONE}"],
     "keys_count: found keys_count with mode async, expected numbers of one mode, async (keys_count is read "
     "with mode cached)"),
    ([f"on: a, mode: cached, ¦drain_per_s: {number('5/s')}"],
     "drain_per_s: found drain_per_s with mode cached, expected numbers of one mode, cached"),
    (["on: a, mode: async, ¦when_full: {value: block, assumed: x}"],
     "when_full: found when_full: block and no size, expected store_count beside it"),
    ([f"on: a, mode: ¦async, drain_per_s: {number('40/s')}"],
     "mode: found 50/s into a store without a size, and drain_per_s of 40/s, expected store_count, the size "
     "of the store"),
    (["on: c, mode: ¦async"],
     "mode: found 50/s for c, which serves 40/s, through a store without a size, expected store_count"),
    (["on: a, mode: ¦lease"],
     "mode: found mode lease on kind queueing, which keeps none, expected a kind that keeps leases"),
    (["on: a, mode: ¦bootstrap"],
     "mode: found mode bootstrap and no instances, expected instances_count of web"),
    (["on: a, mode: ¦fallback"],
     "mode: found 'fallback', expected a mode (write fallback: OTHER on the dependency that OTHER stands in "
     "for)"),
    (["on: a, mode: ¦queue"], "(did you mean async?)"),
    (["on: a, mode: ¦sync"], "(did you mean hard?)"),
    (["on: a, mode: ¦optional"], "(did you mean soft?)"),
    (["on: a, mode: hard, ¦failover: b", "on: b, mode: hard"], "(did you mean fallback?)"),
    (["on: a, mode: async, ¦queue_size: 5"], "(did you mean store_count?)"),
    (["on: a, mode: hard, times: {value: ¦0, assumed: x, range: [1, 1]}"],
     "times.value: found 0, expected 1 to 10000 (bounds of times)"),
]  # fmt: skip


def scenario(edges: list[str]) -> str:
    lines = "".join(f"      - {{{edge}}}\n" for edge in edges)
    station = f"{{servers_count: {number(2)}, work_s: {number('50ms')}}}"
    web = f"  web:\n    kind: queueing\n    dependencies:\n{lines}"
    return f"{HEAD}  c: {{kind: queueing, parameters: {station}}}\n{web}"


def marked(files: Files, text: str) -> tuple[Path, str]:
    """The file without its mark ¦, and the place of the mark."""
    before = text[: text.index("¦")]
    path = files.write("words.yaml", text.replace("¦", ""))
    return path, f"words.yaml:{before.count(chr(10)) + 1}:{len(before) - before.rfind(chr(10))}:"


@pytest.mark.parametrize(("edges", "said"), EDGES)
def test_a_contradiction_is_refused_at_its_place(files: Files, edges: list[str], said: str) -> None:
    path, place = marked(files, scenario(edges))
    (problem,) = files.problems(load_scenario, path)
    assert problem.startswith(place)
    assert said in problem


def test_a_lease_on_a_fleet_that_grants_leases_is_a_condition_for_any_caller(files: Files) -> None:
    fleet = "  fleet: {kind: lease_fleet}\n  c: {kind: queueing, dependencies: [{on: fleet, mode: lease}]}\n"
    text = scenario(["on: a, mode: hard"])
    text = text[: text.index("  c:")] + fleet + text[text.index("  web:") :]
    (dependency,) = load_scenario(files.write("words.yaml", text)).topology.services["c"].dependencies
    assert (dependency.on, dependency.mode) == ("fleet", "lease")


@pytest.mark.parametrize(
    ("parameters", "said"),
    [
        (f"¦workers_count: {number(0)}", "workers_count: found workers_count 0, expected 1 or more"),
        (f"¦servers_count: {number(0)}", "servers_count: found servers_count 0, expected 1 or more"),
        (f"¦instances_count: {number(0)}", "instances_count: found instances_count 0, expected 1 or more"),
        (
            f"¦workers_count: {number(4)}, servers_count: {number(4)}",
            "found workers_count and servers_count, expected one of workers_count, servers_count",
        ),
        (
            f"¦least_servers_count: {number(4)}, most_servers_count: {number(3)}",
            "found 4 servers, expected at most most_servers_count, 3",
        ),
    ],
)
def test_numbers_of_a_service_that_exclude_each_other(files: Files, parameters: str, said: str) -> None:
    text = scenario(["on: a, mode: hard"]) + f"    parameters: {{{parameters}}}\n"
    path, place = marked(files, text)
    (problem,) = files.problems(load_scenario, path)
    assert problem.startswith(place)
    assert said in problem


def test_a_fault_cannot_take_the_last_server_by_its_number(files: Files) -> None:
    """0 servers are very many; a pause is a capacity_ratio of 0."""
    faults = "faults:\n  - {id: gone, at: +1m, set: {c.servers_count: ¦0}, assumed: x}\n"
    path, place = marked(files, scenario(["on: a, mode: hard"]) + faults)
    (problem,) = files.problems(load_scenario, path)
    assert problem.startswith(place)
    assert "found servers_count 0, expected 1 or more" in problem and "capacity_ratio: 0 pauses" in problem


GOOD = [
    ["on: a, mode: hard, parallel: g", "on: b, mode: soft, parallel: g"],
    [f"on: a, mode: hard, parallel: g, times: {number(3)}"],
    [f"on: a, mode: hard, one_of: g, failover_count: {ONE}",
     f"on: b, mode: hard, one_of: g, weight: {number(3)}"],
    ["on: a, mode: hard, fallback: b", "on: b, mode: cached"],
    [f"on: c, mode: async, store_count: {number(100)}, when_full: {choice('drop')}"],
    [f"on: a, mode: async, drain_per_s: {number('60/s')}"],
    [f"on: c, mode: async, share: {number(0.5)}"],
    ["on: a, mode: hard, one_of: g", "on: b, mode: hard, one_of: g", "on: c, mode: fire_and_forget"],
]  # fmt: skip


@pytest.mark.parametrize("edges", GOOD)
def test_words_that_go_together(files: Files, edges: list[str]) -> None:
    found = load_scenario(files.write("words.yaml", scenario(edges))).topology.services["web"].dependencies
    assert len(found) == len(edges)


def test_all_contradictions_are_said_at_once(files: Files) -> None:
    edges = ["on: a, mode: hard, fallback: a, parallel: g", "on: b, mode: lease", "on: nobody, mode: hrd"]
    assert len(files.problems(load_scenario, files.write("words.yaml", scenario(edges)))) == 5


def test_a_number_of_the_scenario_counts_too(files: Files) -> None:
    text = scenario(["on: a, mode: async"])
    text += f"parameters:\n  ¦web->a.when_full: {choice('fail')}\n"
    path, place = marked(files, text)
    (problem,) = files.problems(load_scenario, path)
    assert problem.startswith(place) and "expected store_count beside it" in problem


def test_a_topology_alone_is_checked(files: Files) -> None:
    services = scenario(["on: a, mode: hard, fallback: a"]).partition("services:")[2]
    folder = files.write("mine/topology.yaml", f"topology: mine\nservices:{services}").parent
    (problem,) = files.problems(load_topology, folder)
    assert "expected another dependency than itself" in problem
