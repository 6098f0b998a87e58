"""The steps of a request: one dependency, a parallel group, or one of several alternatives."""

from __future__ import annotations

from collections.abc import Callable

import simpy

from tests.compositions.oracle.clients import Link, Nature, Steps
from tests.compositions.oracle.record import GOOD


def worst(outcomes: list[str]) -> str:
    """What several outcomes are together."""
    if any(outcome not in GOOD for outcome in outcomes):
        return "failed"
    return "degraded" if "degraded" in outcomes else "served"


def call_by_mode(link: Link, nature: Nature) -> Steps:
    """One call over a dependency, as its mode has it; returns the outcome for the request."""
    start_s = link.system.env.now
    if link.mode == "fire_and_forget":
        link.system.env.process(link.call(nature))
        return "served"
    if link.mode == "async":
        return (yield from link.shared.put())
    outcome = yield from (link.shared.ask(nature) if link.mode == "cached" else link.call(nature))
    link.log(start_s, outcome)
    return "degraded" if link.mode == "soft" and outcome not in GOOD else outcome


class Single:
    """Calls over one dependency, one after another; the first failure ends them."""

    def __init__(self, link: Link) -> None:
        self._link = link

    def __call__(self, nature: Nature) -> Steps:
        outcomes = []
        for k in range(self._link.calls_wanted(nature)):
            outcomes.append((yield from call_by_mode(self._link, nature.of_call(self._link, k))))
            if outcomes[-1] not in GOOD:
                break
        return worst(outcomes)


class Parallel:
    """Calls that are made at once. With fail_fast the first failure ends the group for the request."""

    def __init__(self, links: list[Link]) -> None:
        self._links, self._system = links, links[0].system

    def __call__(self, nature: Nature) -> Steps:
        env, outcomes, ended = self._system.env, [], self._system.env.event()
        calls = [(link, k) for link in self._links for k in range(link.calls_wanted(nature))]

        def one(link: Link, k: int) -> Steps:
            outcome = yield from call_by_mode(link, nature.of_call(link, k))
            outcomes.append(outcome)
            fails_fast = outcome not in GOOD and any(link.numbers.fail_fast for link in self._links)
            if (len(outcomes) == len(calls) or fails_fast) and not ended.triggered:
                ended.succeed()

        for link, k in calls:
            simpy.Process(env, one(link, k))
        if calls:
            yield ended
        return worst(outcomes)


class Alternatives:
    """One of several, by weight; after a failure others, by weight too, as many as are allowed; at last the
    fallback of the last one."""

    def __init__(self, links: list[Link], weight: Callable[[Link], float]) -> None:
        self._links, self._weight, self._system = links, weight, links[0].system

    def __call__(self, nature: Nature) -> Steps:
        left = list(self._links)
        link, start_s = left[0], self._system.env.now
        tries = 1 + max(int(link.numbers.failover_count) for link in left)
        for _ in range(min(tries, len(left))):
            weights = [self._weight(link) for link in left]
            if sum(weights) <= 0.0:
                break
            link = self._system.random.choices(left, weights)[0]
            left.remove(link)
            outcome = yield from link.tries(nature.of_call(link, 0))
            if outcome in GOOD:
                break
        else:
            if link.fallback is not None:
                outcome = yield from link.fallback.call(nature.of_call(link, 0))
        link.log(start_s, outcome)
        return outcome
