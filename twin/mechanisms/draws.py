"""The draws of a kind: declared by name, numbered by the declaration.

    DRAWS = declare(passed=FAIL, failed=FAIL, checked=cohorts(CHECK), able=FLOW)

A draw is keyed by service, tick, purpose and sub-key; two draws with the same key are the same draw. So each
name gets sub-keys of its own among those with the same purpose. It also gets a slot of its own in ``carry``,
where a remaining fraction waits for the next tick. A FLOW is divided without chance: it needs the slot only.
What the compiled step gets is one number a draw: purpose, slot and first sub-key, packed.
"""

from __future__ import annotations

from collections import namedtuple
from typing import Any, NamedTuple

from twin.base.rng import BACKOFF, CLOSE, FAIL, LOOKUP, OPEN, RETRY

FLOW = 0  # in place of a purpose: no chance, a remainder only
SERVICE_CARRIES = 32  # slots of a service: most draws that a kind may declare
_SLOT_BIT, _KEY_BIT = 8, 16
_ENDLESS = 0  # cohorts of any number


class Cohorts(NamedTuple):
    """A draw that is made for many cohorts in a tick: ``most`` sub-keys, or any number (0)."""

    purpose: int
    most: int


def cohorts(purpose: int, most: int = _ENDLESS) -> Cohorts:
    """A draw for cohorts 0 … most-1; without ``most`` for any, and then the only draw of its purpose.

    All cohorts of a draw share its slot: their remainders add up, so the total is off by a member at most.
    """
    return Cohorts(purpose, most)


def declare(**draws: int | Cohorts) -> Any:
    """Name → purpose, as a named tuple of packed draws. Raises ValueError for too many draws, or for a second
    draw of a purpose whose sub-keys are all taken."""
    if len(draws) > SERVICE_CARRIES:
        raise ValueError(f"{len(draws)} draws declared, at most {SERVICE_CARRIES}")
    packed: dict[str, int] = {}
    first_free: dict[int, int | None] = {}
    for slot, (name, draw) in enumerate(draws.items()):
        purpose, count = draw if isinstance(draw, Cohorts) else (draw, 1)
        first = first_free.get(purpose, 0)
        if first is None or (first > 0 and count == _ENDLESS):
            raise ValueError(f"draw '{name}': its purpose belongs to a draw with any number of cohorts")
        packed[name] = purpose | slot << _SLOT_BIT | first << _KEY_BIT
        first_free[purpose] = None if count == _ENDLESS and purpose != FLOW else first + count * (purpose > 0)
    return namedtuple("Draws", packed)(**packed)


# What is drawn for a dependency, by its caller's side or by its callee's.
DEPENDENCY_DRAWS = declare(
    served=FLOW,  # calls that end well
    retried=FLOW,  # attempts per call
    asked=FLOW,  # calls per call of the caller
    renewed=FLOW,  # connections opened because an old one has reached its age
    drained=FLOW,  # work that may be handed over
    closed=CLOSE,  # connections that are lost
    opened=OPEN,  # connections that open again, or work that is handed over
    lapsed=FAIL,  # cached answers that are not renewed
    looked_up=LOOKUP,  # answers that are looked up again with success
    sent=cohorts(RETRY, 1000),  # first tries that policies let through, by substep
    windows=RETRY,  # breakers whose window is full
    trips=RETRY,  # breakers that open
    probed=RETRY,  # breakers that have had their probes
    tripped_again=RETRY,  # breakers that open again
    accepted=FLOW,  # calls that are taken into a queue
    fresh=FLOW,  # requests that open a connection of their own
    failed=FAIL,  # work that was handed over
    waited=cohorts(BACKOFF),  # how long retries wait, by entry and substep
)
EDGE_CARRIES = len(DEPENDENCY_DRAWS)
