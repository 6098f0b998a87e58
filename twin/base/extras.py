"""Packages that a few commands need: they are extras, and a first replay does without them."""

from __future__ import annotations

from importlib.util import find_spec

PROJECT = "us-east-1-cascade-twin"
EXTRAS = {"ui": ("streamlit", "altair"), "report": ("matplotlib", "jinja2"), "search": ("optuna",)}


class MissingExtra(ImportError):
    """A package of an extra is not installed; the message says which, who needs it, and how to install it."""


def require_extra(extra: str, user: str) -> None:
    """Raises MissingExtra unless the packages of the extra are installed. ``user`` needs them: a command."""
    missing = [name for name in EXTRAS[extra] if find_spec(name) is None]
    if missing:
        raise MissingExtra(
            f"{user} needs {' and '.join(missing)}, not installed here; install: "
            f"pip install '{PROJECT}[{extra}]', or in a checkout: make extras"
        )
