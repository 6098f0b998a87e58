"""How robust the claims of twin compare are: over the prior, over the variants of the model."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from twin.experiments.comparison import PairedComparison
    from twin.experiments.robustness import Robustness


def columns(robust: Mapping[str, Robustness]) -> tuple[str, ...]:
    """Headings of what ``cells`` says."""
    in_variants = any(r.variants for r in robust.values())
    return ("holds in", *(("variants",) if in_variants else ())) if robust else ()


def cells(robust: Mapping[str, Robustness], name: str) -> Iterator[str]:
    """'91 % [83, 95]', and what the variants say."""
    if not robust:
        return
    r = robust[name]
    if r.holds is None:
        yield ""
    else:
        yield f"{r.holds.ratio:.0%} [{r.holds.low:.0%}, {r.holds.high:.0%}]"
    if r.variants:
        yield {True: "robust", None: ""}.get(r.robust, "hangs on the model")


def notes(found: PairedComparison, robust: Mapping[str, Robustness]) -> Iterator[str]:
    """What the column means, and what decides."""
    from twin.experiments.robustness import best_first, decider_lines

    for name, r in robust.items():
        for about, says in r.hangs_on.items():
            yield f"{name} hangs on the model, on {about}: {says}."
    if any(r.holds for r in robust.values()):
        of = "of the prior" if found.plan.draws else "of the worlds, which differ in noise alone"
        yield f"Holds in: the share {of} in which it is so, by more than is worth having, with Wilson's 95 %."
    if found.plan.draws:
        yield from decider_lines(best_first(found, robust), len(found.worlds))
