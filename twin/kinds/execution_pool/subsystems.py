"""Cells of a pool, each made of subsystems that a call needs in turn: the weakest decides.

The real system. AWS's message of June 2023 speaks of cells of Lambda and of the subsystems in them; its
account of October 2025 of a *subset* of internal systems that was short. The claim. A cell serves what its
shortest subsystem can carry, however much the others have. So a pool fails before its mean is short, and it
is back only when the last subsystem is. Left out: what each subsystem does.

A unit is one subsystem of one cell. Units are of the same size and differ in how busy they are.
"""

from __future__ import annotations

import math

from twin.base.jit import njit
from twin.mechanisms.calls import draw_cohort

GOLDEN = (math.sqrt(5.0) - 1.0) / 2.0  # its multiples spread evenly over 0 to 1, however many there are


@njit
def units_of(p):
    """How many units the pool has."""
    return int(p.cells_count) * int(p.subsystems_count)


@njit
def size_of(p, unit):
    """Members of a unit that is whole; all units add up to the pool."""
    units, count = units_of(p), int(p.capacity_count)
    return count * (unit + 1) // units - count * unit // units


@njit
def usual_load_ratio(p, unit):
    """Share of a whole unit that the undisturbed load keeps busy: spread evenly around the mean."""
    if units_of(p) == 1:
        return p.utilisation_ratio
    place = (unit + 0.5) * GOLDEN % 1.0
    return min(1.0, max(0.01, p.utilisation_ratio + p.utilisation_spread_ratio * (2.0 * place - 1.0)))


@njit
def is_exposed(p, unit):
    """Whether health checks decide about this unit's members: the first of the subsystems of each cell."""
    return unit % int(p.subsystems_count) < math.ceil(p.exposed_ratio * p.subsystems_count - 1e-9)


@njit
def carried_load(p, c, cell):
    """Load that a cell can carry, in undisturbed loads: that of its weakest subsystem."""
    least, of = math.inf, int(p.subsystems_count)
    for unit in range(cell * of, (cell + 1) * of):
        size = size_of(p, unit)
        if size > 0:
            least = min(least, c[unit] / size / usual_load_ratio(p, unit))
    return least if least < math.inf else 0.0


@njit
def fitting_ratio(p, c, load):
    """(share of calls that find an environment, load that can be carried). ``load``: in undisturbed loads.

    Calls are spread evenly over cells; what does not fit in a large cell is its Erlang loss.
    """
    fitting, able, cells = 0.0, 0.0, int(p.cells_count)
    for cell in range(cells):
        carried = carried_load(p, c, cell)
        able += carried
        fitting += 1.0 if load <= carried else carried / load
    return min(1.0, fitting / cells), able / cells


@njit
def lose_members(t, w, i, p, c, name, which, chance):
    """Each member of an exposed unit is lost with this chance. ``which``: number of the draw. Returns how
    many are lost."""
    total, units = 0, units_of(p)
    if chance <= 0.0:
        return total
    for unit in range(units):
        if is_exposed(p, unit):
            gone = draw_cohort(t, w, i, name, which * units + unit, c[unit], chance)
            c[unit] -= gone
            total += gone
    return total


@njit
def fill_units(t, w, i, p, s, c, name, count):
    """Members that can serve go to units by what these miss: nobody knows which one is the weakest."""
    left, missing = count, s.missing
    for unit in range(units_of(p)):
        if left <= 0:
            break
        lacks = size_of(p, unit) - c[unit]
        if lacks > 0:
            share = lacks / missing
            more = left if share >= 1.0 else draw_cohort(t, w, i, name, unit, left, share)
            more = min(lacks, max(more, left - (missing - lacks)))
            c[unit] += more
            left -= more
            missing -= lacks


@njit
def add_up(c, standing):
    """Whether the members of all units are those that stand, and none is a negative number."""
    total = 0
    for unit in range(len(c)):
        if c[unit] < 0:
            return False
        total += c[unit]
    return total == standing
