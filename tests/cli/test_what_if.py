"""twin what-if: a table, a document, an exit code; and what is said of files that ask nonsense."""

import json
from pathlib import Path

import pytest

from .conftest import assert_fits, invoke

WHAT_IF = """\
what_if: sturdy-store
number: 1
question: What if the store broke less?
asked_by: the test
assumed: for the test
base: {base}
expected: the site loses less
expect:
  - {{metric: site.lost_min, case: half, is: lower, by: 40%}}
  - {{metric: store.lost_min, case: never, is: lower, by: 99%}}
  - {{metric: last_recovery, case: never, is: never}}
  - {{metric: service_minutes_lost, case: half, against: never, is: higher}}
cases:
  half:
    drop: [store-breaks]
    faults:
      - {{id: store-breaks, at: +10m, for: 15m, set: {{store.fault_ratio: 25%}}, assumed: half as bad}}
  never: {{drop: [store-breaks]}}
"""


@pytest.fixture
def question(tiny: Path, tmp_path: Path) -> Path:
    path = tmp_path / "question.yaml"
    path.write_text(WHAT_IF.format(base=tiny))
    return path


def spoilt(question: Path, old: str, new: str) -> Path:
    text = question.read_text()
    assert old in text
    question.write_text(text.replace(old, new, 1))
    return question


def test_a_document(question: Path) -> None:
    result = invoke("what-if", question, "--json", "--actors", 1)
    assert result.exit_code == 0, result.output
    (answer,) = json.loads(result.stdout)
    assert answer["agrees"] is True and answer["robust"] is None
    lost = {name: case["service_minutes_lost"] for name, case in answer["cases"].items()}
    assert answer["baseline"]["service_minutes_lost"] > lost["half"] > lost["never"] == 0
    assert [e["held"] for e in answer["expect"]] == [1, 1, 1, 1]
    assert answer["shares"] == [
        {"variant": "", "held": 1, "worlds": 1, "share": 1.0, "ci95": answer["shares"][0]["ci95"]}
    ]


def test_a_table_and_a_disagreement(question: Path) -> None:
    spoilt(question, "case: half, is: lower, by: 40%", "case: half, is: higher")
    result = invoke("what-if", question, "--actors", 1)
    assert result.exit_code == 0
    assert "disagrees" in result.stdout and "not so: half: site.lost_min higher" in result.stdout
    strict = invoke("what-if", question, "--actors", 1, "--strict")
    assert strict.exit_code == 1 and "disagrees with what was expected of 1" in strict.stderr


def test_nothing_expected(question: Path) -> None:
    text = question.read_text()
    begin, end = text.index("expect:\n"), text.index("cases:")
    question.write_text(text[:begin] + "expect: none\nwhy: nobody said\n" + text[end:])
    result = invoke("what-if", question, "--actors", 1, "--strict")
    assert result.exit_code == 0 and "nothing expected" in result.stdout
    assert "1 question:" in result.stdout and "1 question\n" in result.stderr


def test_replicates_and_draws_share_their_worlds(question: Path) -> None:
    for option in ("--replicates", "--worlds"):
        result = invoke("what-if", question, "--json", option, 3, "--actors", 1)
        assert result.exit_code == 0, result.output
        (answer,) = json.loads(result.stdout)
        (share,) = answer["shares"]
        assert (share["held"], share["worlds"]) == (3, 3)
        assert share["ci95"][0] == pytest.approx(0.4385, abs=1e-3), "Wilson's interval for 3 of 3"


@pytest.mark.parametrize(
    ("old", "new", "said"),
    [
        ("drop: [store-breaks]\n    faults", "drop: [stor-breaks]\n    faults", "did you mean store-breaks?"),
        ("drop: [store-breaks]\n    faults", "drop: []\n    faults", "'store-breaks' twice"),
        ("store.fault_ratio: 25%", "store.fault_ration: 25%", "did you mean fault_ratio?"),
        ("metric: site.lost_min", "measure: site.lost_min", "did you mean metric?"),
        ("metric: site.lost_min", "metric: site.lost_mi", "did you mean site.lost_min?"),
        ("is: lower, by: 40%", "is: earlier, by: 40%", "of a number, one of lower, higher, same"),
        ("case: half, is: lower", "case: hal, is: lower", "did you mean half?"),
        ("is: lower, by: 40%", "is: lower, by: 40m", "expected a ratio"),
        ("is: lower, by: 40%", "is: same", "within: with is: same"),
        ("number: 1", "number: none", "expected a number"),
        ("expected:", "expectd:", "did you mean expected?"),
        ("base: /", "base: /nowhere/", "no such file"),
        ("never: {drop: [store-breaks]}", "never: {without: [site->shop]}", "did you mean site->store?"),
        ("never: {drop: [store-breaks]}", "never: {move: {store-breaks: 5m}}", "a time with its zone"),
        ("assumed: for the test", "source: NOBODY", "an id of data/sources.yaml"),
    ],
)
def test_bad_questions(question: Path, old: str, new: str, said: str) -> None:
    result = invoke("what-if", spoilt(question, old, new), "--actors", 1)
    assert result.exit_code == 2
    assert said in result.stderr, result.stderr
    assert invoke("check", question).exit_code == 2


def test_no_such_question() -> None:
    result = invoke("what-if", "99")
    assert result.exit_code == 2 and "found 99, expected a number from 1 to 35" in result.stderr
    both = invoke("what-if", "1", "--worlds", 2, "--replicates", 2)
    assert both.exit_code == 2


def test_what_is_removed_cannot_be_set(question: Path) -> None:
    action = "{id: more, at: +5m, set: {site->store.retries: 3}, assumed: x}"
    text = f"never: {{without: [site->store], actions: [{action}]}}"
    result = invoke("check", spoilt(question, "never: {drop: [store-breaks]}", text))
    assert result.exit_code == 2 and "more sets it; drop that too" in result.stderr


def test_a_change_is_part_of_the_baseline(question: Path) -> None:
    def lost(*more: object) -> float:
        (answer,) = json.loads(invoke("what-if", question, "--json", *more).stdout)
        return answer["baseline"]["service_minutes_lost"]

    assert lost("--move", "store-breaks=+20m", "--set", "store.service_time_s=30ms") > 0
    assert lost("--until", "+15m") < lost()


@pytest.mark.usefixtures("narrow")
def test_the_table_fits_80_columns(question: Path) -> None:
    assert_fits(invoke("what-if", question).stdout, "half", "never", "agrees")
