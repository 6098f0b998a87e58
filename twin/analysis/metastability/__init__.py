"""Metastability of one service: does a failure outlive its trigger, what tips it, and what ends it?

``isolate`` puts a service into a small world of its own, ``moment`` as a scenario has left it; ``probe``
pushes it and judges what is left; ``triggers`` finds the smallest pushes that tip it, ``ways`` what ends the
collapse; ``laws`` and ``thermometer`` hold closed forms and a Markov chain against the runs; ``study`` puts
it all together.
"""

from twin.analysis.metastability.report import stability_document
from twin.analysis.metastability.study import StabilityStudy, study_stability

__all__ = ["StabilityStudy", "stability_document", "study_stability"]
