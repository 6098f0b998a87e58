"""The key scoring: of a scenario: phases end with known outcomes, in order; domains exist."""

from pathlib import Path

import pytest

import twin
from tests.validation.score import conftest as store
from twin.spec import SpecError

GOOD = "scoring:\n  phases: [{id: outage, title: the outage, through: page-back}, {id: after}]\n"


def load(folder: Path, scoring: str, published: str = "published: store.csv\n"):
    text = store.SCENARIO.replace(GOOD, scoring).replace("published: store.csv\n", published)
    files = {"s.yaml": text, "topology.yaml": store.TOPOLOGY, "store.csv": store.PUBLISHED}
    for name, content in files.items():
        (folder / name).write_text(content)
    return twin.load(folder / "s.yaml")


def test_it_is_read(tmp_path: Path) -> None:
    scoring = load(tmp_path, GOOD + "  fit_domains: [page, front]\n").scoring
    assert [(p.id, p.through) for p in scoring.phases] == [("outage", "page-back"), ("after", None)]
    assert scoring.fit_domains == ("page", "front")


@pytest.mark.parametrize(
    ("scoring", "message"),
    [
        ("phases: [{id: a, through: page-bak}, {id: b}]",
         "through: found 'page-bak', expected the id of a published outcome (did you mean page-back"),
        ("phases: [{id: a, through: page-back}, {id: b, through: page-fails}, {id: c}]",
         "phases.1.through: found 'page-fails', expected an outcome that is published after page-back"),
        ("phases: [{id: a, through: page-back}]", "expected through: in every phase but the last"),
        ("fit_domains: [pgae]", "scoring.fit_domains.0: found 'pgae', expected a domain of a service"),
        ("phase: []", "phase"),
    ],
)  # fmt: skip
def test_mistakes(tmp_path: Path, scoring: str, message: str) -> None:
    with pytest.raises(SpecError) as caught:
        load(tmp_path, f"scoring:\n  {scoring}\n")
    assert message in str(caught.value)
    assert "s.yaml:" in str(caught.value)


def test_without_a_timeline_there_is_nothing_to_score(tmp_path: Path) -> None:
    with pytest.raises(SpecError, match="expected published: beside it"):
        load(tmp_path, GOOD, published="")
