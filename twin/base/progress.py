"""How far long work has come, for whoever shows it. Nobody listens unless somebody has set a listener."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from contextlib import contextmanager

Listener = Callable[[str, int, int], None]  # what is done, how much of it, of how much
_listeners: list[Listener] = []


@contextmanager
def listening(listener: Listener) -> Iterator[None]:
    """Tell ``listener`` of the progress of everything that is done inside."""
    _listeners.append(listener)
    try:
        yield
    finally:
        _listeners.remove(listener)


def report_progress(what: str, done: int, total: int) -> None:
    """Say how far ``what`` has come."""
    for listener in _listeners:
        listener(what, done, total)
