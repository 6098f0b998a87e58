"""The script that compares digests: equal runs have equal digests, and a scenario that differs is named."""

import json
from pathlib import Path

import pytest
from click.testing import CliRunner

from tests.acceptance import digests

SMALL = [digests.ROOT / f"scenarios/examples/{name}.yaml" for name in ("retry-storm", "two-states")]


def test_digests_repeat_and_a_difference_is_named(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(digests, "digests", lambda: digests.digests_of(SMALL))
    before = tmp_path / "before.json"
    script = CliRunner()
    assert script.invoke(digests.main, ["--write", str(before)]).exit_code == 0
    kept = json.loads(before.read_text())
    assert sorted(kept) == ["retry-storm", "two-states"] and len(set(kept.values())) == 2
    same = script.invoke(digests.main, ["--compare", str(before)])
    assert same.exit_code == 0 and same.output == "2 digests, 0 differ\n"
    before.write_text(json.dumps(kept | {"retry-storm": "0" * 64}))
    other = script.invoke(digests.main, ["--compare", str(before)])
    assert other.exit_code == 1 and other.output == "2 digests, 1 differ\n  retry-storm\n"
