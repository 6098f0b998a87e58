"""Every interleaving of the DNS automation, breadth first in plain Python: tuples in a set.

A state is (latest, roots, rollbacks, trees, enactors); an Enactor is (where it is, its plan, its endpoint).
Trees are a set of bits. Enactors are not interchangeable here.
"""

from collections import deque
from collections.abc import Iterator

from _told import told

IDLE, APPLY, CLEAN = range(3)
RESTS = (IDLE, 0, 0)


def successors(state: tuple, endpoints: int, plans: int, keep: int, cas: bool) -> Iterator[tuple]:
    latest, roots, rollbacks, trees, enactors = state
    if latest < plans:
        yield latest + 1, roots, rollbacks, trees, enactors
    for e, (where, plan, at) in enumerate(enactors):

        def moved(to: tuple, e: int = e) -> tuple:
            return (*enactors[:e], to, *enactors[e + 1 :])

        if where == IDLE and latest > max(roots):
            yield latest, roots, rollbacks, trees | 1 << latest, moved((APPLY, latest, 0))
        elif where == CLEAN:
            old = (1 << max(0, plan - keep + 1)) - 1
            yield latest, roots, rollbacks, trees & ~old, moved(RESTS)
        elif where == APPLY and trees >> roots[at] & 1:
            if not trees >> plan & 1 or (cas and plan <= roots[at]):
                yield latest, roots, rollbacks, trees, moved(RESTS)
                continue
            new = (*roots[:at], plan, *roots[at + 1 :])
            kept = (*rollbacks[:at], roots[at], *rollbacks[at + 1 :])
            after = (APPLY, plan, at + 1) if at + 1 < endpoints else (CLEAN, plan, 0)
            yield latest, new, kept, trees, moved(after)


def explore(enactors: int, endpoints: int, plans: int, keep: int, cas: bool) -> dict:
    zero = (0,) * endpoints
    first = (0, zero, zero, 1, (RESTS,) * enactors)
    seen, todo, shortest = {first}, deque([(first, 0)]), None
    while todo:
        state, steps = todo.popleft()
        if shortest is None and not all(state[3] >> root & 1 for root in state[1]):
            shortest = steps
        for after in successors(state, endpoints, plans, keep, cas):
            if after not in seen:
                seen.add(after)
                todo.append((after, steps + 1))
    return {"states": len(seen), "shortest": shortest}


if __name__ == "__main__":
    told(lambda asked: explore(**asked))
