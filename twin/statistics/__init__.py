"""What many runs say together, and how sure: arithmetic on arrays, which knows no scenario and reads no file.

Two sides of a comparison are **paired**: value k of one and value k of the other come from the same world
(common random numbers). Intervals are of 95 %, tests two-sided. Every value is finite: a caller restricts
what never ends to a horizon first (``durations``), or counts it (``proportions``).
"""

from twin.statistics.attribution import (
    Attribution,
    Interaction,
    Plan,
    attribute,
    interaction,
    plan_attribution,
    shapley,
)
from twin.statistics.durations import (
    Survival,
    kaplan_meier,
    paired_restricted_mean,
    restricted_mean,
    survival,
)
from twin.statistics.estimates import (
    CONFIDENCE,
    Band,
    Difference,
    Estimate,
    curve_band,
    estimate,
    paired,
    pareto,
    sign_flip_p,
)
from twin.statistics.families import (
    ERROR,
    Look,
    Verdict,
    distinguishable,
    holm,
    least_worlds,
    looks,
    verdicts,
)
from twin.statistics.proportions import Proportion, mcnemar_p, paired_proportions, wilson

__all__ = [
    "CONFIDENCE", "ERROR", "Attribution", "Band", "Difference", "Estimate", "Interaction", "Look", "Plan",
    "Proportion", "Survival", "Verdict", "attribute", "curve_band", "distinguishable", "estimate", "holm",
    "interaction", "kaplan_meier", "least_worlds", "looks", "mcnemar_p", "paired", "paired_proportions",
    "paired_restricted_mean", "pareto", "plan_attribution", "restricted_mean", "shapley", "sign_flip_p",
    "survival", "verdicts", "wilson",
]  # fmt: skip
