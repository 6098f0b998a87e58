"""Where a study is made: its folder, its workers, and who hears how it goes."""

from __future__ import annotations

import os
from collections.abc import Mapping
from dataclasses import dataclass, field
from pathlib import Path

from twin.base.places import STUDIES
from twin.experiments.pool import PoolSettings
from twin.experiments.study import Job, Reporter, Setting, Study
from twin.model.changes import Variant
from twin.model.scenario import Scenario
from twin.spec.arguments import check_counts, check_runner
from twin.spec.problems import argument_problem


def studies_folder() -> Path:
    """The folder of all studies: TWIN_STUDIES, else that of ``twin.base.places``."""
    return Path(os.environ.get("TWIN_STUDIES") or STUDIES)


@dataclass(frozen=True)
class StudySettings:
    """``folder``: of the study; by default one for the scenario and the code, in ``studies_folder()``, which
    all experiments with that scenario share. ``pool``: the workers. ``reporter``: hears of the progress."""

    folder: Path | None = None
    pool: PoolSettings = field(default_factory=PoolSettings)
    reporter: Reporter = field(default_factory=Reporter)


def settings_with(
    settings: StudySettings | None, runner: str, actors: int, address: str | None, study: Path | str | None
) -> StudySettings:
    """``settings`` if given, else those of the four arguments of a function. Raises SpecError."""
    if settings is not None:
        if (runner, actors, address, study) != ("auto", 2, None, None):
            expected = "either settings, or runner, actors, address and study"
            raise argument_problem("settings", "both", expected)
        return settings
    check_counts(1, actors=actors)
    check_runner(runner, address)
    return StudySettings(None if study is None else Path(study), PoolSettings(runner, actors, address))


def open_study(
    bases: Mapping[str, Scenario], settings: StudySettings | None = None, *, runs: int = 0,
    planned: Mapping[Job, int] | None = None, variants: Mapping[str, Variant] | None = None,
) -> Study:  # fmt: skip
    """The study of these scenarios in its folder; ``runs`` and ``planned`` are those of ``Study``. Raises
    OtherStudy, OSError."""
    settings = settings or StudySettings()
    setting = Setting(dict(bases), variants or {})
    folder = settings.folder or studies_folder() / setting.name()
    return Study(setting, folder, settings.pool, runs=runs, planned=planned, reporter=settings.reporter)
