"""``njit`` as this package uses it: one compilation a function, and no exception for a division by zero.

Numba compiles a function anew for each constant that it is called with, and everything below it too. A draw is
called with another purpose from every line of every kind, so the loop took two minutes to compile. Here a constant
argument counts as its type only.
"""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import numba
from numba.core import types


def njit(function: Callable | None = None, **options: Any) -> Any:
    """As ``numba.njit``; constants among the arguments do not make a compilation of their own."""
    if function is None:
        return lambda f: njit(f, **options)
    dispatcher = numba.njit(**{"error_model": "numpy", **options})(function)
    if hasattr(dispatcher, "get_call_template"):
        _forget_constants(dispatcher)
    return dispatcher


def _forget_constants(dispatcher: Any) -> None:
    resolve = dispatcher.get_call_template

    def get_call_template(args: tuple, kws: dict) -> Any:
        plain = {name: types.unliteral(kind) for name, kind in kws.items()}
        return resolve(tuple(types.unliteral(kind) for kind in args), plain)

    dispatcher.get_call_template = get_call_template
