"""twin explore: its options, its document, its tables, and what it refuses."""

import json
from pathlib import Path

import pytest

from tests.cli.conftest import invoke
from twin.mechanisms.dns_state import GUARDS

# The size of case V51b, with symmetry: states and steps as published (modelling notes, section 6).
STATES, SHORTEST = 24_728, 9
SMALL = ("--enactors", "2", "--endpoints", "1", "--plans", "3")
KEYS = {
    "states", "transitions", "empty_states", "empty_reachable", "shortest", "permanent", "stale_overwrite",
    "rollback_dangling", "seconds", "trace",
}  # fmt: skip


def document(*arguments: object) -> dict:
    result = invoke("explore", *arguments, "--json")
    assert result.exit_code == 0, result.output
    return json.loads(result.stdout)


def test_the_defaults_are_the_published_size() -> None:
    got = document()
    assert set(got) >= KEYS
    assert (got["states"], got["shortest"], len(got["trace"])) == (STATES, SHORTEST, SHORTEST)
    assert got["empty_reachable"] and got["permanent"] and got["stale_overwrite"] and got["rollback_dangling"]
    assert 0 < got["seconds"] < 60


def test_the_same_twice() -> None:
    first, second = document(*SMALL), document(*SMALL)
    assert first == {**second, "seconds": first["seconds"]}


def test_without_symmetry() -> None:
    got = document("--no-symmetry")
    assert (got["states"], got["transitions"], got["empty_states"]) == (118_245, 337_154, 17_688)


def test_lock_steps_need_a_sync_for_each_batch() -> None:
    got = document("--enactors", "2", "--plans", "3", "--lock-steps")
    assert got["shortest"] == 13 and got["lock_steps"]


def test_guards_combine() -> None:
    got = document("--guard", "cas", "--guard", "cleanup-atomic", "--guard", "protect-rollback")
    assert (got["states"], got["empty_reachable"], got["rollback_dangling"]) == (2_562, False, False)
    assert got["guards"] == ["cas", "cleanup-atomic", "protect-rollback"] and got["trace"] == []


def test_every_guard_has_a_line_of_the_table() -> None:
    rows = {tuple(row["guards"]): row for row in document("--all-guards")}
    assert {name for names in rows for name in names} == set(GUARDS)
    assert rows[()]["states"] == STATES and rows["cas",]["states"] == 2_398
    safe = {names for names, row in rows.items() if not row["empty_reachable"]}
    assert {("cas",), ("recheck-in-lock",), ("cleanup-atomic",), ("big-lock",), ("no-zero-answers",)} <= safe
    assert not {("recheck",), ("one-batch",), ("big-lock-lease",)} & safe


def test_the_table_for_people() -> None:
    lines = invoke("explore", "--all-guards", *SMALL).stdout.splitlines()
    assert lines[0].split()[:2] == ["guards", "states"]
    assert any(line.startswith("cas + cleanup-atomic + protect-rollback") for line in lines)


def test_the_drift_that_matters_is_the_check_that_left_the_walk() -> None:
    result = invoke("explore", "--design", "original")
    assert "No endpoint is ever empty" in result.stdout
    assert "The drift that matters: the check apart from the walk" in result.stdout
    assert document("--design", "original")["empty_reachable"] is False


def test_a_drift_too_small_to_matter_is_not_blamed() -> None:
    text = invoke("explore", "--design", "drifted", "--plans", "1").stdout
    assert "no drift empties a record" in text


def test_the_way_is_told_step_by_step_and_as_a_diagram(tmp_path: Path) -> None:
    path = tmp_path / "race.mmd"
    text = invoke("explore", "--mermaid", path).stdout
    assert "  7  A applies plan 1 to endpoint 1 (stale overwrite)" in text
    assert "It stays empty, though plans are still to come" in text
    lines = path.read_text().splitlines()
    assert lines[0] == "sequenceDiagram"
    assert sum("->>" in line for line in lines) == SHORTEST
    assert "    A->>z1: applies plan 1 to endpoint 1 (stale overwrite)" in lines
    assert lines[-1].strip() == "Note over z1: zero records"
    assert not any(";" in line for line in lines), "Mermaid ends a statement at a semicolon"


def test_no_way_is_told_where_there_is_none() -> None:
    assert "No endpoint is ever empty" in invoke("explore", "--guard", "cas").stdout
    assert "all are wedged" in invoke("explore", "--guard", "no-zero-answers").stdout


@pytest.mark.parametrize(
    ("arguments", "words"),
    [
        (("--guard", "luck"), "unknown guard 'luck'; known: recheck, recheck-in-lock"),
        (("--guard", "big-lock", "--guard", "big-lock-lease"), "exclude each other"),
        (("--guard", "protect-rollback"), "needs cleanup-check or cleanup-atomic"),
        (("--design", "original", "--guard", "cas"), "no place in the original design"),
        (("--design", "original", "--lock-steps"), "lock steps has no place"),
        (("--all-guards", "--guard", "cas"), "leave out --guard"),
        (("--guard", "cas", "--mermaid", "x.mmd"), "no endpoint is ever empty"),
        (("--endpoints", "3", "--plans", "6", "--memory-mb", "5"), "too large for 5 MB"),
        (("--endpoints", "16", "--plans", "40"), "at most 9 endpoints"),
        (("--plans", "0"), "--plans"),
        (("--plans", "41"), "--plans"),
        (("--enactors", "nine"), "not a valid integer"),
        (("--keep", "0"), "--keep"),
    ],
)  # fmt: skip
def test_what_makes_no_sense_is_refused(
    arguments: tuple[str, ...], words: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.chdir(tmp_path)
    result = invoke("explore", *arguments)
    assert result.exit_code == 2 and words in result.stderr
    assert not list(tmp_path.iterdir())


def test_ctrl_c_gives_what_was_found(monkeypatch: pytest.MonkeyPatch) -> None:
    from twin.analysis.dns_race import explore

    whole = explore.explore

    def interrupted(cfg, **options):  # type: ignore[no-untyped-def]
        def stop(done: int, found: int) -> None:
            raise KeyboardInterrupt

        return whole(cfg, **{**options, "progress": stop if cfg.plans == 6 else None})

    monkeypatch.setattr(explore, "explore", interrupted)
    result = invoke("explore", "--endpoints", "3", "--plans", "6", "--json")
    assert result.exit_code == 130 and "interrupted" in result.stderr
    got = json.loads(result.stdout)
    assert got["complete"] is False and 10_000 <= got["states"] < 1_300_272 and got["shortest"] == 10
