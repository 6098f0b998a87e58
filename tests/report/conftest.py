"""A comparison of two changes to a retry storm, small and run once; and what a page says, read back."""

import sys
from html.parser import HTMLParser
from pathlib import Path

import pytest

import twin
from twin.experiments.arms import arm_of
from twin.experiments.compare import compared
from twin.experiments.comparison import ComparisonPlan, PairedComparison
from twin.experiments.robustness import robustness
from twin.experiments.study import Setting, Study
from twin.model.scenario import Scenario
from twin.report.report import Origin, Report

sys.path.insert(0, str(Path(__file__).resolve().parents[2] / "ui"))  # for its browser

STORM = Path("scenarios/examples/retry-storm.yaml")
HOSTILE = '<script>alert(1)</script> & "more" $x_1$'
LIFO = """\
mitigation: lifo
title: The newest call first
does: The front end serves the newest call first
proposed_by: an example
assumed: an example
cost: {class: setting, reason: a switch}
side_effect: Old calls are never served
shown_by: storm.yaml
parameters:
  front.discipline: {value: lifo, assumed: the switch}
"""
BREAKER = f"""\
mitigation: breaker
title: '{HOSTILE}'
does: Callers stop for a while
proposed_by: an example
assumed: an example
cost: {{class: code, reason: in each client}}
parameters:
  customers->front.breaker_error_ratio: {{value: 50%, assumed: a common one, range: [30%, 70%]}}
"""


@pytest.fixture(scope="session")
def folder(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """The files of the scenario and of two mitigations."""
    folder = tmp_path_factory.mktemp("report")
    (folder / "storm.yaml").write_text(STORM.read_text())
    (folder / "lifo.yaml").write_text(LIFO)
    (folder / "breaker.yaml").write_text(BREAKER)
    return folder


@pytest.fixture(scope="session")
def base(folder: Path) -> Scenario:
    return twin.load(folder / "storm.yaml")


@pytest.fixture(scope="session")
def found(folder: Path, base: Scenario) -> PairedComparison:
    """Twenty worlds of each."""
    arms = tuple(arm_of(folder / f"{name}.yaml", base) for name in ("breaker", "lifo"))
    with Study(Setting({base.name: base}), folder / "study") as study:
        return compared(study, ComparisonPlan(base.name, arms, 20, 1800.0, interim=False))


@pytest.fixture(scope="session")
def report(found: PairedComparison, base: Scenario) -> Report:
    origin = Origin("twin compare storm --html <page>", "data/studies/s", "c0de", {"numpy": "2"})
    return Report(found, base, origin, robust=robustness(found, base))


@pytest.fixture(scope="session")
def page(report: Report) -> str:
    return report.page()


class Reader(HTMLParser):
    """``numbers``: (row, measure) → the numbers of that cell of the ranking, in order. ``claims``:
    arm → the numbers of how far what is said of it holds. ``words``: all text. ``tags``: every tag with its
    attributes."""

    def __init__(self, page: str) -> None:
        super().__init__()
        self.numbers: dict[tuple[str, str], list[float]] = {}
        self.claims: dict[str, list[float]] = {}
        self.tags: list[tuple[str, dict[str, str]]] = []
        self.words = ""
        self._row = self._measure = self._claim = ""
        self.feed(page)

    def handle_starttag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        at = {name: value or "" for name, value in attrs}
        self.tags.append((tag, at))
        if tag == "tr":
            self._row, self._claim = at.get("data-name", ""), at.get("data-claim", "")
            if self._claim:
                self.claims[self._claim] = []
        if tag == "td":
            self._measure = at.get("data-metric", "")
        if tag == "data" and self._row and self._measure:
            self.numbers.setdefault((self._row, self._measure), []).append(float(at["value"]))

        if tag == "data" and self._claim:
            self.claims[self._claim].append(float(at["value"]))

    def handle_data(self, data: str) -> None:
        self.words += data
