"""A few questions put to the incident itself, through the command."""

import json

from tests.cli.conftest import invoke


def test_a_few_questions() -> None:
    result = invoke("what-if", 3, 28, "--json", "--actors", 1, "--variants", "none")
    assert result.exit_code == 0, result.output
    answers = json.loads(result.stdout)
    assert [a["number"] for a in answers] == [3, 28]
    baselines = [a["baseline"] for a in answers]
    assert baselines[0]["service_minutes_lost"] == baselines[1]["service_minutes_lost"] > 1000
    for answer in answers:
        assert answer["cases"]["changed"]["service_minutes_lost"] != baselines[0]["service_minutes_lost"]
        assert all(entry["worlds"] == 1 for entry in answer["expect"])
