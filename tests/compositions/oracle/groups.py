"""The steps of a request: one dependency, a parallel group, or one of several alternatives."""

from __future__ import annotations

from collections.abc import Callable

import simpy

from tests.compositions.oracle.clients import Link, Steps
from tests.compositions.oracle.record import GOOD
from tests.compositions.oracle.services import Request, call_by_mode


def worst(outcomes: list[str]) -> str:
    """What several outcomes are together."""
    if any(outcome not in GOOD for outcome in outcomes):
        return "failed"
    return "degraded" if "degraded" in outcomes else "served"


class Single:
    """Calls over one dependency, one after another; the first failure ends them."""

    def __init__(self, link: Link) -> None:
        self._link = link

    def __call__(self, request: Request) -> Steps:
        if not self._link.system.happens(self._link.numbers.share):
            return "served"
        return (yield from serially(self._link, request))


def serially(link: Link, request: Request) -> Steps:
    """``times`` calls over a dependency; the first failure ends them."""
    outcomes = []
    for _ in range(int(link.numbers.times)):
        outcomes.append((yield from call_by_mode(link, request)))
        if outcomes[-1] not in GOOD:
            break
    return worst(outcomes)


class Parallel:
    """Calls that are made at once. With fail_fast the first failure ends the group for the request."""

    def __init__(self, links: list[Link]) -> None:
        self._links, self._system = links, links[0].system

    def __call__(self, request: Request) -> Steps:
        env, outcomes, ended = self._system.env, [], self._system.env.event()
        calls = [
            link
            for link in self._links
            if self._system.happens(link.numbers.share)
            for _ in range(int(link.numbers.times))
        ]

        def one(link: Link) -> Steps:
            outcome = yield from call_by_mode(link, request)
            outcomes.append(outcome)
            fails_fast = outcome not in GOOD and any(link.numbers.fail_fast for link in self._links)
            if (len(outcomes) == len(calls) or fails_fast) and not ended.triggered:
                ended.succeed()

        for link in calls:
            simpy.Process(env, one(link))
        if calls:
            yield ended
        return worst(outcomes)


class Alternatives:
    """One of several, by weight; after a failure others are tried, by weight too, if that is allowed."""

    def __init__(self, links: list[Link], weight: Callable[[Link], float]) -> None:
        self._links, self._weight, self._system = links, weight, links[0].system

    def __call__(self, request: Request) -> Steps:
        left = list(self._links)
        tries = 1 + max(int(link.numbers.failover_count) for link in left)
        for _ in range(min(tries, len(left))):
            weights = [self._weight(link) for link in left]
            if sum(weights) <= 0.0:
                break
            link = self._system.random.choices(left, weights)[0]
            left.remove(link)
            outcome = yield from serially(link, request)
            if outcome in GOOD:
                return outcome
        return "failed"
