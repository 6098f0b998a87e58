"""Numbers of events, in compiled code: the functions of ``twin/base/event_ids.py``, which explains them."""

from __future__ import annotations

from twin.base import event_ids
from twin.base.jit import njit

number_of = njit(event_ids.event_number)
tick_of, service_of = njit(event_ids.event_tick), njit(event_ids.event_service)
serial_of = njit(event_ids.event_serial)
halves, whole = njit(event_ids.event_halves), njit(event_ids.event_whole)
