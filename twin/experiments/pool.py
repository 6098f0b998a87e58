"""One pool for many runs: in this process, in several processes, or in Ray actors.

The work is a pure ``function(shared, job)`` of a module. ``shared`` goes to each worker once. Jobs go in
batches. If an actor dies, its batches are done again. A process that dies breaks the whole pool of processes,
so the batches of all of them are done again. The results depend neither on the number of workers nor on lost
workers. Only their order does.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator, Sequence
from concurrent.futures import FIRST_COMPLETED, Future, ProcessPoolExecutor, wait
from concurrent.futures.process import BrokenProcessPool
from dataclasses import dataclass, replace
from multiprocessing import get_context
from types import TracebackType
from typing import Any, Protocol

from twin.model.runners import RUNNERS

LARGEST = 8  # jobs in a batch: with more, a lost worker costs too much
SHARES = 6  # batches that each worker gets of a small study: with fewer, one waits for the other
MOST_LOSSES = 3  # with no batch finished in between (processes), or of the same one (actors)

Work = Callable[[Any, Any], Any]


class WorkerLost(Exception):
    """The same batch has killed one worker after another."""


RAY_PAYS = 24  # runs, from which the start of Ray is worth its seconds


@dataclass(frozen=True)
class PoolSettings:
    """Where runs are made; the results are the same.

    ``runner``: "inline" (this process), "process" (``workers`` processes), "ray" (``workers`` actors on the
    cluster at ``address``, or on a local one), or "auto": inline, from RAY_PAYS runs on Ray.
    Raises ValueError.
    """

    runner: str = "auto"
    workers: int = 2
    address: str | None = None

    def __post_init__(self) -> None:
        if self.runner not in RUNNERS:
            raise ValueError(f"runner: found {self.runner!r}, expected one of {', '.join(RUNNERS)}")
        if self.workers < 1:
            raise ValueError(f"workers: found {self.workers}, expected 1 or more")
        if self.address is not None and self.runner != "ray":
            raise ValueError("address: only with runner ray")

    def resolved(self, runs: int) -> PoolSettings:
        """The same with "auto" decided, for about ``runs`` runs."""
        runner = self.runner
        if runner == "auto":
            runner = "ray" if runs >= RAY_PAYS else "inline"
        return replace(self, runner=runner, workers=1 if runner == "inline" else self.workers)

    @property
    def words(self) -> str:
        """'2 Ray actors', 'this process'."""
        several = {"ray": "Ray actor", "process": "process"}.get(self.runner)
        if several is None:
            return "this process"
        return (
            f"{self.workers} {several}{'es' if several[-1] == 's' else 's'}"
            if self.workers > 1
            else f"1 {several}"
        )


class Pool(Protocol):
    """Workers that know what is shared. A context manager."""

    def __enter__(self) -> Pool: ...

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None: ...

    def map(self, function: Work, jobs: Sequence[Any]) -> Iterator[tuple[int, Any]]:
        """(index in ``jobs``, its result), as they come. Raises WorkerLost, or what the work raises."""
        ...


def open_pool(settings: PoolSettings, shared: Any) -> Pool:
    """The pool that ``settings`` asks for; "auto" is inline here."""
    if settings.runner == "process":
        return Processes(shared, settings.workers)
    if settings.runner == "ray":
        from twin.experiments.ray_pool import Actors

        return Actors(shared, settings.workers, settings.address)
    return Inline(shared)


def batches(count: int, workers: int) -> list[range]:
    """Indices of ``count`` jobs, in batches."""
    size = max(1, min(LARGEST, count // (workers * SHARES)))
    return [range(at, min(at + size, count)) for at in range(0, count, size)]


class Inline:
    """One after the other, here."""

    def __init__(self, shared: Any) -> None:
        self.shared = shared

    def __enter__(self) -> Inline:
        return self

    def __exit__(self, *_: object) -> None:
        pass

    def map(self, function: Work, jobs: Sequence[Any]) -> Iterator[tuple[int, Any]]:
        """As Pool says."""
        for k, job in enumerate(jobs):
            yield k, function(self.shared, job)


class Processes:
    """Processes of this machine, started when there is work for them."""

    def __init__(self, shared: Any, workers: int) -> None:
        self.shared, self.workers = shared, workers
        self._pool: ProcessPoolExecutor | None = None

    def __enter__(self) -> Processes:
        return self

    def __exit__(self, *_: object) -> None:
        if self._pool is not None:
            self._pool.shutdown(wait=True, cancel_futures=True)
            self._pool = None

    def _start(self) -> ProcessPoolExecutor:
        if self._pool is None:
            context = get_context("spawn")
            self._pool = ProcessPoolExecutor(self.workers, context, _remember, (self.shared,))
        return self._pool

    def map(self, function: Work, jobs: Sequence[Any]) -> Iterator[tuple[int, Any]]:
        """As Pool says."""
        todo, losses = batches(len(jobs), self.workers), 0
        while todo:
            pool, done = self._start(), set()
            try:
                # A batch more than there are workers, so that none waits; no more, or results pile up.
                for batch, results in _in_turn(pool, function, jobs, todo, self.workers + 1):
                    done.add(batch)
                    losses = 0
                    yield from zip(batch, results, strict=True)
            except BrokenProcessPool as error:
                pool.shutdown(wait=True, cancel_futures=True)
                self._pool, losses = None, losses + 1
                if losses > MOST_LOSSES:
                    raise WorkerLost(f"{losses} times in a row") from error
            todo = [batch for batch in todo if batch not in done]


def _in_turn(
    pool: ProcessPoolExecutor, function: Work, jobs: Sequence[Any], todo: Sequence[range], most: int
) -> Iterator[tuple[range, list[Any]]]:
    """Each batch with its results, as they come, with at most ``most`` under way."""
    waiting, running = iter(todo), dict[Future[list[Any]], range]()
    while True:
        while len(running) < most and (batch := next(waiting, None)) is not None:
            running[pool.submit(_call, function, [jobs[k] for k in batch])] = batch
        if not running:
            return
        ready, _ = wait(running, return_when=FIRST_COMPLETED)
        for future in ready:
            yield running.pop(future), future.result()


_shared: Any = None  # in a worker process


def _remember(shared: Any) -> None:
    global _shared
    _shared = shared


def _call(function: Work, jobs: list[Any]) -> list[Any]:
    return [function(_shared, job) for job in jobs]
