"""A target is parsed once, and says again what it was made of."""

import pytest

from twin.model.target import Target


@pytest.mark.parametrize(
    ("text", "parts"),
    [
        ("dwfm.capacity_per_s", ("dwfm", "", "capacity_per_s")),
        ("sts->dynamodb.share", ("sts", "dynamodb", "share")),
        (" sts -> dynamodb .share", ("sts", "dynamodb", "share")),
        ("sts->dynamodb", ("sts", "dynamodb", "")),
        ("dwfm", ("", "", "dwfm")),
    ],
)
def test_parts(text: str, parts: tuple[str, str, str]) -> None:
    assert tuple(Target.parse(text)) == parts


@pytest.mark.parametrize("text", ["dwfm.capacity_per_s", "sts->dynamodb.share", "sts->dynamodb"])
def test_it_is_written_as_it_was_read(text: str) -> None:
    assert str(Target.parse(text)) == text
