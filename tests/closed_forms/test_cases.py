"""The ledger is complete and speaks of tests that exist."""

import ast
import re
from pathlib import Path

import pytest

from .cases import COVERED, NOT_YET, cases

ROOT = Path(__file__).parents[2]
CASE_OF_TEST = re.compile(r"test_(v\d+[a-z]?)_")
SINCE_DROPPED = {"v54", "v56"}  # in an older list of cases


def functions_in(path: str) -> dict[str, ast.FunctionDef]:
    """The test functions of a file by name."""
    tree = ast.parse((ROOT / path).read_text())
    return {f.name: f for f in tree.body if isinstance(f, ast.FunctionDef) and f.name.startswith("test_")}


def test_every_case_is_in_one_list() -> None:
    assert len(cases()) == 42
    assert set(COVERED) | set(NOT_YET) == set(cases())
    assert not set(COVERED) & set(NOT_YET)
    assert all(len(reason) > 20 for reason in NOT_YET.values())


@pytest.mark.parametrize("case", COVERED)
def test_its_tests_exist_and_count(case: str) -> None:
    for node in COVERED[case]:
        path, _, name = node.partition("::")
        found = functions_in(path)
        assert name in found, node
        marks = " ".join(ast.unparse(mark) for mark in found[name].decorator_list)
        assert "xfail" not in marks and "skip" not in marks, node


def test_a_test_that_names_a_case_is_listed() -> None:
    listed = {case.lower() for case in (*COVERED, *NOT_YET)}
    for path in sorted((ROOT / "tests").rglob("test_*.py")):
        for name in functions_in(path.relative_to(ROOT).as_posix()):
            if (found := CASE_OF_TEST.match(name)) and found[1] not in SINCE_DROPPED:
                assert found[1] in listed, f"{path.name}::{name}"
