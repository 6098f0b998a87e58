"""Dependencies that come back to where they began."""

from __future__ import annotations

import numpy as np


def in_circles(callers: np.ndarray, callees: np.ndarray, services_count: int) -> np.ndarray:
    """For each dependency, given by the numbers of its ends: whether the callee reaches the caller."""
    inside = np.zeros(len(callers), bool)
    left = np.arange(len(callers))
    while True:  # mostly nothing is left when those that call nobody, or are not called, have been taken away
        calls, is_called = np.zeros(services_count, bool), np.zeros(services_count, bool)
        calls[callers[left]], is_called[callees[left]] = True, True
        inner = left[is_called[callers[left]] & calls[callees[left]]]
        if len(inner) == len(left):
            break
        left = inner
    group = components(callers[left].tolist(), callees[left].tolist())
    inside[left] = [group[a] == group[b] for a, b in zip(callers[left], callees[left], strict=True)]
    return inside


def components(callers: list[int], callees: list[int]) -> dict[int, int]:
    """Service → number of its group: services reach each other exactly within a group (Tarjan, 1972)."""
    ahead: dict[int, list[int]] = {}
    for a, b in zip(callers, callees, strict=True):
        ahead.setdefault(a, []).append(b)
    group: dict[int, int] = {}
    order: dict[int, int] = {}
    for root in ahead:
        if root not in order:
            _visit(root, ahead, order, group)
    return group


def _visit(root: int, ahead: dict[int, list[int]], order: dict[int, int], group: dict[int, int]) -> None:
    """Number all that ``root`` reaches, in the order of depth-first search, with a stack of its own."""
    order[root] = len(order)
    low, waiting, trail = {root: order[root]}, [root], [(root, iter(ahead.get(root, ())))]
    while trail:
        here, rest = trail[-1]
        below = next(rest, None)
        if below is None:
            trail.pop()
            if trail:
                above = trail[-1][0]
                low[above] = min(low[above], low[here])
            if low[here] == order[here]:
                while here not in group:
                    group[waiting.pop()] = order[here]
        elif below not in order:
            order[below] = low[below] = len(order)
            waiting.append(below)
            trail.append((below, iter(ahead.get(below, ()))))
        elif below not in group:
            low[here] = min(low[here], order[below])
