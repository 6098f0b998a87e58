"""A declaration gives each draw a key and a slot of its own, or refuses."""

import pytest

from twin.base.rng import CHECK, FAIL, OPEN
from twin.kinds import registry
from twin.mechanisms.draws import DEPENDENCY_DRAWS, FLOW, SERVICE_CARRIES, cohorts, declare


def parts(draw: int) -> tuple[int, int, int]:
    """(purpose, slot, first sub-key)."""
    return draw & 255, draw >> 8 & 255, draw >> 16


def test_numbers_follow_from_the_declaration() -> None:
    draws = declare(
        passed=FAIL, failed=FAIL, able=FLOW, checked=cohorts(CHECK), tried=cohorts(OPEN, 10), back=OPEN
    )
    assert [parts(draw) for draw in draws] == [
        (FAIL, 0, 0), (FAIL, 1, 1), (FLOW, 2, 0), (CHECK, 3, 0), (OPEN, 4, 0), (OPEN, 5, 10),
    ]  # fmt: skip


@pytest.mark.parametrize("second", [FAIL, cohorts(FAIL), cohorts(FAIL, 3)])
def test_two_draws_never_share_a_key(second: int) -> None:
    with pytest.raises(ValueError, match="'second': its purpose belongs"):
        declare(first=cohorts(FAIL), second=second)


def test_too_many_draws() -> None:
    with pytest.raises(ValueError, match=f"at most {SERVICE_CARRIES}"):
        declare(**{f"draw_{n}": FLOW for n in range(SERVICE_CARRIES + 1)})


@pytest.mark.parametrize("draws", [DEPENDENCY_DRAWS, *(kind.DRAWS for kind in registry().values())])
def test_no_slot_is_shared(draws: tuple[int, ...]) -> None:
    slots = [parts(draw)[1] for draw in draws]
    assert slots == list(range(len(draws)))
