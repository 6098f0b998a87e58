"""What the commands that run studies share: the folder, the workers, what a person sees meanwhile."""

from __future__ import annotations

import sys
import time
from collections.abc import Callable, Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING

import click

from twin.base.places import STUDIES
from twin.cli import _show as show
from twin.cli._errors import BadInput
from twin.cli._execute import compile_once

if TYPE_CHECKING:
    from twin.experiments.study import Study
    from twin.model.changes import Variant
    from twin.model.scenario import Scenario

RAY_PAYS = 24  # runs, from which starting Ray is worth its seconds
RUN_CORE_S = 1.2  # of an 18.5 h replay; other runs by their length
REPLAY_S = 18.5 * 3600


@dataclass(frozen=True)
class Options:
    """Of a study, as given."""

    folder: Path | None
    runner: str
    actors: int
    address: str | None


@contextmanager
def study(
    bases: Mapping[str, Scenario], given: Options, runs: int, variants: Mapping[str, Variant] | None = None
) -> Iterator[tuple[Study, Callable[[int], None]]]:
    """(the study, what to tell how many runs are made); ``runs``: how many there may be."""
    from twin.experiments.study import Setting, Study

    if given.address and given.runner != "ray":
        raise BadInput("--address: only with --runner ray")
    setting = Setting(dict(bases), variants or {})
    runner = given.runner if given.runner != "auto" else "ray" if runs >= RAY_PAYS else "inline"
    workers = 1 if runner == "inline" else given.actors
    for base in bases.values():
        compile_once(base)
    folder = given.folder or STUDIES / setting.name()
    with Study(setting, folder, runner=runner, workers=workers, address=given.address) as opened:
        known = len(opened.done)
        before = f" ({known} runs are in the folder already)" if known else ""
        takes = span(_expected_s(bases, runs, workers))
        show.say(f"at most {runs} runs: {takes} on {_where(runner, workers)}; {folder}{before}")
        with told(runs) as tick:
            yield opened, tick


def _where(runner: str, workers: int) -> str:
    return {"ray": f"{workers} Ray actors", "process": f"{workers} processes"}.get(runner, "this process")


def _expected_s(bases: Mapping[str, Scenario], runs: int, workers: int) -> float:
    """How long so many runs may take."""
    mean_s = sum(base.duration_s for base in bases.values()) / len(bases)
    return runs * max(0.05, RUN_CORE_S * mean_s / REPLAY_S) / workers


def span(seconds: float) -> str:
    """'about 40 s', 'about 6 min'."""
    return f"about {seconds:.0f} s" if seconds < 90 else f"about {seconds / 60:.0f} min"


@contextmanager
def told(total: int) -> Iterator[Callable[[int], None]]:
    """What to call with the number of runs made: it says so on stderr, with the time that is left."""
    began = time.monotonic()
    said = [0.0]

    def tick(done: int) -> None:
        now, most = time.monotonic(), max(total, done)
        every_s = 0.2 if sys.stderr.isatty() else 10.0
        if now - said[0] < every_s and done < total:
            return
        said[0] = now
        left_s = (now - began) / max(1, done) * (most - done)
        text = f"{done} of {most} runs, {span(left_s)} left"
        if sys.stderr.isatty():
            click.echo(f"\r{text}\x1b[K", err=True, nl=False)
        else:
            show.say(text)

    yield tick
    if sys.stderr.isatty():
        click.echo("\r\x1b[K", err=True, nl=False)
