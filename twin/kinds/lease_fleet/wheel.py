"""A timing wheel of leases: members are checked once an interval, and some failures in a row lose the lease.

Members are counts by all that their future depends on. That is the slot of their next check, their failed
checks in a row, and whether the connection for checks is alive (a wheel as in Varghese and Lauck, SOSP'87).
Only the slot that is due is touched, so the cost does not grow with the fleet. ``wheel`` is flat: cohort
(phase, misses) stands at phase·classes + misses while its connection lives, and half of the classes further
on while it is *adrift*. The last class of each half is *doomed*: the last check that it had time for has
failed, and its phase is the slot in which the lease lapses.
"""

from __future__ import annotations

from twin.base.jit import njit
from twin.kinds.lease_fleet.parameters import DRAWS
from twin.mechanisms.sampling import sample


@njit
def fill(wheel, classes, phases, n):
    """Give ``n`` members fresh leases, their checks evenly over the interval."""
    for phase in range(phases):
        wheel[phase * classes] += n * (phase + 1) // phases - n * phase // phases


@njit
def members_due(wheel, classes, phase):
    """How many members are checked when the wheel comes to ``phase``."""
    n, half = 0, classes // 2
    for misses in range(half - 1):
        n += wheel[phase * classes + misses] + wheel[phase * classes + half + misses]
    return n


@njit
def moved(now, then):
    """(share of the living connections that still live, share of the dead ones that live again) while the
    share that lives goes from ``then`` to ``now``."""
    if now < then:
        return now / then, 0.0
    return 1.0, (now - then) / (1.0 - then) if now > then else 0.0


@njit
def turn_wheel(context, sub, wheel, classes, phase, misses_to_lapse, kept, opened, ok):
    """Check every member due. Returns how many fail their last check: (with a connection, adrift).

    A connection is a member's own: ``kept`` of those that lived at the last check live, ``opened`` of the
    dead ones live again. A check over one that lives succeeds with probability ``ok``. Cohorts go from most
    to fewest misses, so that nobody is moved, or checked, twice. Draws of the cohorts sub … sub+classes-1.
    """
    at, half = phase * classes, classes // 2
    lapsed = lapsed_adrift = renewed = 0
    for misses in range(half - 2, -1, -1):
        with_connection, adrift = wheel[at + misses], wheel[at + half + misses]
        if with_connection + adrift == 0:
            continue
        wheel[at + misses] = wheel[at + half + misses] = 0
        alive = sample(context, DRAWS.connected, sub + misses, with_connection, kept)
        alive += sample(context, DRAWS.opened, sub + misses, adrift, opened)
        passed = sample(context, DRAWS.passed, sub + misses, alive, ok)
        renewed += passed
        if misses + 1 >= misses_to_lapse:
            lapsed += alive - passed
            lapsed_adrift += with_connection + adrift - alive
        else:
            wheel[at + misses + 1] += alive - passed
            wheel[at + half + misses + 1] += with_connection + adrift - alive
    wheel[at] += renewed
    return lapsed, lapsed_adrift


@njit
def lapse_now(context, sub, wheel, classes, phase, kept, opened):
    """The doomed of this phase lose their lease. Returns how many: (with a connection, adrift). ``kept`` and
    ``opened``: of their connections, since their last check. Draws of cohort sub+classes/2-1."""
    half = classes // 2
    doomed = half - 1
    at = phase * classes + doomed
    with_connection, adrift = wheel[at], wheel[at + half]
    if with_connection + adrift == 0:
        return 0, 0
    wheel[at] = wheel[at + half] = 0
    alive = sample(context, DRAWS.connected, sub + doomed, with_connection, kept)
    alive += sample(context, DRAWS.opened, sub + doomed, adrift, opened)
    return alive, with_connection + adrift - alive


@njit
def put_off(context, sub, wheel, classes, phases, phase, side, n, rest):
    """``n`` members have failed their last check, and lapse ``rest`` slots later. Returns how many at once.

    Checks are spread evenly over a slot, so a rest of whole slots and a part divides them over two slots.
    ``side``: 0 with a connection, classes/2 adrift. Draws of the cohort sub+side.
    """
    if n == 0:
        return 0
    whole = int(rest + 1e-9)
    later = sample(context, DRAWS.put_off, sub + side, n, rest - whole)
    doomed = side + classes // 2 - 1
    wheel[(phase + whole + 1) % phases * classes + doomed] += later
    if whole == 0:
        return n - later
    wheel[(phase + whole) % phases * classes + doomed] += n - later
    return 0
