"""The kinds of service, one file each. A new file in this folder is a new kind; nothing else names it."""

from __future__ import annotations

import importlib
import pkgutil
from functools import cache
from types import ModuleType


@cache
def registry() -> dict[str, ModuleType]:
    """Every kind by name, in the order of names. A kind is a module with PARAMETERS, STATE, EVENTS, cells,
    init and step (see ``twin/kinds/README.md``)."""
    names = sorted(m.name for m in pkgutil.iter_modules(__path__))
    return {name: importlib.import_module(f"{__name__}.{name}") for name in names}
