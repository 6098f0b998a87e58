"""The answer of a comparison in a few sentences: which arm is best, and which others are as good."""

from __future__ import annotations

from collections.abc import Collection, Iterator, Mapping, Sequence
from dataclasses import dataclass

import numpy as np

from twin.experiments.comparison import ArmResult, ArmVerdict, PairedComparison
from twin.experiments.robustness import Robustness
from twin.model.changes import Mitigation, dearest
from twin.report.wording import PERCENT, amount, estimated, interval, many, share
from twin.results.metrics import PRIMARY, Metric
from twin.statistics.estimates import Difference, estimate, paired
from twin.statistics.group_sequential import ERROR, holm, least_worlds


@dataclass(frozen=True)
class Best:
    """The arm that loses least. ``equals``: arms without a significant difference from it.
    ``helps``: it loses significantly less than the baseline."""

    arm: ArmResult
    equals: tuple[str, ...]
    helps: bool


def order(a: ArmResult) -> tuple[float, int, str]:
    """Sort key of arms: the best first; of equal ones, the one with fewer changes."""
    return a.difference[PRIMARY].mean, len(a.arm.variations), a.arm.name


def best_of(arms: Sequence[ArmResult]) -> Best:
    """The best of ranked arms. It is compared with each other arm in the worlds of both, and the p-values are
    adjusted for their number."""
    judged = [a for a in arms if a.verdict != ArmVerdict.NOT_JUDGED]
    first, *others = judged or arms
    differences = [_between(first, other) for other in others]
    adjusted = holm([d.p for d in differences])
    equals = tuple(o.arm.name for o, p in zip(others, adjusted, strict=True) if p > ERROR)
    return Best(first, equals, first.verdict == ArmVerdict.HELPS)


def _between(first: ArmResult, other: ArmResult) -> Difference:
    n = min(len(first.worlds), len(other.worlds))
    return paired(first.values[PRIMARY][:n], other.values[PRIMARY][:n])


def headline(found: PairedComparison, best: Best) -> str:
    """The answer in a sentence."""
    d, name = best.arm.difference[PRIMARY], best.arm.arm.name
    if not best.helps:
        return f"None of {len(found.arms)} helps significantly" if len(found.arms) > 1 else f"{name}: " + (
            "no difference" if d.identical else "no significant difference")  # fmt: skip
    return f"{name} would have saved {_saved(found, best.arm, ' service-minutes')}"


def answers(
    found: PairedComparison, best: Best, arms: Sequence[ArmResult], front: Collection[str],
    robust: Mapping[str, Robustness],
) -> Iterator[str]:  # fmt: skip
    """The sentences below the headline: the interval, arms that are as good or cheaper, then all other arms.

    ``front``: arms that no other arm beats in both benefit and cost. ``robust``: by arm, if known.
    """
    m, d = primary(found), best.arm.difference[PRIMARY]
    if best.helps:
        lost = estimate(_without(found, best.arm))
        yield (f"95{PERCENT} interval of the saving: {amount(m, -d.high)} to {amount(m, -d.low)}, over {d.n} "
               f"worlds. Without it, they lose {amount(m, lost.mean)} {interval(m, lost)}.")  # fmt: skip
        if (r := robust.get(best.arm.arm.name)) is not None:
            yield from _holds(r)
        yield from _beside(best, arms)
        yield from _cheaper(found, best, arms, front)
    elif len(found.worlds) < (enough := least_worlds(len(found.arms) * len(found.metrics))):
        yield f"In {len(found.worlds)} worlds no difference can be significant. It takes {enough} or more."
    groups = {word: [a.arm.name for a in arms if a.verdict == word] for word in _SAID}
    for word, sentence in _SAID.items():
        names = [n for n in groups[word] if n != best.arm.arm.name or word != ArmVerdict.HELPS]
        if names:
            yield f"{sentence}: {many(names)}."


_SAID = {
    ArmVerdict.HELPS: "Also significantly better than the baseline",
    ArmVerdict.HARMS: "Significantly worse than the baseline",
    ArmVerdict.HARDLY_HELPS: "Better, by less than is worth having",
    ArmVerdict.HARDLY_HARMS: "Worse, by less than matters",
    ArmVerdict.NOT_JUDGED: "Not judged, as the effect depends on a coincidence",
    ArmVerdict.NOT_SIGNIFICANT: "No significant difference from the baseline",
    ArmVerdict.TOO_SMALL: "No difference worth having",
    ArmVerdict.IDENTICAL: "No difference at all, in any world",
}


def _holds(r: Robustness) -> Iterator[str]:
    """In how many worlds the best arm helps, and whether the variants of the model agree."""
    if r.holds is not None:
        yield (f"It helps, by more than is worth having, in {share(r.holds.ratio)} of the worlds "
               f"[{share(r.holds.low)}, {share(r.holds.high)}].")  # fmt: skip
    if r.robust:
        yield f"It also helps in every variant of the model: {many([*r.variants], 20)}."
    elif r.robust is False:
        for about, says in r.hangs_on.items():
            yield f"It hangs on the model, on {about}: {says}."


def _beside(best: Best, arms: Sequence[ArmResult]) -> Iterator[str]:
    if len(arms) > 1 and best.equals:
        equals = many(best.equals)
        yield f"It is not significantly better than {equals}. The order among these is partly chance."
    elif len(arms) > 1:
        yield "It is significantly better than every other arm."


def _cheaper(
    found: PairedComparison, best: Best, arms: Sequence[ArmResult], front: Collection[str]
) -> Iterator[str]:
    """Arms that help and cost less."""
    mine = dearest(best.arm.arm.variations)
    helps = [
        (a, dearest(a.arm.variations)) for a in arms if a.arm.name in front and a.verdict == ArmVerdict.HELPS
    ]
    cheaper = [f"{a.arm.name} ({cost.class_}) saves {_saved(found, a)}"
            for a, cost in helps if mine and cost and cost.rank < mine.rank]  # fmt: skip
    if mine and cheaper:
        yield f"In a cheaper class than {best.arm.arm.name} ({mine.class_}): {'; '.join(cheaper)}."


def primary(found: PairedComparison) -> Metric:
    """The metric that ranks."""
    return next(m for m in found.metrics if m.name == PRIMARY)


def _saved(found: PairedComparison, a: ArmResult, unit: str = "") -> str:
    """'42, 98 % of the loss'."""
    d, base = a.difference[PRIMARY], float(_without(found, a).mean())
    of_all = f", {share(-d.mean / base)} of the loss" if base > 0 else ""
    return f"{amount(primary(found), -d.mean)}{unit}{of_all}"


def _without(found: PairedComparison, a: ArmResult) -> np.ndarray:
    """The loss of the baseline in the worlds of an arm."""
    return found.values[PRIMARY][: len(a.worlds)]


def title_of(arm: ArmResult) -> str:
    """The titles of the arm's mitigations."""
    named = [v for v in arm.arm.variations if isinstance(v, Mitigation)]
    own = [v for v in named if v.name == arm.arm.name] or named
    return " · ".join(v.title for v in own if v.title)


def difference(m: Metric, a: ArmResult) -> str:
    """'−42 [−50, −34]', '0' if no world differs."""
    d = a.difference[m.name]
    if d.identical and m.name != "p_metastable":
        return "0"
    return estimated(m, d, True)
