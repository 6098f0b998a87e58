"""Durations that may not have ended: Kaplan-Meier against a textbook, restricted means against arithmetic."""

import math

import numpy as np
import pytest

from twin.statistics import kaplan_meier, paired_restricted_mean, restricted_mean, survival

# Weeks in remission on 6-mercaptopurine (Freireich et al., Blood 21, 1963), as in textbooks.
CENSORED = [6, 9, 10, 11, 17, 19, 20, 25, 32, 32, 34, 35]
ENDED = [6, 6, 6, 7, 10, 13, 16, 22, 23]
CURVE = {6: 0.857, 7: 0.807, 10: 0.753, 13: 0.690, 16: 0.627, 22: 0.538, 23: 0.448}


def test_kaplan_meier_of_the_textbook():
    curve = kaplan_meier(CENSORED + ENDED, np.repeat([False, True], [len(CENSORED), len(ENDED)]), 35.0)
    at = dict(zip(curve.times_s.tolist(), curve.still, strict=True))
    assert {t: at[t] for t in CURVE} == pytest.approx(CURVE, abs=5e-4)
    assert curve.median_s == 23
    assert ((curve.low <= curve.still) & (curve.still <= curve.high)).all()


def test_a_restricted_mean_is_the_area_under_the_curve():
    durations = [1.0, 2.0, 3.0, math.inf]
    assert restricted_mean(durations, 4.0).mean == 2.5
    curve = survival(durations, 4.0)
    assert (curve.median_s, curve.still[-1]) == (2.0, 0.25)


def test_what_never_ends_is_not_left_out():
    """The mean of those that ended is 2 s on both sides, though one side lost half of them."""
    base, mine = [1.0, 2.0, 3.0, 2.0], [1.0, math.inf, 3.0, math.inf]
    found = paired_restricted_mean(mine, base, 10.0)
    assert found.mean == (0 + 8 + 0 + 8) / 4
    ended = [np.mean([d for d in side if d < math.inf]) for side in (mine, base)]
    assert ended[0] == ended[1]


def test_nothing_ends_or_everything_does():
    assert survival([math.inf] * 3, 5.0).median_s == math.inf
    assert survival([0.0] * 3, 5.0).median_s == 0.0


@pytest.mark.parametrize(("durations", "horizon_s"), [([-1.0], 5.0), ([math.nan], 5.0), ([1.0], math.inf)])
def test_what_is_no_duration_is_refused(durations: list, horizon_s: float):
    with pytest.raises(ValueError):
        restricted_mean(durations, horizon_s)
