"""The small station of the two states: clients by chance, the chain, and the command that prints it."""

import json
import math
from pathlib import Path

import numpy as np
import pytest
from click.testing import CliRunner

from twin.analysis import markov
from twin.base import rng
from twin.base.jit import njit
from twin.cli import cli

EXAMPLE = Path(__file__).parents[2] / "scenarios" / "examples" / "two-states.yaml"
LAM, MU, TAU, THETA, AGAIN = 0.5, 1.0, 10.0, 0.1, 0.8
PLACES, ORBIT, COLLAPSED = 40, 60, 30
LAW = 20_726.6
ENTITY = rng.stable_key("two-states")


@njit
def time_to_collapse(again, late, run):
    """Jump by jump, from empty until COLLAPSED are in the queue."""
    n, o, k, t = 0, 0, 0, 0.0
    while n < COLLAPSED:
        u, v = rng.uniforms(1, ENTITY, k, rng.SERVE, run, 0)
        k += 1
        total = LAM + o * THETA + (MU if n > 0 else 0.0)
        t -= math.log1p(-u) / total
        at = v * total
        if at < LAM:
            o = min(o + (at < LAM * late[n] * again), ORBIT)
            n = min(n + 1, PLACES)
        elif at < LAM + o * THETA:
            o -= at - LAM >= o * THETA * late[n] * again
            n = min(n + 1, PLACES)
        else:
            n -= 1
    return t


def times(again: float, runs: int = 400) -> np.ndarray:
    late = markov.late_ratio(PLACES, MU, TAU)
    return np.array([time_to_collapse(again, late, run) for run in range(runs)])


def test_v40b_by_chance() -> None:
    found = times(AGAIN)
    assert abs(found.mean() - LAW) < 4 * found.std(ddof=1) / math.sqrt(len(found))


def test_v40b_notices_clients_who_try_less_often() -> None:
    """Red: with 0.6 in place of 0.8 the station is well for much longer."""
    found = times(0.6, 100)
    assert found.mean() - LAW > 4 * found.std(ddof=1) / math.sqrt(len(found))


def test_v40b_as_the_command_says_it() -> None:
    """``twin metastable`` of the example: load, time-out, tries and waits give this very chain."""
    done = CliRunner().invoke(cli, ["metastable", str(EXAMPLE), "front", "--json"])
    assert done.exit_code == 0, done.output
    reading = json.loads(done.stdout)["markov_chain"]["readings"][0]
    assert reading["well_s"] == pytest.approx(LAW, rel=0.05)
