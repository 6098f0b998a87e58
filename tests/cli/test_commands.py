"""Every command on a tiny run: what it prints for people, what for machines, and its exit code."""

import csv
import io
import json
from pathlib import Path

import pytest

from twin.cli import cli

from .conftest import Twin

COMMANDS = sorted(cli.commands)


@pytest.mark.parametrize("command", COMMANDS)
@pytest.mark.parametrize("flag", ["-h", "--help"])
def test_every_command_has_help_with_an_example(twin: Twin, command: str, flag: str) -> None:
    result = twin(command, flag)
    assert result.exit_code == 0
    assert f"Examples:\n    twin {command}" in result.stdout


def test_examples_name_options_that_exist(twin: Twin) -> None:
    examples = [(command.epilog or "").split("twin ")[1:] for command in cli.commands.values()]
    assert sum(map(len, examples)) > len(cli.commands)
    for example in (e.split() for each in examples for e in each if e.split()[0] in cli.commands):
        known = {flag for p in cli.commands[example[0]].params for flag in p.opts} | {"--help"}
        assert {word for word in example if word.startswith("--")} <= known, " ".join(example)


def test_run_for_people(twin: Twin, tiny: Path) -> None:
    result = twin("run", tiny)
    assert result.exit_code == 0, result.output
    assert "A tiny outage" in result.stdout
    assert "2 services impaired" in result.stdout
    assert "19 Oct 22:10" in result.stdout and "19 Oct 22:25" in result.stdout
    assert result.stderr == ""


def test_run_for_machines(twin: Twin, tiny: Path) -> None:
    result = twin("run", tiny, "--json")
    found = json.loads(result.stdout)
    store = next(s for s in found["services"] if s["service"] == "store")
    assert (store["onset"], store["recovery"]) == ("2025-10-19T22:10:00-07:00", "2025-10-19T22:25:00-07:00")
    assert (Path(found["folder"]) / "manifest.json").is_file()
    assert result.stderr == ""


def test_the_same_command_gives_the_same_run(twin: Twin, tiny: Path) -> None:
    first, second = (json.loads(twin("run", tiny, "--json").stdout) for _ in range(2))
    assert first["run_id"] == second["run_id"] and first["digest"] == second["digest"]


@pytest.mark.parametrize(
    ("change", "onset", "recovery"),
    [
        (["--move", "store-breaks=+20m"], "22:20:00", "22:35:00"),
        (["--move", "store-breaks=2025-10-19T22:30:00-07:00"], "22:30:00", "22:45:00"),
        (["--until", "+20m"], "22:10:00", None),
        (["--drop", "store-breaks"], None, None),
        (["--set", "store.fault_ratio=50%", "--drop", "store-breaks", "--seed", "1"], "22:00:00", None),
    ],
)
def test_changes(twin: Twin, tiny: Path, change: list[str], onset: str | None, recovery: str | None) -> None:
    found = json.loads(twin("run", tiny, *change, "--json").stdout)
    store = next((s for s in found["services"] if s["service"] == "store"), {})
    times = [store.get(key) and store[key][11:19] for key in ("onset", "recovery")]
    assert times == [onset, recovery]


def test_services_of_ones_own(twin: Twin, tiny: Path, tmp_path: Path) -> None:
    mine = tmp_path / "mine.yaml"
    mine.write_text(
        "services:\n  mine:\n    kind: relay\n    dependencies: [{on: store, mode: hard}]\n"
        "  crowd:\n    kind: workload\n    visible: false\n    dependencies: [{on: mine, mode: hard}]\n"
    )
    found = json.loads(twin("run", tiny, "--with", mine, "--json").stdout)
    assert "mine" in {s["service"] for s in found["services"]}
    assert "mine" in twin("query", "last", "select service from impact").stdout


def test_sample_interval(twin: Twin, tiny: Path) -> None:
    run = json.loads(twin("run", tiny, "--sample", "1m", "--json").stdout)["run_id"]
    (row,) = json.loads(twin("query", run, "select count(distinct tick) as n from samples", "--json").stdout)
    assert row == {"n": 60}


def test_why_names_the_fault(twin: Twin) -> None:
    result = twin("why", "last", "store")
    assert result.exit_code == 0
    first, second = result.stdout.splitlines()
    assert first.startswith("19 Oct 22:10:") and "store (The store) became impaired" in first
    assert (
        "because of fault store-breaks: the store fails half of its calls (store.fault_ratio = 0.5)" in second
    )


def test_why_follows_the_dependencies(twin: Twin) -> None:
    lines = twin("why", "last", "people").stdout.splitlines()
    assert [line.split()[3] for line in lines[1:]] == ["because"] * 3
    assert "because site, which people needs for pages (hard), became impaired" in lines[1]
    assert "because store, which site needs for rows (hard), became impaired" in lines[2]
    assert "because of fault store-breaks" in lines[3]


def test_why_for_machines(twin: Twin) -> None:
    found = json.loads(twin("why", "last", "store", "--at", "+30m", "--json").stdout)
    assert [link["event"] for link in found["chain"]] == ["onset", "input"]
    assert found["chain"][1]["at"] == "2025-10-19T22:10:00-07:00"
    assert found["recovery"] is not None


def test_why_of_a_service_that_was_well(twin: Twin) -> None:
    assert "never impaired at or before" in twin("why", "last", "store", "--at", "+5m").stdout


def test_diff(twin: Twin, tiny: Path, run_folder: Path) -> None:
    twin("run", tiny, "--drop", "store-breaks")
    found = json.loads(twin("diff", run_folder.name, "last", "--json").stdout)
    assert found["changes"] == ["without fault store-breaks"]
    store = next(s for s in found["services"] if s["service"] == "store")
    assert store["base"]["onset"] == "2025-10-19T22:10:00-07:00" and store["run"] is None
    text = twin("diff", run_folder.name, "last").stdout
    assert "without fault store-breaks" in text and "–" in text


def test_query(twin: Twin) -> None:
    sql = "select service, onset_tick from episodes where service = 'store'"
    assert json.loads(twin("query", "last", sql, "--json").stdout) == [
        {"service": "store", "onset_tick": 600}
    ]
    rows = list(csv.reader(io.StringIO(twin("query", "last", sql, "--format", "csv").stdout)))
    assert rows == [["service", "onset_tick"], ["store", "600"]]
    assert twin("query", "last", "-", input=sql).stdout.split() == ["service", "onset_tick", "store", "600"]


def test_every_view_answers(twin: Twin) -> None:
    from twin.simulation.queries import questions

    for name in questions():
        assert twin("query", "last", f"select count(*) from {name}").exit_code == 0, name


def test_a_run_is_found_by_id_beginning_last_or_folder(twin: Twin, run_folder: Path) -> None:
    for name in (run_folder.name, run_folder.name[:6], "last", run_folder):
        assert twin("query", name, "from totals").exit_code == 0, name


def test_lists(twin: Twin, run_folder: Path) -> None:
    assert "relay" in twin("list", "kinds").stdout
    assert run_folder.name in twin("list", "runs").stdout
    assert json.loads(twin("list", "runs", "--json").stdout)[0]["run"] == run_folder.name
    assert twin("list", "scenarios").exit_code == 0
    assert {"mitigation", "cost", "title"} == set(json.loads(twin("list", "mitigations", "--json").stdout)[0])


def test_check(twin: Twin, tiny: Path, tmp_path: Path) -> None:
    assert twin("check", tiny).stdout.startswith(f"{tiny}: ok\n")
    bad = tmp_path / "bad.yaml"
    bad.write_text(
        tiny.read_text().replace("duration: 1h", "duration: 60").replace("kind: relay,", "kind: rely,")
    )
    result = twin("check", tiny, bad)
    assert result.exit_code == 2
    assert f"{bad}:5:11: duration: found 60, expected a duration with its unit" in result.stderr
    assert "did you mean relay?" in result.stderr
    found = json.loads(twin("check", tiny, bad, "--json").stdout)
    assert [(f["ok"], len(f["problems"]) > 1) for f in found] == [(True, False), (False, True)]


def test_check_warns_of_what_has_no_effect(twin: Twin, tiny: Path, tmp_path: Path) -> None:
    """A warning has its place, goes beside the answer, and does not change the exit code."""
    doubtful = tmp_path / "doubtful.yaml"
    late = "expect:\n  - {subject: store, signal: error_ratio, above: 0.05, is: never, after: +30h}\n"
    doubtful.write_text(tiny.read_text() + late)
    result = twin("check", doubtful)
    assert (result.exit_code, result.stdout.splitlines()[0]) == (0, f"{doubtful}: ok, 1 warning")
    line = doubtful.read_text().count("\n")
    said = f"{doubtful}:{line}:74: warning: expect.0.after: found after: +30h, expected a time before the end"
    assert result.stderr.startswith(said)
    (found,) = json.loads(twin("check", doubtful, "--json").stdout)
    assert (found["ok"], [w["line"] for w in found["warnings"]]) == (True, [line])


def test_check_says_how_services_are_stepped(twin: Twin, tiny: Path) -> None:
    stepped = twin("check", tiny).stdout.splitlines()[1:]
    assert stepped == ["  call by call: people, site, store"]
    (found,) = json.loads(twin("check", tiny, "--json").stdout)
    assert found["stepping"]["each"] == {"people": 1, "site": 1, "store": 1}
    shipped = twin("check", "us-east-1-2025-10-20").stdout
    assert "  as counts, in ticks of 1s: 44 services\n" in shipped
    assert "between domains: news over each may be up to 10s late" in shipped


def test_expectations_decide_the_exit_code(twin: Twin, tiny: Path, tmp_path: Path) -> None:
    scenario = tmp_path / "expecting.yaml"
    scenario.write_text(
        tiny.read_text() + "expect:\n"
        "  - {subject: store, signal: error_ratio, above: 0.05, is: sometime}\n"
        "  - {subject: store, signal: error_ratio, above: 0.05, is: never, after: +30m}\n"
        "  - {subject: store, signal: error_ratio, above: 0.05, is: sometime, after: +2h}\n"
    )
    kept = twin("run", scenario)
    assert kept.exit_code == 0
    told = [line for line in kept.stdout.splitlines() if line.startswith("expect")]
    assert [line.split(": ")[-1].split(",")[0] for line in told] == ["held", "held", "not reached"]
    missed = twin("run", scenario, "--drop", "store-breaks")
    assert missed.exit_code == 1
    assert "missed: store: error_ratio above 0.05 sometime" in missed.stderr


def test_replay_needs_something_to_score_against(twin: Twin, tiny: Path) -> None:
    result = twin("replay", tiny)
    assert result.exit_code == 2 and "no published: timeline" in result.stderr


PUBLISHED = """\
id,subject,what,signal,direction,level,episode,published,source,tolerance_min,imposed,note
store-breaks,store,the store breaks,error_ratio,rising,0.05,1,2025-10-19T22:10:00-07:00,PES,1,true,
site-breaks,site,the site breaks,error_ratio,rising,0.05,1,2025-10-19T22:11:00-07:00,PES,1,false,
site-works,site,the site works,error_ratio,falling,0.05,1,2025-10-19T23:25:00-07:00,PES,1,false,
"""


@pytest.fixture
def scored(tiny: Path, tmp_path: Path) -> Path:
    """The tiny scenario with a published timeline, one of whose outcomes the run gets wrong by an hour."""
    (tmp_path / "published.csv").write_text(PUBLISHED)
    path = tmp_path / "scored.yaml"
    lines = tiny.read_text().replace("start:", "published: published.csv\nstart:").replace("1h", "2h")
    path.write_text(lines)
    return path


def test_replay(twin: Twin, scored: Path) -> None:
    result = twin("replay", scored, "--json")
    assert result.exit_code == 0, result.output
    found = json.loads(result.stdout)
    assert set(found) == {
        "run_id", "digest", "runner", "engine_seconds", "outcomes", "summary", "baseline", "losses",
        "warnings", "phases", "never_counts_as_min", "distribution", "plateaus", "counts",
    }  # fmt: skip
    assert [o["class"] for o in found["outcomes"]] == ["imposed", "predicted", "predicted"]
    text = twin("replay", scored, "--worlds", "2").stdout
    assert "site-works" in text and "Ensemble of 2 draws" in text


@pytest.mark.parametrize(("percent", "code"), [("50", 0), ("51", 1)])
def test_fail_under(twin: Twin, scored: Path, percent: str, code: int) -> None:
    result = twin("replay", scored, "--fail-under", percent)
    assert result.exit_code == code
    assert ("50 % of the predicted outcomes are within 44 minutes, wanted 51 %" in result.stderr) == (
        code == 1
    )


OWN = "services:\n  shop: {kind: relay, title: Mine, dependencies: [{on: site, for: pages, mode: hard}]}\n"
OF_MY_EDGE = """\
mitigation: patience
title: The shop waits longer
does: it waits for a second
proposed_by: a test
assumed: a test
cost: {class: setting, reason: a test}
set: {shop->site.timeout_s: 1s}
"""


def test_check_takes_the_changes_that_run_takes(twin: Twin, tiny: Path, tmp_path: Path) -> None:
    mine, patience = tmp_path / "mine.yaml", tmp_path / "patience.yaml"
    mine.write_text(OWN)
    patience.write_text(OF_MY_EDGE)
    assert "shop" in twin("check", tiny, "--mitigate", patience).stderr, "nobody has an edge from the shop"
    done = twin("check", tiny, "--with", mine, "--mitigate", patience, "--set", "store.service_time_s=30ms")
    assert done.exit_code == 0 and done.stdout.startswith(f"{tiny}: ok\n"), done.output
    bad = twin("check", tiny, "--drop", "store-brakes", "--until", "noon", "--seed", 3)
    assert bad.exit_code == 2 and "did you mean store-breaks?" in bad.stderr and "--until" in bad.stderr
