"""Bad input: each case with its place, what was found, what was expected and a hint."""

from pathlib import Path

import pytest

from twin.spec import (
    load_mitigation,
    load_scenario,
    load_topology,
    override,
    read_changes,
    vary,
)
from twin.spec import tree as tree_module

from .conftest import KINDS, Files

# file, what is replaced, by what, the problem that follows. Its place is at ¦, or else it is given.
SPOILT = [
    ("topology/services.yaml", "on: db", "on: ¦dbb",
     "services.web.dependencies.0.on: found 'dbb', expected a service of the topology (did you mean db?)"),
    ("topology/services.yaml", "mode: hard", "mode: ¦hardd",
     "services.web.dependencies.0.mode: found 'hardd', expected one of hard, soft, cached, "
     "new_connections, lease, async, fire_and_forget, bootstrap (did you mean hard?)"),
    ("topology/services.yaml", "        mode: hard\n", "",
     "topology/services.yaml:10:9: services.web.dependencies.0: found no key 'mode', expected 'mode'"),
    ("topology/services.yaml", "order:", "¦ordre:",
     "services.web.parameters.ordre: found unknown parameter 'ordre', expected a parameter of kind "
     "queueing (did you mean order?)"),
    ("topology/services.yaml", "value: lifo", "value: ¦lofi",
     "services.web.parameters.order.value: found 'lofi', expected one of fifo, lifo"),
    ("topology/services.yaml", "kind: queueing\n    visible", "kind: ¦quueing\n    visible",
     "services.db.kind: found 'quueing', expected a kind of service (did you mean queueing?)"),
    ("topology/services.yaml", "visible: false", "visible: ¦no",
     "services.db.visible: found 'no', expected true or false"),
    ("topology/services.yaml", "title: The web", "title: ¦2025",
     "services.web.title: found 2025, expected text (put it in quotes)"),
    ("topology/services.yaml", "  db:", "  ¦D.B:",
     "services.D.B: found 'D.B', expected a name of lowercase letters, digits and dashes"),
    ("topology/services.yaml", "value: 120/min", "value: ¦120",
     "services.web.parameters.capacity_per_s.value: found 120, expected a rate with its unit (missing "
     "unit: write 225/s, 10/min or 3/h)"),
    ("topology/services.yaml", "value: 120/min", "value: ¦-120/min",
     "services.web.parameters.capacity_per_s.value: found '-120/min', expected a rate with its unit (it "
     "cannot be negative; write 225/s, 10/min or 3/h)"),
    ("topology/services.yaml", "value: 50%", "value: ¦-0.5",
     "services.web.dependencies.0.share.value: found -0.5, expected a ratio from 0 to 100 (it cannot be "
     "negative)"),
    ("topology/services.yaml", "value: 1m30s", "value: ¦100d",
     "services.web.dependencies.0.timeout_s.value: found '100d', expected 1ms to 24h (bounds of "
     "timeout_s)"),
    ("topology/services.yaml", "{value: 1m30s, source: SDK}", "¦90s",
     "services.web.dependencies.0.timeout_s: found '90s', expected a mapping with value, and source, "
     "measured, assumed or chosen (write {value: 90s, source: ID}, or put "
     "assumed: example at the top of the file)"),
    ("topology/services.yaml", "source: SDK", "source: ¦SKD",
     "services.web.dependencies.0.timeout_s.source: found 'SKD', expected an id of data/sources.yaml (did"
     " you mean SDK?)"),
    ("topology/services.yaml", "source: SDK", "source: SDK, assumed: too",
     "topology/services.yaml:13:9: services.web.dependencies.0.timeout_s: found source and assumed, "
     "expected exactly one of source, measured, assumed, chosen, fitted_to"),
    ("topology/services.yaml", ", range: [60/min, 10/s]", "",
     "topology/services.yaml:7:23: services.web.parameters.capacity_per_s: found no range, expected a "
     "plausible range, as nobody published the number (write range: [low, high], or measured: WHERE if "
     "you know the value)"),
    ("topology/services.yaml", "[60/min, 10/s]", "¦[5/s, 10/s]",
     "services.web.parameters.capacity_per_s.range: found 5/s to 10/s, expected a range that contains the"
     " value, 2/s"),
    ("topology/services.yaml", "[60/min, 10/s]", "¦[10/s, 60/min]",
     "services.web.parameters.capacity_per_s.range: found a low above the high, expected [low, high] "
     "(swap the two)"),
    ("topology/services.yaml", "{source: PES, confidence: published}", "¦{confidence: published}",
     "services.web.dependencies.0.evidence: found no source, expected source: ID, as it is published"),
    ("topology/services.yaml", "    visible: false", "    visible: false\n    ¦visible: true",
     "services.db.visible: found key 'visible' twice, expected each key once (the first is on line 18)"),
    ("topology/topology.yaml", "signal_period: 10s", "¦signal_perod: 10s",
     "signal_perod: found unknown key 'signal_perod', expected a known key (did you mean signal_period?)"),
    ("scenario.yaml", "at: 2025-10-20T05:15:00Z", "at: ¦2025-10-19T21:00:00-07:00",
     "faults.0.at: found '2025-10-19T21:00:00-07:00', expected a time from the start on, "
     "2025-10-19T22:00:00-07:00 (it is 1h before)"),
    ("scenario.yaml", "at: 2025-10-20T05:15:00Z", "at: ¦2025-10-20T05:15:00",
     "faults.0.at: found '2025-10-20T05:15:00', expected a time with its zone, or relative to the start "
     "(missing zone: write 2025-10-19T22:05:00-07:00)"),
    ("scenario.yaml", "until: +30m", "until: ¦+10m",
     "faults.0.until: found '+10m', expected a time after at"),
    ("scenario.yaml", "id: throttle", "id: ¦slow",
     "actions.0.id: found 'slow' twice, expected an id of its own (the first is on line 13)"),
    ("scenario.yaml", "db.capacity_per_s:", "¦dbb.capacity_per_s:",
     "faults.0.set.dbb.capacity_per_s: found service 'dbb', expected a service of the topology (did you "
     "mean db?)"),
    ("scenario.yaml", "{db.capacity_per_s: 3/h}", "{db.capacity_per_s: ¦3}",
     "faults.0.set.db.capacity_per_s: found 3, expected a rate with its unit (missing unit: write 225/s, "
     "10/min or 3/h)"),
    ("scenario.yaml", "web->db.timeout_s", "¦web->db.timeout",
     "actions.0.set.web->db.timeout: found parameter 'timeout', expected a number of a dependency (did "
     "you mean timeout_s?)"),
    ("scenario.yaml", "web->db.timeout_s", "¦db->web.timeout_s",
     "actions.0.set.db->web.timeout_s: found dependency 'db->web', expected a dependency of the topology "
     "(known: web->db)"),
    ("scenario.yaml", "{web.throttle_ratio: 10%, web->db.timeout_s: 1s}", "{web.order: fifo}",
     "scenario.yaml:23:5: actions.0.over: found '20m', expected over: for numbers only (order is a "
     "choice)"),
    ("scenario.yaml", "db.error_ratio", "¦dbb.error_ratio",
     "actions.0.when.signal: found service 'dbb', expected a service of the topology (did you mean db?)"),
    ("scenario.yaml", "signal: db.error_ratio", "signal: ¦db.error_rate",
     "actions.0.when.signal: found 'db.error_rate', expected one of error_ratio, latency_ratio, "
     "capacity_ratio, backlog_s, utilisation_ratio, oldest_age_s, offered_per_s, goodput_per_s (did you mean "
     "error_ratio?)"),
    ("scenario.yaml", "above: 5%, ", "",
     "scenario.yaml:21:5: actions.0.when: found none of them, expected exactly one of above, below"),
    ("scenario.yaml", "above: 5%, for: 5m}", "above: 5%, for: 5m}\n    at: +5m",
     "scenario.yaml:20:5: actions.0: found at and when, expected exactly one of at, when"),
    ("scenario.yaml", "subject: db", "subject: ¦dbb",
     "expect.0.subject: found 'dbb', expected a service of the topology (did you mean db?)"),
    ("scenario.yaml", "is: never", "is: ¦nver",
     "expect.0.is: found 'nver', expected one of never, sometime (did you mean never?)"),
    ("scenario.yaml", "web.service_s:", "¦web.srvice_s:",
     "parameters.web.srvice_s: found parameter 'srvice_s', expected a parameter of kind queueing (did you"
     " mean service_s?)"),
    ("scenario.yaml", "[db-impaired]", "[¦db-impared]",
     "parameters.web.service_s.fitted_to.0: found 'db-impared', expected the id of a published outcome "
     "(did you mean db-impaired?)"),
    ("scenario.yaml", "published: published.csv\n", "",
     "scenario.yaml:9:33: parameters.web.service_s.fitted_to: found fitted_to, expected source, "
     "measured, assumed or chosen (fitted_to belongs in a scenario with published:)"),
    ("scenario.yaml", "duration: 1h30m", "duration: ¦5400",
     "duration: found 5400, expected a duration with its unit (missing unit: write 180s, 15m, 1h30m or "
     "200ms)"),
    ("scenario.yaml", "duration: 1h30m", "duration: ¦0s",
     "duration: found 0s, expected more than 0s"),
    ("scenario.yaml", "seed: 7", "seed: 7\ntick: ¦3s",
     "tick: found 3s, expected a whole fraction of the signal period, 10s"),
    ("scenario.yaml", "seed: 7", "seed: 7\nsample: ¦15s",
     "sample: found 15s, expected a multiple of the signal period, 10s"),
    ("scenario.yaml", "seed: 7", "¦sead: 7",
     "sead: found unknown key 'sead', expected a known key (did you mean seed?)"),
    ("scenario.yaml", "topology: topology", "topology: ¦nowhere",
     "topology: found no such folder 'nowhere', expected a folder, relative to this file"),
    ("scenario.yaml", "published: published.csv", "published: ¦none.csv",
     "published: found no such file 'none.csv', expected a file, relative to this one"),
]  # fmt: skip


@pytest.mark.parametrize(("name", "old", "new", "expected"), SPOILT)
def test_one_mistake_one_message(files: Files, name: str, old: str, new: str, expected: str) -> None:
    expected = files.spoil_marked(name, old, new, expected)
    assert expected in files.problems(load_scenario, files.scenario, kinds=KINDS)


def test_all_problems_of_all_files_at_once(files: Files) -> None:
    files.spoil("topology/services.yaml", "on: db", "on: bd")
    files.spoil("topology/services.yaml", "value: lifo", "value: lofi")
    files.spoil("topology/topology.yaml", "10s", "10")
    files.spoil("published.csv", "impaired,db,", "impaired,dbb,")
    files.spoil("scenario.yaml", "seed: 7", "seed: -7")
    files.spoil("scenario.yaml", "is: never", "is: nver")
    places = [p.split(" found")[0] for p in files.problems(load_scenario, files.scenario, kinds=KINDS)]
    assert [p for p in places if "web->db" not in p] == [
        "published.csv:2:13: outcomes.0.subject:",
        "scenario.yaml:8:7: seed:",
        "scenario.yaml:27:53: expect.0.is:",
        "topology/services.yaml:8:22: services.web.parameters.order.value:",
        "topology/services.yaml:10:13: services.web.dependencies.0.on:",
        "topology/topology.yaml:2:16: signal_period:",
    ]


# content, place, problem
UNREADABLE = [
    (b"", "1:1", "found an empty file, expected a mapping"),
    (b"# nothing but a comment\n", "1:1", "found an empty file, expected a mapping"),
    (b"just words\n", "1:1", "found 'just words', expected a mapping of keys to values"),
    (b"- a\n- b\n", "1:1", "found a list, expected a mapping of keys to values"),
    (b"a: [1,\nb: }\n", "2:4", "found something else, expected node content (while parsing a flow node)"),
    (b"a: b: c\n", "1:5", "found ': ' inside a value, expected YAML (put the text in quotes)"),
    (b"a: 1\n\tb: 2\n", "2:1", "found a tab character that violates indentation, expected YAML"),
    (b"a: 1\nb: \xff\xfe\n", "2:4", "found byte 0xff, expected text in UTF-8 (a binary file?)"),
    (b"\x7fELF\x02\x01\x00\x00", "1:1", "found control character 0x7f, expected text (a binary file?)"),
    (b"a: \xc3\xa4\x00\n", "1:5", "found control character 0x00, expected text (a binary file?)"),
    (b"a: 1\n---\nb: 2\n", "2:1", "found a second document, expected one document a file"),
    (b"a: &x 1\nb: *x\n", "2:4", "b: found alias *x, expected the value written out"),
    (b"a: !!python/name:os.system 1\n", "1:4", "a: found tag 'tag:yaml.org,2002:python/name:os.system'"),
    (b"{a: 1}: 2\n", "1:1", "found a mapping as a key, expected a name"),
    (
        b"a: " + b"[" * 100_000,
        "1:43",
        "a" + ".0" * 40 + ": found more than 40 levels, expected a flatter",
    ),
]


@pytest.mark.parametrize(("content", "place", "expected"), UNREADABLE)
def test_what_is_no_file_of_ours(files: Files, content: bytes, place: str, expected: str) -> None:
    path = files.write("x.yaml", content)
    for load in (load_scenario, load_topology):
        assert any(
            p.startswith(f"x.yaml:{place}: {expected}") for p in files.problems(load, path, kinds=KINDS)
        )


def test_a_bomb_of_aliases(files: Files) -> None:
    text = "a0: &a0 [x]\n" + "".join(f"a{i + 1}: &a{i + 1} [*a{i}, *a{i}, *a{i}, *a{i}]\n" for i in range(60))
    found = files.problems(load_scenario, files.write("x.yaml", text), kinds=KINDS)
    assert "x.yaml:2:10: a1.0: found alias *a0, expected the value written out" in found


def test_a_file_that_is_too_large_is_not_read(files: Files, monkeypatch: pytest.MonkeyPatch) -> None:
    path = files.folder / "x.yaml"
    with path.open("wb") as file:
        file.truncate(100_000_000)
    monkeypatch.setattr(Path, "read_bytes", lambda _: pytest.fail("it was read"))
    expected = "x.yaml:1:1: found 100 MB, expected at most 5 MB (split it, or is this another file?)"
    assert files.problems(load_scenario, path) == [expected]


def test_what_is_no_file(files: Files) -> None:
    missing = files.problems(load_scenario, files.folder / "scenaro.yaml")
    assert missing == [
        "scenaro.yaml:1:1: found no such file, expected a YAML file (did you mean scenario.yaml?)"
    ]
    assert (
        files.problems(load_scenario, files.topology)[0]
        == "topology:1:1: found a folder, expected a YAML file"
    )
    (files.folder / "empty").mkdir()
    expected = "empty:1:1: found no *.yaml in this folder, expected a topology"
    assert expected in files.problems(load_topology, files.folder / "empty", kinds=KINDS)
    assert "a device or pipe" in files.problems(load_scenario, "/dev/zero")[0]
    assert files.problems(load_scenario, "a\0b")


def test_without_libyaml_the_places_are_the_same(files: Files, monkeypatch: pytest.MonkeyPatch) -> None:
    files.spoil("topology/services.yaml", "on: db", "on: bd")
    files.spoil("scenario.yaml", "is: never", "is: nver")
    fast = files.problems(load_scenario, files.scenario, kinds=KINDS)
    monkeypatch.setattr(tree_module, "_Loader", tree_module.yaml.Loader)
    assert files.problems(load_scenario, files.scenario, kinds=KINDS) == fast


def test_a_service_in_two_files(files: Files) -> None:
    files.write("topology/zz.yaml", "services:\n  db: {kind: relay}\n")
    first = "(the first is at topology/services.yaml:16)"
    assert files.problems(load_topology, files.topology, kinds=KINDS) == [
        f"topology/zz.yaml:2:3: services.db: found service db twice, expected each once {first}"
    ]


def test_a_callee_twice(files: Files) -> None:
    files.spoil("topology/services.yaml", "      - on: db", "      - {on: db, mode: soft}\n      - on: db")
    found = files.problems(load_topology, files.topology, kinds=KINDS)
    assert found[0].startswith(
        "topology/services.yaml:11:13: services.web.dependencies.1.on: found 'db' twice"
    )


def test_a_file_on_top_brings_services_only(files: Files) -> None:
    mine = files.write("mine.yaml", "topology: mine\nservices: {x: {kind: rely}}\n")
    assert files.problems(load_topology, files.topology, [mine], kinds=KINDS) == [
        "mine.yaml:1:1: topology: found key 'topology', expected services: and nothing else",
        "mine.yaml:2:22: services.x.kind: found 'rely', expected a kind of service (did you mean relay?)",
    ]


CYCLE = """\
topology: cycle
services:
  a: {kind: relay, dependencies: [{on: b, mode: hard, delay_s: {value: 0s, source: PES}}]}
  b: {kind: relay, dependencies: [{on: c, mode: hard, delay_s: {value: 900ms, source: PES}}]}
  c: {kind: relay, dependencies: [{on: a, mode: hard, delay_s: {value: 0s, source: PES}}]}
  d: {kind: relay, dependencies: [{on: d, mode: hard, delay_s: {value: 0s, source: PES}}]}
"""


def test_a_cycle_without_delay(files: Files) -> None:
    path = files.write("cycle.yaml", CYCLE)
    expected = "expected a delay_s of at least a tick (1s) on one of its dependencies (or leave delay_s out)"
    assert files.problems(load_topology, path, kinds=KINDS) == [
        "cycle.yaml:3:72: services.a.dependencies.0.delay_s.value: "
        f"found a cycle without delay: a -> b -> c -> a, {expected}",
        "cycle.yaml:6:72: services.d.dependencies.0.delay_s.value: "
        f"found a cycle without delay: d -> d, {expected}",
    ]
    assert len(files.problems(load_topology, path, kinds=KINDS, tick_s=0.5)) == 1
    undeclared = CYCLE.replace(", delay_s: {value: 900ms, source: PES}", "")
    fine = files.write("fine.yaml", undeclared[: undeclared.index("  d:")])
    assert len(load_topology(fine, kinds=KINDS).services) == 3


def test_a_scenario_can_close_a_cycle(files: Files) -> None:
    files.spoil("topology/services.yaml", "visible: false", "dependencies: [{on: web, mode: soft}]")
    load_scenario(files.scenario, kinds=KINDS)
    none = "{value: 0s, source: PES}"
    both = f"parameters:\n  web->db.delay_s: {none}\n  db->web.delay_s: {none}"
    files.spoil("scenario.yaml", "parameters:", both)
    found = files.problems(load_scenario, files.scenario, kinds=KINDS)
    expected = "scenario.yaml:11:28: parameters.db->web.delay_s.value: found a cycle without delay"
    assert found[0].startswith(expected)


def test_at_most_six_numbers_are_fitted(files: Files) -> None:
    fitted = "{value: 1s, fitted_to: [db-impaired], range: [1s, 2s]}"
    targets = [f"web->db.{name}" for name in ("lifetime_s", "timeout_s", "backoff_s", "delay_s")]
    targets.append("db.service_s")
    files.spoil(
        "scenario.yaml", "parameters:\n", "parameters:\n" + "".join(f"  {t}: {fitted}\n" for t in targets)
    )
    load_scenario(files.scenario, kinds=KINDS)
    files.spoil("scenario.yaml", "    source: PES", "    fitted_to: [db-impaired]\n    range: [+10m, +20m]")
    found = files.problems(load_scenario, files.scenario, kinds=KINDS)
    expected = "found fitted number 7, expected at most 6, as many fitted numbers prove nothing"
    assert found == [f"scenario.yaml:23:5: faults.0: {expected}"]


BAD_SETS = [
    ("order", "fifo", "found 'order', expected service.parameter or caller->callee.number"),
    ("wbe.order", "fifo", "found service 'wbe', expected a service of the topology"),
    ("web.ordr", "fifo",
     "found parameter 'ordr', expected a parameter of kind queueing (did you mean order?)"),
    ("web.order", "fofi", "found 'fofi', expected one of fifo, lifo"),
    ("web.service_s", "3", "found '3', expected a duration with its unit (missing unit: write 180s"),
    ("web.service_s", "", "found '', expected a duration with its unit"),
    ("web.service_s", -3, "found -3, expected 1ms to 1h"),
    ("web.service_s", True, "found true, expected a duration"),
    ("web.throttle_ratio", "2", "found '2', expected 0 to 1"),
    ("web.throttle_ratio", 2.5, "found 2.5, expected 0 to 1"),
    ("web.drop_late", "yes", "found 'yes', expected true or false"),
    ("web.drop_late", 1, "found 1, expected true or false"),
    ("db->web.share", "1", "found dependency 'db->web', expected a dependency of the topology"),
]  # fmt: skip


@pytest.mark.parametrize(("target", "value", "expected"), BAD_SETS)
def test_bad_sets(files: Files, target: str, value: str, expected: str) -> None:
    scenario = load_scenario(files.scenario, kinds=KINDS)
    (problem,) = files.problems(read_changes, scenario, set={target: value}, kinds=KINDS)
    assert problem.startswith(f'set["{target}"]: {expected}')


def test_good_sets(files: Files) -> None:
    scenario = load_scenario(files.scenario, kinds=KINDS)
    given = {"web.order": "fifo", "web.drop_late": "true", "web->db.share": " 5%", "web.service_s": 3}
    found = read_changes(scenario, set=given, kinds=KINDS).set
    assert list(found.values()) == ["fifo", True, 0.05, 3.0]


def test_bad_moves_drops_and_ends(files: Files) -> None:
    scenario = load_scenario(files.scenario, kinds=KINDS)

    def problems(**changes: object) -> list[str]:
        return files.problems(read_changes, scenario, kinds=KINDS, **changes)

    expected = "found 'slw', expected the id of a fault or action (did you mean slow?)"
    assert problems(move={"slw": "+5m"}) == [f'move["slw"]: {expected}']
    assert problems(move={"slow": "5m"})[0].startswith("move[\"slow\"]: found '5m', expected a time")
    assert "from the start on" in problems(move={"slow": "2025-10-19T00:00:00Z"})[0]
    assert problems(drop="slw") == [f"drop: {expected}"]
    assert problems(until="+0s") == ["until: found '+0s', expected a time after the start"]
    assert problems(seed=-1) == ["seed: found -1, expected a whole number from 0 to 2^64 - 1"]
    assert len(problems(set={"x": 1, "y": 2}, drop=["q"], move={"z": 1}, until="now", sample=3)) == 6


def test_a_moved_intervention_waits_for_no_condition(files: Files) -> None:
    scenario = load_scenario(files.scenario, kinds=KINDS)
    actions = override(scenario, move={"throttle": "+5m"}, kinds=KINDS).actions
    moved = next(x for x in actions if x.id == "throttle")
    assert (moved.at_s, moved.when, moved.after_s) == (300.0, None, 0.0)


def test_overrides(files: Files) -> None:
    scenario = load_scenario(files.scenario, kinds=KINDS)
    changed = override(
        scenario, set={"web.order": "fifo", "web->db.retries": 5}, drop=["throttle"], move={"slow": "+20m"},
        until="+2h", seed=9, kinds=KINDS,
    )  # fmt: skip
    web = changed.topology.services["web"]
    assert web.parameters["order"].value == "fifo" and web.dependencies[0].numbers["retries"].value == 5
    assert [x.id for x in changed.interventions] == ["slow"]
    assert (changed.faults[0].at_s, changed.faults[0].until_s) == (1200.0, 2100.0)
    assert (changed.duration_s, changed.seed) == (7200.0, 9)
    assert scenario.topology.services["web"].parameters["order"].value == "lifo"


def test_mitigations(files: Files) -> None:
    text = (
        "mitigation: fresh\ntitle: Last in, first out\ndoes: serves the newest first\nproposed_by: many\n"
        "source: PES\nparameters:\n  db.order: {value: lifo, assumed: as proposed}\n"
    )
    scenario = load_scenario(files.scenario, kinds=KINDS)
    mitigation = load_mitigation(files.write("m.yaml", text), scenario.topology, KINDS)
    changed = vary(scenario, mitigation)
    assert changed.topology.services["db"].parameters["order"].value == "lifo"
    bad = files.write("m.yaml", text.replace("db.order", "dv.order").replace("does:", "dos:"))
    assert [p.split(",")[0] for p in files.problems(load_mitigation, bad, scenario.topology, KINDS)] == [
        "m.yaml:1:1: found no key 'does'",
        "m.yaml:3:1: dos: found unknown key 'dos'",
        "m.yaml:7:3: parameters.dv.order: found service 'dv'",
    ]
