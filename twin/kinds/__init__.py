"""The kinds of service, one file each. A new file in this folder is a new kind; nothing else names it."""

from __future__ import annotations

import importlib
import pkgutil
from functools import cache
from types import ModuleType

from twin.model.kind import About

NOTHING_SPECIAL = About()


@cache
def registry() -> dict[str, ModuleType]:
    """Every kind by name, in the order of names. A kind is a module, or a package where it is big. It has
    PARAMETERS, BREAKS, ABOUT, DRAWS, STATE, EVENTS, cells, init and check; step, or configure and capacity if
    it is stepped one by one, or all three (see ``CONTRIBUTING.md``)."""
    names = sorted(m.name for m in pkgutil.iter_modules(__path__))
    return {name: importlib.import_module(f"{__name__}.{name}") for name in names}


def about(kind: str) -> About:
    """What a kind says of itself. Raises KeyError for a kind that is not there."""
    return getattr(registry()[kind], "ABOUT", NOTHING_SPECIAL)


def kinds_that(trait: str) -> list[str]:
    """Names of the kinds that say so of themselves: ``is_customers``, ``is_plain``, …; in order."""
    return [kind for kind in registry() if getattr(about(kind), trait)]
