"""The 35 questions: each is there, can be put, and expects something that can fail."""

from collections.abc import Iterator
from functools import reduce
from pathlib import Path

import pytest

from twin.base.places import LIBRARY
from twin.experiments.arms import arm_of
from twin.experiments.whatif import WhatIfQuestion, asked, find_questions
from twin.model.changes import ExpectedEffect, Variation
from twin.model.scenario import Dependency, Intervention, Scenario
from twin.results import metrics
from twin.spec import load_variant, load_what_if, vary

FILES = sorted((LIBRARY / "scenarios" / "what-if").glob("*.yaml"))
BASES: dict = {}
QUESTIONS = [WhatIfQuestion(*load_what_if(file, BASES)) for file in FILES]
EXPECTING = [q for q in QUESTIONS if q.what_if.comparisons]


def test_every_row_is_a_file() -> None:
    assert [q.what_if.number for q in QUESTIONS] == list(range(1, 36))
    for file, question in zip(FILES, QUESTIONS, strict=True):
        assert file.stem == f"{question.what_if.number:02d}-{question.what_if.name}"
    assert len(EXPECTING) >= 33, "only rows without a direction expect nothing"


@pytest.mark.parametrize("question", QUESTIONS, ids=lambda q: q.what_if.name)
def test_every_case_changes_something(question: WhatIfQuestion) -> None:
    for case, variations in question.what_if.put.items():
        assert any(not v.is_empty for v in variations), case
        assert reduce(vary, variations, question.base) != question.base, case


def test_the_open_questions_come_first_and_the_others_say_what_they_put_in() -> None:
    put_in = [bool(q.what_if.puts_in) for q in find_questions()]
    assert put_in == sorted(put_in) and put_in.count(False) == 14


def test_an_edge_that_is_pointed_elsewhere_keeps_its_numbers() -> None:
    """Of a question or a mitigation that removes 'caller->a' and gives the caller an edge of that mode."""
    base = QUESTIONS[0].base
    changes = [v for q in QUESTIONS for case in q.what_if.put.values() for v in case]
    changes += arm_of("override-covers-dwfm", base).variations
    moved = [pair for v in changes for pair in _moved(v, base)]
    assert len(moved) >= 3, "both cases of question 11, and the mitigation of the same idea"
    for before, after in moved:
        assert after.lifetime_s.value == before.lifetime_s.value
        assert after.connections_count.value == before.connections_count.value


def _moved(v: Variation, base: Scenario) -> Iterator[tuple[Dependency, Dependency]]:
    for name in v.without:
        caller, old = name.split("->")
        before = [d for d in base.topology.services[caller].dependencies if d.on == old]
        after = v.services[caller].dependencies if caller in v.services else ()
        yield from ((a, b) for a in before for b in after if a.mode == b.mode == "new_connections")


def test_starvation_is_a_number_of_lost_locks() -> None:
    """As many as in the event make the same race with the shipped back-off; hardly fewer make none."""
    case = QUESTIONS[7].what_if.cases["short-back-off"]
    emptied = "dynamodb-dns.endpoint_emptied"

    def at(count: int) -> float | None:
        fault = case.faults[0].model_copy(
            update={"set": {**case.faults[0].set, "dynamodb-dns.lost_locks_count": float(count)}}
        )
        changed = vary(QUESTIONS[7].base, Variation(drop=case.drop, faults=(fault,)))
        return asked(changed.model_copy(update={"duration_s": 9000.0}), [emptied])[emptied]

    event = asked(QUESTIONS[7].base.model_copy(update={"duration_s": 9000.0}), [emptied])[emptied]
    assert at(90) == event is not None
    assert at(60) is None


def test_variants_of_the_model() -> None:
    base = QUESTIONS[0].base
    variants = [load_variant(f, base) for f in sorted((LIBRARY / "scenarios" / "variants").glob("*.yaml"))]
    assert len(variants) >= 2 and all(vary(base, v) != base for v in variants)


@pytest.fixture(scope="module")
def runs() -> list[dict]:
    """Measures of the unchanged scenario, of a day on which nothing happens, and of one on which DynamoDB
    itself fails as well."""
    (base,) = {id(q.base): q.base for q in EXPECTING}.values()
    quiet = vary(base, Variation(drop=tuple(x.id for x in base.interventions)))
    broken = {"dynamodb.fault_ratio": 0.5}
    wreck = Intervention(id="wreck", at_s=7200.0, for_s=3600.0, set=broken, assumed="to spoil the day")
    wrecked = vary(base, Variation(actions=(wreck,)))
    names = {c.metric for q in EXPECTING for c in q.what_if.comparisons}
    return [asked(s, names) for s in (base, quiet, wrecked)]


@pytest.mark.parametrize(
    ("question", "comparison"),
    [(q, c) for q in EXPECTING for c in q.what_if.comparisons],
    ids=lambda x: x.what_if.name if isinstance(x, WhatIfQuestion) else x.metric,
)
def test_every_expectation_can_fail(
    question: WhatIfQuestion, comparison: ExpectedEffect, runs: list[dict]
) -> None:
    """A change that changes nothing, one that ends everything, or one that adds a fault does not meet it."""
    recoveries = metrics.recovery_names(question.base.published)
    baseline = runs[0]
    assert not all(metrics.holds(comparison, run, baseline, recoveries) for run in runs)


def test_a_file_that_changes_nothing_is_noticed(tmp_path: Path) -> None:
    """The law above, broken: a case without a change is equal to its base."""
    question = QUESTIONS[14]
    case = Variation()
    assert case.is_empty and vary(question.base, case) == question.base
