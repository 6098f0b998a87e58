"""Metastability of a service and its loop: does a failure outlive its trigger, what tips it, what ends it?

| module                 | what it does                                              |
| ---------------------- | --------------------------------------------------------- |
| ``loads``              | calls a second while nothing is wrong, exact              |
| ``loop``               | finds the services that can keep each other down          |
| ``isolate``            | puts them into a small world of their own                 |
| ``moment``             | the same, as a scenario has left them                     |
| ``probe``              | pushes the service and judges the result                  |
| ``triggers``           | finds the smallest pushes that tip it                     |
| ``ways``               | finds what ends the collapse                              |
| ``laws, thermometer``  | compare closed forms and a Markov chain with the runs     |
| ``study``              | puts it all together                                      |
"""

from twin.analysis.metastability.report import stability_document
from twin.analysis.metastability.study import StabilityStudy, study_stability

__all__ = ["StabilityStudy", "stability_document", "study_stability"]
