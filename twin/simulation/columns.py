"""Arrow columns from NumPy arrays and back, without pandas.

Arrow's own conversions ask whether an array is one of pandas, and import pandas for that wherever it is
installed. That takes half a second, and 40 MB. Here columns are made of their buffers.
"""

from __future__ import annotations

from collections.abc import Iterable, Sequence

import numpy as np
import pyarrow as pa


def numbers(values: np.ndarray, valid: np.ndarray | None = None) -> pa.Array:
    """A column of numbers, moments (datetime64[ms]) or truths; null where ``valid`` (n,) is False."""
    if values.dtype.kind == "M":
        kind, values = pa.timestamp("ms"), values.astype("datetime64[ms]").view("i8")
    else:
        kind = pa.from_numpy_dtype(values.dtype)
    packed = _bits(values) if values.dtype == bool else pa.py_buffer(np.ascontiguousarray(values))
    return pa.Array.from_buffers(kind, len(values), [None if valid is None else _bits(valid), packed])


def words(texts: Iterable[str | None]) -> pa.Array:
    """A column of texts; None is null."""
    texts = list(texts)
    parts = [b"" if text is None else text.encode() for text in texts]
    ends = np.zeros(len(parts) + 1, "i4")
    np.cumsum([len(part) for part in parts], out=ends[1:])
    valid = _bits(np.array([text is not None for text in texts], bool)) if None in texts else None
    buffers = [valid, pa.py_buffer(ends), pa.py_buffer(b"".join(parts))]
    return pa.Array.from_buffers(pa.string(), len(parts), buffers)


def coded(codes: np.ndarray, texts: Sequence[str]) -> pa.DictionaryArray:
    """Codes (positions in ``texts``) as a dictionary column."""
    return pa.DictionaryArray.from_arrays(numbers(codes.astype("i4")), words(texts))


def decoded(column: pa.ChunkedArray) -> tuple[np.ndarray, list[str]]:
    """(codes, texts) of a dictionary column: what ``coded`` was given."""
    whole = column.combine_chunks()
    if isinstance(whole, pa.ChunkedArray):
        whole = whole.chunk(0)
    return _values(whole.indices), whole.dictionary.to_pylist()


def validity(column: pa.ChunkedArray) -> np.ndarray:
    """Where a column has a value, bool[n]."""
    return np.concatenate([_valid(chunk) for chunk in column.chunks] or [np.zeros(0, bool)])


def values(column: pa.ChunkedArray) -> np.ndarray:
    """The numbers of a column, or its moments as integers; what stands under a null is 0."""
    chunks = [_values(chunk) for chunk in column.chunks]
    return chunks[0] if len(chunks) == 1 else np.concatenate([*chunks, np.zeros(0, _dtype(column.type))])


def _bits(truths: np.ndarray) -> pa.Buffer:
    return pa.py_buffer(np.packbits(truths, bitorder="little"))


def _unpacked(buffer: pa.Buffer, begin: int, count: int) -> np.ndarray:
    """``count`` bits from bit ``begin`` on, as bool[count]."""
    return np.unpackbits(np.frombuffer(buffer, "u1"), bitorder="little")[begin : begin + count].view(bool)


def _dtype(kind: pa.DataType) -> np.dtype:
    return np.dtype("i8") if pa.types.is_timestamp(kind) else np.dtype(kind.to_pandas_dtype())


def _valid(chunk: pa.Array) -> np.ndarray:
    if chunk.null_count == 0:
        return np.ones(len(chunk), bool)
    return _unpacked(chunk.buffers()[0], chunk.offset, len(chunk))


def _values(chunk: pa.Array) -> np.ndarray:
    held = chunk.buffers()[1]
    if held is None:  # no rows, or nothing but nulls
        return np.zeros(len(chunk), _dtype(chunk.type))
    if pa.types.is_boolean(chunk.type):
        found = _unpacked(held, chunk.offset, len(chunk))
    else:
        kind = _dtype(chunk.type)
        found = np.frombuffer(held, kind)[chunk.offset : chunk.offset + len(chunk)]
    return found if chunk.null_count == 0 else np.where(_valid(chunk), found, np.zeros(1, found.dtype))
