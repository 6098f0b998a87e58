"""Columns of Arrow made of buffers: the same as Arrow makes them, and read back the same."""

import numpy as np
import pyarrow as pa
import pytest

from twin.simulation.columns import coded, numbers, validity, values, words


@pytest.mark.parametrize("kind", ["i4", "i8", "u2", "f4", "f8", bool, "datetime64[ms]"])
def test_numbers_are_those_of_arrow(kind):
    wanted = np.arange(11).astype(kind)
    assert numbers(wanted).equals(pa.array(wanted))
    assert numbers(wanted[::2]).equals(pa.array(wanted[::2])), "of a part with steps too"
    back = values(pa.chunked_array([numbers(wanted[:4]), numbers(wanted)]).slice(1))
    assert (back == np.concatenate([wanted[1:4], wanted]).astype(back.dtype)).all()


def test_what_is_no_value_is_null_and_reads_as_zero():
    column = pa.chunked_array([numbers(np.arange(1, 12), np.arange(11) % 3 > 0)]).slice(1)
    assert column.to_pylist() == [None if k % 3 == 0 else k + 1 for k in range(1, 11)]
    assert (validity(column) == [x is not None for x in column.to_pylist()]).all()
    assert values(column).tolist() == [x or 0 for x in column.to_pylist()]


def test_columns_without_rows():
    assert numbers(np.zeros(0)).equals(pa.array([], pa.float64()))
    assert words([]).equals(pa.array([], pa.string()))
    assert (
        len(values(pa.chunked_array([], pa.int32()))) == len(validity(pa.chunked_array([], pa.int32()))) == 0
    )


def test_texts_are_those_of_arrow():
    texts = ["DynamoDB", "", None, "für Ärzte", "a"]
    assert words(texts).equals(pa.array(texts, pa.string()))
    assert coded(np.array([1, 0, 1]), ["a", "b"]).to_pylist() == ["b", "a", "b"]


def test_a_code_without_a_text_is_refused():
    with pytest.raises(pa.ArrowException):
        coded(np.array([2]), ["a", "b"])
