"""The README says how many numbers the replay uses, by class."""

from __future__ import annotations

from tests.acceptance.figures import README, between, numbers_block


def test_the_readme_counts_the_numbers() -> None:
    """``python -m tests.acceptance.figures --numbers --write`` writes it again."""
    assert between(README.read_text(), "numbers") == numbers_block()
