"""A pool of Ray actors: each has what is shared, and takes one batch after another."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from contextlib import ExitStack
from typing import Any

from twin.experiments.pool import MOST_LOSSES, Work, WorkerLost, batches
from twin.simulation.on_ray import cluster

import ray  # isort: skip  # after on_ray, which says how it behaves
from ray.exceptions import RayActorError, RayTaskError

AHEAD = 2  # batches that an actor has: the one it works on, and the next


class Worker:
    """What runs in an actor."""

    def __init__(self, shared: Any) -> None:
        self.shared = shared

    def work(self, function: Work, jobs: list[Any]) -> list[Any]:
        """The result of each job, in order."""
        return [function(self.shared, job) for job in jobs]


class Actors:
    """``workers`` actors; a lost one is replaced."""

    def __init__(self, shared: Any, workers: int, address: str | None) -> None:
        self.shared, self.workers, self.address = shared, workers, address
        self.actors: list[Any] = []
        self._open = ExitStack()
        self._shared_ref: Any = None

    def __enter__(self) -> Actors:
        return self

    def __exit__(self, *_: object) -> None:
        with self._open:
            for actor in self.actors:
                ray.kill(actor)
            self.actors = []

    def _start(self) -> None:
        if not self.actors:
            self._open.enter_context(cluster(self.address, self.workers))
            # An actor that fits on no node would wait for ever, and its work with it.
            self.workers = min(self.workers, max(1, int(ray.cluster_resources().get("CPU", 1))))
            self._shared_ref = ray.put(self.shared)
            self.actors = [self._hire() for _ in range(self.workers)]

    def _hire(self) -> Any:
        return ray.remote(num_cpus=1)(Worker).remote(self._shared_ref)

    def map(self, function: Work, jobs: Sequence[Any]) -> Iterator[tuple[int, Any]]:
        """As ``twin.experiments.pool.Pool`` says."""
        self._start()
        todo = batches(len(jobs), self.workers)[::-1]
        losses = dict.fromkeys(todo, 0)
        running: dict[Any, tuple[int, range]] = {}
        load = [0] * self.workers
        while todo or running:
            while todo and min(load) < AHEAD:
                k = load.index(min(load))
                batch = todo.pop()
                running[self.actors[k].work.remote(function, [jobs[n] for n in batch])] = (k, batch)
                load[k] += 1
            ready, _ = ray.wait(list(running))
            for reference in ready:
                k, batch = running.pop(reference)
                load[k] -= 1
                try:
                    results = ray.get(reference)
                except RayActorError as error:
                    self._lost(k, batch, losses, error)
                    todo.append(batch)
                except RayTaskError as error:  # what the work raised, as it would have been raised here
                    raise error.cause from None
                else:
                    yield from zip(batch, results, strict=True)

    def _lost(self, k: int, batch: range, losses: dict[range, int], error: RayActorError) -> None:
        """Replace an actor, unless that has been done for another of its batches. Raises WorkerLost."""
        losses[batch] += 1
        if losses[batch] > MOST_LOSSES:
            raise WorkerLost(f"{losses[batch]} times with the same work") from error
        try:
            ray.get(self.actors[k].__ray_ready__.remote())
        except RayActorError:
            self.actors[k] = self._hire()
