"""Shared by the commands that make many runs: the folder, the workers, the progress on stderr."""

from __future__ import annotations

import sys
import time
from collections.abc import Mapping
from typing import TYPE_CHECKING, Any

import click

from twin.cli import _show as show
from twin.cli._errors import BadInput
from twin.cli._execute import compile_once

if TYPE_CHECKING:
    from twin.experiments.opened import StudySettings
    from twin.experiments.study import Study


def settings_of(options: Mapping[str, Any]) -> StudySettings:
    """Where a command makes its runs, from its options. Raises BadInput."""
    from twin.experiments.opened import StudySettings
    from twin.experiments.pool import PoolSettings

    try:
        pool = PoolSettings(options["runner"], options["actors"], options["address"])
    except ValueError as error:
        raise BadInput(f"--{error}") from None
    return StudySettings(options.get("folder"), pool, reporter())


def reporter() -> Any:
    """What tells a person on stderr how a study goes."""
    from twin.experiments.study import Reporter

    class OnStderr(Reporter):
        """The runs that may be made and their time; then progress, with the time that is left."""

        def begins(self, study: Study, runs: int) -> None:
            for base in study.setting.bases.values():
                compile_once(base)
            known = len(study.done)
            before = f" ({known} runs are in the folder already)" if known else ""
            takes = span(study.expected_s(runs))
            where = f"{study.settings.words}; {study.store.folder}{before}"
            show.say(f"{runs} runs planned: {takes} on {where}")
            self.runs, self.began, self.last = runs, time.monotonic(), 0.0

        def made(self, runs: int) -> None:
            now, most = time.monotonic(), max(self.runs, runs)
            every_s = 0.2 if sys.stderr.isatty() else 10.0
            if now - self.last < every_s and runs != self.runs:
                return
            self.last = now
            left_s = (now - self.began) / max(1, runs) * (most - runs)
            text = f"{runs} of {most} runs, {span(left_s)} left"
            if sys.stderr.isatty():
                click.echo(f"\r{text}\x1b[K", err=True, nl=False)
            else:
                show.say(text)

        def says(self, text: str) -> None:
            show.say(text)

        def ends(self) -> None:
            if sys.stderr.isatty():
                click.echo("\r\x1b[K", err=True, nl=False)

    return OnStderr()


def span(seconds: float) -> str:
    """'about 40 s', 'about 6 min'."""
    return f"about {seconds:.0f} s" if seconds < 90 else f"about {seconds / 60:.0f} min"
