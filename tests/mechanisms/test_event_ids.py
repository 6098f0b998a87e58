"""The number of an event holds its tick, its service and its serial number, whatever they are."""

import itertools

import numpy as np
import pytest

from twin.base import event_ids
from twin.base.event_ids import INPUT, MOST_INPUTS, MOST_SERVICES, MOST_TICKS, SPELL_SERIAL
from twin.mechanisms import event_ids as compiled

TICKS = (0, 1, 66_600, 1 << 21, MOST_TICKS - 1)
SERVICES = (0, 1, 65_534, 65_535, 65_536, 100_000, MOST_SERVICES - 1)
SERIALS = (0, 1, SPELL_SERIAL - 1, SPELL_SERIAL, SPELL_SERIAL + 2)


def test_what_is_packed_comes_out_and_later_is_larger() -> None:
    before = -1
    for parts in itertools.product(TICKS, SERVICES, SERIALS):
        number = event_ids.event_number(*parts)
        assert number == compiled.number_of(*parts) and before < number < 2**63
        assert (event_ids.event_tick(number), event_ids.event_service(number)) == parts[:2]
        assert (compiled.tick_of(number), compiled.service_of(number), compiled.serial_of(number)) == parts
        assert compiled.whole(*compiled.halves(number)) == number, "also along a dependency with a delay"
        before = number


def test_inputs_come_after_all_services_of_their_tick_and_before_the_next() -> None:
    last = event_ids.event_number(7, MOST_SERVICES - 1, SPELL_SERIAL + 2)
    inputs = [event_ids.input_number(7, seq) for seq in (0, 1, 4095, 4096, 65_536, MOST_INPUTS - 1)]
    assert inputs == sorted(set(inputs)) and last < inputs[0] and inputs[-1] < event_ids.event_number(8, 0, 0)
    assert all(event_ids.event_tick(n) == 7 and event_ids.event_service(n) >= INPUT for n in inputs)
    assert np.array(inputs, "i8").tolist() == inputs
    with pytest.raises(OverflowError, match="inputs at tick 7"):
        event_ids.input_number(7, MOST_INPUTS)
