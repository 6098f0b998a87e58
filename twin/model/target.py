"""What a setting names: a parameter of a service, or a number of a dependency."""

from __future__ import annotations

from functools import lru_cache
from typing import NamedTuple

ARROW = "->"
AT = "@"  # between a service and one of its zones


class Target(NamedTuple):
    """``service.parameter``, ``caller->callee.number``, or a whole dependency, ``caller->callee``.

    ``service`` is the caller where a dependency is named; ``callee`` is then its callee, else ''. ``name`` is
    that of the parameter or number, '' for a whole dependency.
    """

    service: str
    callee: str
    name: str

    @classmethod
    @lru_cache(4096)  # a ramp sets the same target every signal period
    def parse(cls, text: str) -> Target:
        """The parts of ``text``, without the spaces around them. Never raises: it does not look names up."""
        owner, dot, name = text.rpartition(".")
        if not dot and ARROW in name:
            owner, name = name, ""
        service, _, callee = (part.strip() for part in owner.partition(ARROW))
        return cls(service, callee, name)

    @property
    def is_dependency(self) -> bool:
        """Whether it belongs to a dependency."""
        return self.callee != ""

    @property
    def edge(self) -> tuple[str, str]:
        """(caller, callee)."""
        return self.service, self.callee

    @property
    def owner(self) -> str:
        """The service, or ``caller->callee``."""
        return f"{self.service}{ARROW}{self.callee}" if self.is_dependency else self.service

    def __str__(self) -> str:
        return f"{self.owner}.{self.name}" if self.name else self.owner
