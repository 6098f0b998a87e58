"""The number of an event: its tick, its service, a serial number within both. It is packed only here.

The numbers of later events are larger, so the later of two events is the larger number. Within a tick, events
that a scenario feeds in (*inputs*) come last. SQL reads the tick and the service from their own columns.

| part    | bits | enough for                                                                   |
| ------- | ---- | ---------------------------------------------------------------------------- |
| tick    | 27   | 134 million ticks: four years of seconds, 37 hours of milliseconds           |
| service | 24   | 15,728,640 services; numbers from INPUT on are those of inputs               |
| serial  | 12   | 2,048 events that a service emits in a tick, and the events of its spells    |

Compiled code has the same functions in ``twin/mechanisms/event_ids.py``.
"""

from __future__ import annotations

SERVICE_BITS, SERIAL_BITS = 24, 12
TICK_SHIFT = SERVICE_BITS + SERIAL_BITS
MOST_TICKS = 1 << (63 - TICK_SHIFT)
INPUT = 0xF << (SERVICE_BITS - 4)  # the first number of the "services" of events that a scenario feeds in
MOST_SERVICES = INPUT
MOST_INPUTS = 1 << (SERVICE_BITS - 4 + SERIAL_BITS)  # in one tick
SPELL_SERIAL = 1 << (SERIAL_BITS - 1)  # from here on: events of spells (mechanisms/causes.py)
SERVICES, SERIALS = (1 << SERVICE_BITS) - 1, (1 << SERIAL_BITS) - 1
HALF_BITS = 32  # of a number that travels as two floats, which hold 53 bits each
HALF = (1 << HALF_BITS) - 1


def event_number(tick: int, service: int, serial: int) -> int:
    """The number of an event. ``serial``: below SPELL_SERIAL, or of a spell from there on."""
    return (tick << TICK_SHIFT) | (service << SERIAL_BITS) | serial


def input_number(tick: int, seq: int) -> int:
    """The number of the input ``seq`` (from 0) of a tick. Inputs have all numbers from service INPUT on.

    Raises OverflowError for more than MOST_INPUTS in a tick.
    """
    if seq >= MOST_INPUTS:
        raise OverflowError(f"found {seq + 1} inputs at tick {tick}, expected at most {MOST_INPUTS}")
    return (tick << TICK_SHIFT) + (INPUT << SERIAL_BITS) + seq


def event_tick(event_id: int) -> int:
    """The tick of an event."""
    return event_id >> TICK_SHIFT


def event_service(event_id: int) -> int:
    """The number of the service of an event; at least INPUT for an input."""
    return (event_id >> SERIAL_BITS) & SERVICES


def event_serial(event_id: int) -> int:
    """The serial number of an event within its tick and service."""
    return event_id & SERIALS


def event_halves(event_id: int) -> tuple[float, float]:
    """The number as two floats, both exact."""
    return float(event_id >> HALF_BITS), float(event_id & HALF)


def event_whole(high: float, low: float) -> int:
    """The number from its halves."""
    return (int(high) << HALF_BITS) | int(low)
