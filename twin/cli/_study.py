"""Shared by the commands that make many runs: the folder, the workers, the progress on stderr."""

from __future__ import annotations

import sys
import time
from collections.abc import Mapping
from typing import TYPE_CHECKING, Any

import click

from twin.cli import _show as show
from twin.cli._errors import BadInput
from twin.cli._execute import compile_once, tell_of_ray

if TYPE_CHECKING:
    from twin.experiments.opened import StudySettings
    from twin.experiments.study import Study


def settings_of(options: Mapping[str, Any]) -> StudySettings:
    """Where a command makes its runs, from its options. Raises BadInput."""
    from twin.experiments.opened import StudySettings
    from twin.experiments.pool import PoolSettings

    tell_of_ray()
    try:
        pool = PoolSettings(options["runner"], options["actors"], options["address"])
    except ValueError as error:
        raise BadInput(f"--{error}") from None
    return StudySettings(options.get("folder"), pool, reporter())


def reporter() -> Any:
    """What tells a person on stderr how a study goes."""
    from twin.experiments.study import Reporter

    class OnStderr(Reporter):
        """The planned runs and their time; then progress, with the time that is left."""

        def begins(self, study: Study, runs: int) -> None:
            for base in study.setting.bases.values():
                compile_once(base)
            show.say(planned_words(study, runs))
            self.study, self.left, self.last = study, study.left, 0.0

        def made(self, runs: int) -> None:
            now = time.monotonic()
            every_s = 0.2 if sys.stderr.isatty() else 10.0
            ends = self.left and not self.study.left
            if now - self.last < every_s and not ends:
                return
            self.last, self.left = now, self.study.left
            text = progress_words(self.study)
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


def planned_words(study: Study, runs: int) -> str:
    """'16 runs planned, 8 of them in the folder already: about 20 s on this process; FOLDER'."""
    known = f"{study.known} of them in the folder already"
    if study.planned and not study.left:
        return f"{runs} runs planned, all in the folder already; {study.store.folder}"
    takes = f"{span(study.expected_s(study.left))} on {study.settings.words}; {study.store.folder}"
    if study.known:
        return f"{runs} runs planned, {known}: {takes}"
    if study.done and sum(study.planned.values()) < runs:
        return f"{runs} runs planned: at most {takes} ({len(study.done)} runs are in the folder already)"
    return f"{runs} runs planned: {takes}"


def progress_words(study: Study) -> str:
    """'3 of 16 runs, about 7 s left (and 8 short runs to screen worlds)'."""
    short = f" (and {show.counted(study.screening, 'short run')} to screen worlds)" if study.screening else ""
    return f"{study.answered} of {study.runs} runs, {span(study.left_s())} left{short}"


def span(seconds: float) -> str:
    """'about 40 s', 'about 6 min'."""
    return f"about {seconds:.0f} s" if seconds < 90 else f"about {seconds / 60:.0f} min"
