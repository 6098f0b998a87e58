"""What many runs say together, and how sure: arithmetic on arrays, which knows no scenario and reads no file.

Two sides of a comparison are **paired**: value k of one and value k of the other come from the same world
(common random numbers). Intervals are of 95 %, tests two-sided. Every value is finite: a caller restricts
what never ends to a horizon first (``durations``), or counts it (``proportions``).
"""

from twin.statistics.attribution import (
    Attribution,
    AttributionPlan,
    Interaction,
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
from twin.statistics.group_sequential import (
    ERROR,
    InterimLook,
    LookVerdict,
    holm,
    interim_looks,
    least_worlds,
    significant,
    verdicts,
)
from twin.statistics.proportions import Proportion, mcnemar_p, paired_proportions, wilson

__all__ = [
    "CONFIDENCE",
    "ERROR",
    "Attribution",
    "AttributionPlan",
    "Band",
    "Difference",
    "Estimate",
    "Interaction",
    "InterimLook",
    "LookVerdict",
    "Proportion",
    "Survival",
    "attribute",
    "curve_band",
    "estimate",
    "holm",
    "interaction",
    "interim_looks",
    "kaplan_meier",
    "least_worlds",
    "mcnemar_p",
    "paired",
    "paired_proportions",
    "paired_restricted_mean",
    "pareto",
    "plan_attribution",
    "restricted_mean",
    "shapley",
    "sign_flip_p",
    "significant",
    "survival",
    "verdicts",
    "wilson",
]  # fmt: skip
