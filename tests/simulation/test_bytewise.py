"""Copies of records are equal to what was copied, and apart from it."""

import numpy as np
import pytest

from twin.mechanisms.arrays import EDGE, SAMPLE
from twin.simulation.bytewise import BLOCK, copied, in_columns, put_together


@pytest.mark.parametrize("rows", [np.zeros(3, EDGE), np.arange(4.0), np.zeros((2, 3)), np.zeros(0, SAMPLE)])
def test_a_copy_is_equal_and_apart(rows: np.ndarray) -> None:
    copy = copied(rows)
    assert copy.dtype == rows.dtype and copy.shape == rows.shape and copy.tobytes() == rows.tobytes()
    if rows.size:
        before = rows.tobytes()
        copy[:] = copy[::-1].copy()
        copy.view("u1")[:] = 7
        assert rows.tobytes() == before


def test_parts_are_joined_in_order() -> None:
    parts = [np.zeros(2, SAMPLE), np.zeros(0, SAMPLE), np.zeros(1, SAMPLE)]
    for n, part in enumerate(parts):
        part["tick"] = n
    assert put_together(parts, SAMPLE)["tick"].tolist() == [0, 0, 2]
    assert put_together([], SAMPLE).dtype == SAMPLE


def test_columns_are_those_of_all_parts_in_order() -> None:
    parts = [np.zeros(n, SAMPLE) for n in (BLOCK + 5, 0, 3)]
    for part in parts:
        part["tick"] = np.arange(len(part)) + len(parts)
        part["error_ratio"] = np.linspace(0, 1, len(part))
    whole, columns = put_together(parts, SAMPLE), in_columns(parts, SAMPLE)
    assert list(columns) == list(SAMPLE.names)
    assert all((columns[name] == whole[name]).all() for name in SAMPLE.names)
    assert all(len(column) == 0 for column in in_columns([], SAMPLE).values())
