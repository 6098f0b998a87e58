"""Files of defences: what is wrong with one, all at once, each at its place."""

from pathlib import Path

import pytest

from tests.cli.conftest import invoke
from twin.base.places import LIBRARY
from twin.spec import SpecError, load_barriers

FILE = LIBRARY / "scenarios" / "barriers" / "us-east-1-2025-10-20.yaml"

SPOILT = [
    ("dynamodb-dns.guard_big_lock: true", "dynamodb-dns.guard_big_lok: true", "guard_big_lock?"),
    ("dwfm.lease_s: 3h", "dwfm.lease_s: 3", "unit"),
    ("layer: Lambda", "layer: Lambada", "did you mean Lambda?"),
    ("name: keep-n", "name: lock", "the first is on line"),
    ("status: absent", "status: aside", "one of breached, absent"),
    ("status: absent", "stood: absent", "did you mean status?"),
    ("in_the_event: ", "that_night: ", "did you mean in_the_event?"),
    ("source: SPIN", "source: SPAN", "an id of data/sources.yaml"),
    ("on: {set: {nlb.unhealthy_count: 5}}", "on: {}", "at least one change"),
    ("base: ../", "base: ../../", "no such file"),
]


@pytest.mark.parametrize(("what", "by", "said"), SPOILT, ids=lambda x: x[:24])
def test_a_spoilt_file(what: str, by: str, said: str, tmp_path: Path) -> None:
    text = FILE.read_text()
    assert what in text
    line = 1 + text[: text.index(what)].count("\n")
    text = text.replace(what, by, 1)
    if not what.startswith("base"):
        text = text.replace("base: ../", f"base: {LIBRARY}/scenarios/")
    path = tmp_path / "spoilt.yaml"
    path.write_text(text)
    with pytest.raises(SpecError) as caught:
        load_barriers(path)
    assert any(str(p).startswith(f"{path}:{line}:") and said in str(p) for p in caught.value.problems), str(
        caught.value
    )


def test_all_at_once(tmp_path: Path) -> None:
    path = tmp_path / "spoilt.yaml"
    text = FILE.read_text().replace("base: ../", f"base: {LIBRARY}/scenarios/")
    path.write_text(text.replace("3h", "3").replace("SPIN", "SPAN").replace("24h", "24"))
    with pytest.raises(SpecError) as caught:
        load_barriers(path)
    assert len(caught.value.problems) == 3


def test_check_knows_such_files() -> None:
    assert "ok" in invoke("check", FILE).output
