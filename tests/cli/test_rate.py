"""twin explore --rate: how often chance alone brings the race about."""

import json

import pytest

from tests.cli.conftest import invoke


@pytest.fixture(scope="module")
def found() -> dict:
    result = invoke("explore", "--rate", "--keep", "2", "--endpoints", "4", "--backoff-cap", "90s", "--json")
    assert result.exit_code == 0, result.output
    return json.loads(result.stdout)


def test_what_is_not_given_is_the_simulator_s(found: dict) -> None:
    base = found["base"]
    assert (base["keep"], base["endpoints"], base["cap_s"]) == (2, 4, 90)
    assert (base["plan_interval_s"], base["backoff_s"]) == (60, 1)


def test_one_number_is_varied_at_a_time_with_intervals(found: dict) -> None:
    rows = {name: [r for r in found["rows"] if r["varied"] == name] for name in
            ("keep", "plan_interval_s", "backoff_s", "cap_s")}  # fmt: skip
    assert all(len(group) >= 4 for group in rows.values())
    for row in found["rows"]:
        yearly = row["events_per_year"]
        assert yearly["low"] <= yearly["mean"] <= yearly["high"]
    late = [row["late"]["mean"] for row in rows["cap_s"]]
    assert rows["cap_s"][0]["cap_s"] is None and late[-1] < late[0] / 10, "a short cap must cut the tail"
    assert rows["keep"][-1]["late"]["mean"] < rows["keep"][0]["late"]["mean"]


def test_the_power_law_is_shown(found: dict) -> None:
    law = found["law"]
    assert law["fitted_exponent"] == pytest.approx(law["expected_exponent"], abs=0.15)
    for row in found["delays"]:
        assert row["estimate"]["mean"] == pytest.approx(row["closed_form"], rel=0.3)


def test_for_people() -> None:
    text = invoke("explore", "--rate", "--keep", "2", "--lose-ratio", "0.5").stdout
    assert "unpublished" in text and "-log2 p = 1.00" in text and "cap of the back-off" in text


@pytest.mark.parametrize(
    ("arguments", "words"),
    [
        (("--rate", "--guard", "cas"), "--guard: does not go with --rate"),
        (("--rate", "--plans", "5", "--lock-steps"), "--lock-steps, --plans: does not go"),
        (("--backoff-cap", "10s"), "--backoff-cap: only with --rate"),
        (("--rate", "--backoff-cap", "10"), "--backoff-cap: found '10'"),
        (("--rate", "--backoff-cap", "0s"), "longer than 0"),
        (("--rate", "--plan-interval", "often"), "--plan-interval: found 'often'"),
        (("--rate", "--lose-ratio", "1"), "between 0 and 1"),
        (("--rate", "--jitter", "1"), "jitter"),
        (("--rate", "--backoff-cap", "1ms"), "20,000 back-offs"),
    ],
)
def test_what_makes_no_sense_is_refused(arguments: tuple[str, ...], words: str) -> None:
    result = invoke("explore", *arguments)
    assert result.exit_code == 2 and words in result.stderr
