"""What an outcome may hang on: the numbers of its subject, and of all that it depends on, directly or not."""

from __future__ import annotations

from collections.abc import Collection, Mapping, Sequence
from itertools import chain, zip_longest

from twin.spec.inputs import UncertainInput


def upstream_of(service: str, callees: Mapping[str, Sequence[str]]) -> list[str]:
    """The service, then what it depends on, the nearest first."""
    found, new = [service], [service]
    while new:
        near = dict.fromkeys(callee for name in new for callee in callees.get(name, ()))
        new = [name for name in near if name not in found]
        found += new
    return found


def open_numbers(
    service: str,
    callees: Mapping[str, Sequence[str]],
    numbers: Sequence[UncertainInput],
    troubled: Collection[str] = (),
) -> list[str]:
    """Targets of the numbers without a source, and of the fitted ones, of a service and of what is upstream.

    One of each service in turn, so that the first few are not all of its own. If any service upstream was
    ``troubled``, only such services count: what was well has not moved it.
    """
    upstream = upstream_of(service, callees)
    if any(name in troubled for name in upstream[1:]):
        upstream = [service, *(name for name in upstream[1:] if name in troubled)]
    open_ones = [n for n in numbers if n.given and (n.is_unsourced or n.fitted_to)]
    of_each = [[n.target for n in open_ones if n.service == name] for name in upstream]
    return [target for target in chain.from_iterable(zip_longest(*of_each)) if target]
