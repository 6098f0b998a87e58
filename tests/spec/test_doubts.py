"""Doubts: what a file says in vain, each at its place. They stop nothing."""

from pathlib import Path

import pytest

from twin.base.places import LIBRARY
from twin.model.scenario import Scenario
from twin.spec import load_scenario
from twin.spec.doubts import doubts_about_scenario
from twin.spec.files import doubts_about, keys_of
from twin.spec.too_fast import REMEDY

from .conftest import Files
from .test_bad_input import SPOILT
from .test_contradictions import marked

SCENARIO = """\
scenario: doubtful
assumed: example
start: 2030-01-01T00:00:00Z
duration: 30m
services:
  store: {kind: relay}
  front:
    kind: queueing
    parameters: {PARAMETERS}
    dependencies:
      - {EDGE}
  people:
    kind: workload
    parameters: {rate_per_s: 10/s}
    dependencies: [{on: front, mode: hard, timeout_s: 3s}]
faults:
  - {id: gone, at: +10m, for: 5m, set: {store.fault_ratio: 1}}
MORE"""
PLAIN = {"PARAMETERS": "servers_count: 2, work_s: 50ms", "EDGE": "on: store, mode: hard", "MORE": ""}


def text(**changes: str) -> str:
    words = SCENARIO
    for name, value in (PLAIN | changes).items():
        words = words.replace(name, value)
    return words


def doubts(files: Files, words: str) -> list[str]:
    path = files.write("words.yaml", words)
    load_scenario(path)  # a doubt is no problem
    return [str(doubt).replace(f"{files.folder}/", "") for doubt in doubts_about_scenario(path)]


def test_a_plain_scenario_leaves_no_doubt(files: Files) -> None:
    assert doubts(files, text()) == []


@pytest.mark.parametrize(
    ("edge", "said"),
    [
        ("on: store, mode: hard, ¦drain_per_s: 5/s", "drain_per_s with mode hard, expected mode async"),
        (
            "on: store, mode: hard, ¦connections_count: 3",
            "expected mode cached or new_connections",
        ),
        (
            "on: store, mode: soft, ¦lifetime_s: 5m",
            "expected mode cached or lease or new_connections",
        ),
        (
            "on: store, mode: fire_and_forget, ¦timeout_s: 5s",
            "expected a mode that waits",
        ),
        (
            "on: store, mode: hard, ¦breaker_open_s: 5s",
            "breaker_open_s alone, expected breaker_",
        ),
        ("on: store, mode: hard, ¦backoff_s: 5s", "backoff_s without retries"),
        ("on: store, mode: hard, ¦weight: 3", "weight without one_of"),
        ("on: store, mode: cached, ¦zipf_exponent: 1.1", "zipf_exponent without popularity: zipf"),
    ],
)
def test_a_number_of_a_dependency_that_nothing_reads(files: Files, edge: str, said: str) -> None:
    words = text(EDGE=edge)
    _, place = marked(files, words)
    (doubt,) = doubts(files, words.replace("¦", ""))
    assert doubt.startswith(place) and said in doubt


@pytest.mark.parametrize(
    "edge",
    [
        "on: store, mode: hard, sdk: none",
        "on: store, mode: hard, sdk: aws-standard, retries: 0",
        "on: store, mode: hard, backoff_s: 1s, retries: 2",
        "on: store, mode: async, backoff_s: 1s",
        "on: store, mode: cached, popularity: zipf, zipf_exponent: 1.1",
    ],
)
def test_a_number_that_is_read(files: Files, edge: str) -> None:
    assert doubts(files, text(EDGE=edge)) == []


@pytest.mark.parametrize(
    ("number", "needs"),
    [
        ("slow_s: 1s", "slow_ratio"),
        ("burst_count: 3", "throttle_per_s"),
        ("cooldown_s: 1m", "target_utilisation_ratio"),
        ("restart_ratio: 0.5", "instances_count"),
    ],
)
def test_a_number_of_a_service_that_nothing_reads(files: Files, number: str, needs: str) -> None:
    name = number.partition(":")[0]
    (doubt,) = doubts(files, text(PARAMETERS=number))
    assert f"found {name} without {needs}, expected {needs} beside it (nothing reads it)" in doubt


def test_a_number_that_a_fault_makes_read(files: Files) -> None:
    more = "  - {id: slow, at: +1m, set: {front.slow_ratio: 0.5}}\n"
    assert doubts(files, text(PARAMETERS="slow_s: 1s", MORE=more)) == []


def test_a_fault_may_set_in_vain_too(files: Files) -> None:
    more = "  - {id: flush, at: +1m, set: {front->store.flush_ratio: 1}}\n"
    (doubt,) = doubts(files, text(MORE=more))
    assert doubt.startswith("words.yaml:18:32: faults.1.set.front->store.flush_ratio: found flush_ratio with")


@pytest.mark.parametrize(
    ("more", "said"),
    [
        ("  - {id: a, when: {signal: store.capacity_ratio, above: ¦7}, set: {front.fault_ratio: 1}}\n",
         "found capacity_ratio above 7, expected a level that the signal can cross: this condition never "),
        ("  - {id: a, when: {signal: store.error_ratio, above: ¦100%}, set: {front.fault_ratio: 1}}\n",
         "found error_ratio above 1, expected"),
        ("  - {id: a, when: {signal: front.utilisation_ratio, below: ¦2}, set: {front.fault_ratio: 1}}\n",
         "this condition always holds (utilisation_ratio is between 0 and 1)"),
        ("  - {id: a, when: {signal: store.backlog_s, below: ¦0s}, set: {front.fault_ratio: 1}}\n",
         "this condition never holds (backlog_s is never below 0)"),
        ("expect:\n  - {subject: store, signal: error_ratio, above: ¦2, is: never}\n",
         "expect.0.above: found error_ratio above 2, expected a level that the signal can cross: the answer "
         "does not depend on the run"),
        ("expect:\n  - {subject: store, signal: error_ratio, above: 0.5, is: never, after: ¦+40m}\n",
         "found after: +40m, expected a time before the end of the run, +30m (it judges nothing)"),
        ("expect:\n  - {subject: store, signal: error_ratio, above: 0.5, is: never, after: +9m, "
         "before: ¦+5m}\n",
         "found before: +5m, expected a time after +9m"),
        ("  - {id: a, at: ¦+40m, set: {front.fault_ratio: 1}}\n",
         "found a begin at +40m, expected a time before the end of the run, +30m (it never happens)"),
        ("  - {id: a, at: +20m, ¦set: {store.fault_ratio: 0}}\n",
         "found store.fault_ratio 0.0, expected another value than the one that it has then (this step "
         "changes nothing)"),
        ("  - {id: a, at: +12m, for: 10m, ¦set: {store.fault_ratio: 0.5}}\n",
         "found store.fault_ratio, which gone sets until +15m, expected steps one after the other"),
        ("  - {id: a, at: +12m, ¦set: {store.fault_ratio: 1}}\n",
         "faults.1.set: found store.fault_ratio 1.0, expected another value"),
    ],
)  # fmt: skip
def test_what_has_no_effect(files: Files, more: str, said: str) -> None:
    words = text(MORE=more)
    _, place = marked(files, words)
    found = doubts(files, words.replace("¦", ""))
    assert any(doubt.startswith(place) and said in doubt for doubt in found), found


@pytest.mark.parametrize(
    "more",
    [
        "  - {id: a, at: +15m, for: 5m, set: {store.fault_ratio: 0.5}}\n",
        "  - {id: a, at: +11m, for: 1m, set: {store.fault_ratio: 0.5}}\n",
        "  - {id: a, at: +12m, for: 10m, set: {front.fault_ratio: 0.5}}\n",
        "  - {id: a, when: {signal: front.capacity_ratio, above: 1.5}, set: {front.capacity_ratio: 3}}\n",
        "  - {id: a, when: {signal: front.latency_ratio, above: 7}, set: {store.fault_ratio: 0}}\n",
    ],
)
def test_what_has_an_effect(files: Files, more: str) -> None:
    assert doubts(files, text(MORE=more)) == []


def test_trouble_before_the_first_fault(files: Files) -> None:
    (doubt,) = doubts(files, text(PARAMETERS="servers_count: 1, work_s: 200ms, service: exponential"))
    assert doubt.startswith(
        "words.yaml:7:3: services.front: found 10 calls a second, of which it can serve 5"
    )
    (doubt,) = doubts(files, text(PARAMETERS="service_time_s: 2s", EDGE="on: store, mode: hard, times: 60"))
    assert "timeout_s: found a time-out of 3s, and a call that takes 3s200ms or more" in doubt


@pytest.mark.parametrize(
    "enough",
    [
        "servers_count: 2, work_s: 150ms",
        "servers_count: 1, work_s: 500ms, instances_count: 6",
        "servers_count: 1, work_s: 500ms, target_utilisation_ratio: 0.5, most_servers_count: 20",
        "servers_count: 4, capacity_per_s: 12/s",
        "workers_count: 2, work_s: 150ms",
        "work_s: 2s",
    ],
)
def test_enough_for_ten_calls_a_second(files: Files, enough: str) -> None:
    assert doubts(files, text(PARAMETERS=enough)) == []


@pytest.mark.parametrize(
    "short",
    [
        "servers_count: 2, work_s: 250ms",
        "servers_count: 1, work_s: 500ms, instances_count: 4",
        "servers_count: 1, work_s: 500ms, target_utilisation_ratio: 0.5, most_servers_count: 4",
        "servers_count: 4, capacity_per_s: 8/s",
        "workers_count: 2, work_s: 250ms",
        "capacity_per_s: 8/s",
    ],
)
def test_too_little_for_ten_calls_a_second(files: Files, short: str) -> None:
    (doubt,) = doubts(files, text(PARAMETERS=short))
    assert "services.front: found 10 calls a second, of which it can serve 8" in doubt


def test_two_spellings_of_a_capacity(files: Files) -> None:
    (doubt,) = doubts(files, text(PARAMETERS="servers_count: 1, work_s: 10ms, capacity_per_s: 100/s"))
    assert "found capacity_per_s beside work_s, expected one of the two" in doubt


def test_what_is_limited_is_no_trouble(files: Files) -> None:
    limited = "on: store, mode: hard, times: 60, timeout_s: 10ms"
    assert len(doubts(files, text(EDGE=limited))) == 1, (
        "the call to the store is late, the one to front is not"
    )


def test_what_a_tick_cannot_resolve(files: Files) -> None:
    """Only in services that are stepped as counts."""
    edge = "on: store, mode: hard, timeout_s: 200ms"
    words = text(PARAMETERS="servers_count: 1, capacity_per_s: 200/s", EDGE=edge)
    path = files.write("words.yaml", words)
    assert doubts_about_scenario(path, counted=lambda _: set()) == []
    found = [
        str(doubt).rpartition("words.yaml:")[2] for doubt in doubts_about_scenario(path, counted=everything)
    ]
    assert found == [
        f"7:3: services.front: found servers that work 5ms on a call, and a tick of 1s, expected {REMEDY}",
        "11:33: services.front.dependencies.0.timeout_s: found a time-out of 200ms and a tick of 1s, "
        f"expected {REMEDY}",
    ]


def test_words_that_counts_do_not_read(files: Files) -> None:
    """Only in services that are stepped as counts."""
    second = "{on: front2, mode: soft, parallel: both"
    edges = f"on: store, mode: hard, times: 3, parallel: both}}\n      - {second}"
    words = text(PARAMETERS="workers_count: 3, work_s: 50ms", EDGE=edges)
    words = words.replace("  people:", "  front2: {kind: relay}\n  people:")
    path = files.write("words.yaml", words)
    assert doubts_about_scenario(path, counted=lambda _: set()) == []
    found = [doubt.path for doubt in doubts_about_scenario(path, counted=everything)]
    of_front = "services.front.dependencies"
    assert found == [
        "services.front.parameters.workers_count", "services.front.parameters.work_s",
        f"{of_front}.0.times", f"{of_front}.0.parallel", f"{of_front}.1.parallel",
    ]  # fmt: skip


def everything(scenario: Scenario) -> set[str]:
    return set(scenario.topology.services)


def test_a_scenario_on_another_one_is_judged_by_what_it_adds(files: Files) -> None:
    files.write("base.yaml", text(EDGE="on: store, mode: hard, drain_per_s: 5/s"))
    more = "faults:\n  - {id: late, at: +31m, set: {store.fault_ratio: 1}, assumed: x}\n"
    path = files.write("more.yaml", f"scenario: more\ntitle: More\nbase: base.yaml\n{more}")
    (doubt,) = doubts_about_scenario(path)
    assert "faults.0.at: found a begin at +31m" in str(doubt)


@pytest.mark.parametrize(("name", "old", "new", "_"), SPOILT)
def test_a_file_with_problems_may_be_doubted_too(files: Files, name: str, old: str, new: str, _: str) -> None:
    """None of them stops the search for doubts."""
    files.spoil(name, old, new.replace("¦", ""))
    found = [
        *doubts_about_scenario(files.scenario),
        *doubts_about(files.topology / "services.yaml", files.topology),
    ]
    assert all(str(doubt) for doubt in found)


KNOWN = {  # scenarios of the project: what they have to say in vain, and why
    "retry-storm": "clients_count alone",  # commands of the README switch the policy on that reads it
    **dict.fromkeys(("mongodb-10s-78", "mongodb-10s-80", "mongodb-10s-80-less-load", "mongodb-9s-80"),
                    "faults.0.for"),  # the length of the experiment that was published
    "us-east-1-2025-10-20": "redshift-replacements-done",  # published, and later than the run
}  # fmt: skip


def of_project() -> list[Path]:
    return [path for path in sorted((LIBRARY / "scenarios").rglob("*.yaml")) if "scenario" in keys_of(path)]


@pytest.mark.parametrize("path", of_project(), ids=lambda path: path.stem)
def test_the_scenarios_of_the_project_leave_few_doubts(path: Path) -> None:
    found = [str(doubt) for doubt in doubts_about_scenario(path)]
    assert [doubt for doubt in found if KNOWN.get(path.stem, "nothing") not in doubt] == []


def test_topologies_and_other_files(files: Files) -> None:
    folder = LIBRARY / "topology" / "us-east-1"
    assert doubts_about(folder, folder) == []
    mine = files.write("mine.yaml", "services:\n  dwfm:\n    dependencies: []\n")
    assert doubts_about(mine, folder) == []
    edge = "{on: sts, mode: hard, drain_per_s: 1/s}"
    own = f"assumed: example\nservices:\n  own: {{kind: relay, dependencies: [{edge}]}}\n"
    (doubt,) = doubts_about(files.write("own.yaml", own), folder)
    assert "own.yaml:3:59: services.own.dependencies.0.drain_per_s" in str(doubt)


def test_random_work_that_is_often_late(files: Files) -> None:
    """About exp(-3/2) of the calls; with a mean of half a second exp(-6), which is next to nothing."""
    random = "servers_count: 40, work_s: WORK, service: exponential"
    (doubt,) = doubts(files, text(PARAMETERS=random.replace("WORK", "2s")))
    assert "random work of 2s on average: 23% of the calls are late" in doubt
    assert doubts(files, text(PARAMETERS=random.replace("WORK", "500ms"))) == []


def test_workers_that_wait_for_each_other(files: Files) -> None:
    words = text(PARAMETERS="workers_count: 3", EDGE="on: back, mode: hard").replace("services:\n", BACK)
    (doubt,) = doubts(files, words)
    assert "a bounded number of workers: back -> front -> back" in doubt
    assert doubts(files, words.replace("workers_count: 2", "service_time_s: 1ms")) == []


BACK = """services:
  back:
    kind: queueing
    parameters: {workers_count: 2}
    dependencies: [{on: front, mode: hard, share: 0.1}]
"""


def test_a_fault_that_ends_too_late_for_a_recovery(files: Files) -> None:
    (doubt,) = doubts(files, text().replace("for: 5m", "for: 16m"))
    assert "faults.0.for: found an end 4m before that of the run" in doubt
    assert doubts(files, text().replace("for: 5m", "for: 20m")) == []


def test_the_size_of_a_cache_that_is_stepped_call_by_call(files: Files) -> None:
    path = files.write("words.yaml", text(EDGE="on: store, mode: cached, connections_count: 5"))
    (doubt,) = doubts_about_scenario(path, counted=lambda _: set())
    assert "found connections_count with mode cached, expected keys_count" in str(doubt)
    assert doubts_about_scenario(path) == []


def test_a_condition_on_a_queue_that_is_none(files: Files) -> None:
    more = "  - {id: a, when: {signal: front.oldest_age_s, above: 10}, set: {store.fault_ratio: 0}}\n"
    (doubt,) = doubts(files, text(PARAMETERS="service_time_s: 1ms", MORE=more))
    assert "oldest_age_s of front" in doubt and "this condition never holds" in doubt
    assert doubts(files, text(MORE=more)) == []
