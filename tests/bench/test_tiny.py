"""What a run of the tiny scenario costs, on which comparisons are tested for their honesty."""

import time

import twin
from tests.experiments.honesty.small import TINY, measured

from .measure import figure


def test_a_run_takes_ten_milliseconds_at_most() -> None:
    measured(twin.run(TINY))
    began = time.process_time()
    for replicate in range(100):
        measured(twin.run(TINY, replicate=replicate))
    each_ms = (time.process_time() - began) * 10
    assert figure("tiny scenario, a run with its measures", each_ms, "ms", 10.0)
