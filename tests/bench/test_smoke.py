"""The bench itself works: each stopwatch runs once, on something small, and no time is judged."""

import pytest

import twin

from . import measure
from .measure import SCENARIO, engine_s, figure
from .test_ctmc import seconds
from .test_studies import jobs, run_job, setting


def test_the_engine_is_timed() -> None:
    assert engine_s(twin.load(SCENARIO, until="+10m"), repeats=1) > 0.0


def test_a_chain_is_timed() -> None:
    assert seconds(200, 9) > 0.0


def test_a_run_of_a_study_is_made() -> None:
    small = setting("+10m")
    assert run_job(small, jobs(1)[0])


def test_a_target_of_time_grows_on_a_slow_machine(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(measure, "yardstick_s", lambda: 2 * measure.YARDSTICK_S)
    assert figure("time", 1.5, "s", 1.0)
    assert not figure("time", 2.5, "s", 1.0)
    assert not figure("memory", 1.5, "MB", 1.0), "memory does not depend on speed"
