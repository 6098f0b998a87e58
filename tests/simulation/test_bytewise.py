"""Copies of records are equal to what was copied, and apart from it."""

import numpy as np
import pytest

from twin.mechanisms.arrays import EDGE, SAMPLE
from twin.simulation.bytewise import copied, put_together


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
