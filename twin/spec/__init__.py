"""YAML → model. Every problem of every file at once, each with file, line, column, found, expected, hint.

- ``tree``, ``rows``: YAML and CSV as trees in which each value knows its place.
- ``examples``: files whose numbers need no origin of their own.
- ``values``: text becomes a typed value, as the record of a kind's parameter says.
- ``topology``, ``scenario``, ``sources``, ``barriers``, ``defects``: the checks of each sort of file.
- ``contradictions``, ``stores``: dependencies whose words exclude each other, stores that fill without end.
- ``validate``: the rest is checked by pydantic.
- ``overrides``: changes to a loaded scenario. ``variations``: files with such changes.
- ``bases``: scenarios, and files that name a scenario as their base.
- ``mitigations``: several at once. ``clashes``: which of them contradict each other.
- ``doubts``: what is allowed and probably not meant: ``unread`` numbers, ``levels`` that no signal crosses,
  ``idle_steps``, ``quiet_trouble`` before the first fault.
- ``files``: any file, as its keys say what it is.
- ``inputs``: every number of a scenario with its origin.
- ``schemas``: JSON Schemas for editors.
"""

from twin.spec.arguments import override, read_changes, read_moment
from twin.spec.barriers import load_barriers
from twin.spec.bases import load_scenario, load_what_if
from twin.spec.defects import load_defects
from twin.spec.mitigations import find_mitigations, load_mitigation, load_mitigations
from twin.spec.overrides import fold, vary
from twin.spec.problems import Problem, SpecError, argument_problem, did_you_mean
from twin.spec.sources import load_published, load_sources
from twin.spec.topology import load_topology
from twin.spec.variations import load_actions, load_variant

__all__ = [
    "Problem",
    "SpecError",
    "argument_problem",
    "did_you_mean",
    "find_mitigations",
    "fold",
    "load_actions",
    "load_barriers",
    "load_defects",
    "load_mitigation",
    "load_mitigations",
    "load_published",
    "load_scenario",
    "load_sources",
    "load_topology",
    "load_variant",
    "load_what_if",
    "override",
    "read_changes",
    "read_moment",
    "vary",
]
