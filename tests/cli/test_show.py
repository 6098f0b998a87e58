"""What machines read is JSON as its standard has it."""

import json
import math

import numpy as np
import pytest

from twin.cli import _show as show


def strict(text: str) -> object:
    """As any other reader of JSON takes it."""

    def refuse(constant: str) -> object:
        raise ValueError(f"not JSON: {constant}")

    return json.loads(text, parse_constant=refuse)


def test_what_never_ends_is_null(capsys: pytest.CaptureFixture[str]) -> None:
    said = {"a": math.inf, "b": [1.5, (-math.inf, {"c": math.nan})], "d": np.float64("inf"), "e": "inf"}
    with pytest.raises(ValueError, match="not JSON: Infinity"):
        strict(json.dumps(said))
    show.document(said)
    expected = {"a": None, "b": [1.5, [None, {"c": None}]], "d": None, "e": "inf"}
    assert strict(capsys.readouterr().out) == expected


def test_all_else_stays(capsys: pytest.CaptureFixture[str]) -> None:
    said = {"n": 3, "x": 0.1, "yes": True, "none": None, "text": "∞", "list": [], "zero": np.float64(0.25)}
    show.document(said)
    assert strict(capsys.readouterr().out) == said
