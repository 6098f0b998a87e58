"""YAML → model. Every problem of every file at once, each with file, line, column, found, expected, hint.

``tree`` reads YAML with places, ``values`` turns text into typed values by the kinds' own records,
``topology``, ``scenario`` and ``sources`` check each kind of file, ``validate`` hands the rest to pydantic,
``overrides`` changes a loaded scenario, ``variations`` reads files that do, ``bases`` loads scenarios and
what stands on one, ``mitigations`` what one applies several of at once, ``clashes`` says which contradict
each other, ``schemas`` makes the JSON Schemas for editors.
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
