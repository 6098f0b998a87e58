"""What a comparison comes to in a few words: which side is best, and whether anything can stand beside it."""

from __future__ import annotations

from collections.abc import Collection, Iterator, Mapping, Sequence
from dataclasses import dataclass

import numpy as np

from twin.experiments.comparison import ArmResult, ArmVerdict, Comparison
from twin.experiments.robustness import Robustness
from twin.model.changes import Mitigation, dearest
from twin.report.wording import PERCENT, amount, estimated, interval, many, share
from twin.results.metrics import PRIMARY, Metric
from twin.statistics.estimates import Difference, estimate, paired
from twin.statistics.group_sequential import ERROR, holm, least_worlds


@dataclass(frozen=True)
class Best:
    """The arm that loses least. ``equals``: arms that these worlds cannot tell from it. ``helps``: it can be
    told from the baseline, and loses less."""

    arm: ArmResult
    equals: tuple[str, ...]
    helps: bool


def order(a: ArmResult) -> tuple[float, int, str]:
    """Arms in this order have the best first; of equals, the one that changes less."""
    return a.difference[PRIMARY].mean, len(a.arm.variations), a.arm.name


def best_of(arms: Sequence[ArmResult]) -> Best:
    """The best of (ranked) arms; it is compared with each other one in the worlds that both have run in, and
    the p-values are adjusted for how many they are."""
    judged = [a for a in arms if a.verdict != ArmVerdict.NOT_JUDGED]
    first, *others = judged or arms
    differences = [_between(first, other) for other in others]
    adjusted = holm([d.p for d in differences])
    equals = tuple(o.arm.name for o, p in zip(others, adjusted, strict=True) if p > ERROR)
    return Best(first, equals, first.verdict == ArmVerdict.HELPS)


def _between(first: ArmResult, other: ArmResult) -> Difference:
    n = min(len(first.worlds), len(other.worlds))
    return paired(first.values[PRIMARY][:n], other.values[PRIMARY][:n])


def headline(found: Comparison, best: Best) -> str:
    """The answer in a sentence."""
    d, name = best.arm.difference[PRIMARY], best.arm.arm.name
    if not best.helps:
        return f"None of {len(found.arms)} can be told to help" if len(found.arms) > 1 else f"{name}: " + (
            "no difference" if d.identical else "cannot be told to help")  # fmt: skip
    return f"{name} would have saved {_saved(found, best.arm, ' service-minutes')}"


def answers(
    found: Comparison, best: Best, arms: Sequence[ArmResult], front: Collection[str],
    robust: Mapping[str, Robustness],
) -> Iterator[str]:  # fmt: skip
    """The sentences below it: how sure, what is as good or cheaper, what does harm, what cannot be told.
    ``front``: names of those that none beats in both benefit and cost. ``robust``: by arm, where known."""
    m, d = primary(found), best.arm.difference[PRIMARY]
    if best.helps:
        lost = estimate(_without(found, best.arm))
        yield (f"95{PERCENT} interval of the saving: {amount(m, -d.high)} to {amount(m, -d.low)}, over {d.n} "
               f"worlds in which {amount(m, lost.mean)} {interval(m, lost)} are lost otherwise.")  # fmt: skip
        if (r := robust.get(best.arm.arm.name)) is not None:
            yield from _holds(r)
        yield from _beside(best, arms)
        yield from _cheaper(found, best, arms, front)
    elif len(found.worlds) < (enough := least_worlds(len(found.arms) * len(found.metrics))):
        yield f"{len(found.worlds)} worlds tell nothing apart, however large: that takes {enough} or more."
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
    """In how many of the worlds the best helps, and what the variants of the model come to."""
    if r.holds is not None:
        yield (f"It helps, by more than is worth having, in {share(r.holds.ratio)} of the worlds "
               f"[{share(r.holds.low)}, {share(r.holds.high)}].")  # fmt: skip
    if r.robust:
        yield f"It helps in every variant of the model that was asked too: {many([*r.variants], 20)}."
    elif r.robust is False:
        said = "; ".join(f"in {v}: {words}" for v, words in r.against.items())
        yield f"Not so in {len(r.against)} of {len(r.variants)} variants of the model: {said}."


def _beside(best: Best, arms: Sequence[ArmResult]) -> Iterator[str]:
    if len(arms) > 1 and best.equals:
        yield f"It cannot be told from {many(best.equals)}: among these, which one is first is luck in part."
    elif len(arms) > 1:
        yield "It is told apart from every other."


def _cheaper(
    found: Comparison, best: Best, arms: Sequence[ArmResult], front: Collection[str]
) -> Iterator[str]:
    """What helps and costs less, the dearest of it first."""
    mine = dearest(best.arm.arm.variations)
    helps = [
        (a, dearest(a.arm.variations)) for a in arms if a.arm.name in front and a.verdict == ArmVerdict.HELPS
    ]
    said = [f"{a.arm.name} ({cost.class_}) saves {_saved(found, a)}"
            for a, cost in helps if mine and cost and cost.rank < mine.rank]  # fmt: skip
    if mine and said:
        yield f"In a cheaper class than {best.arm.arm.name} ({mine.class_}): {'; '.join(said)}."


def primary(found: Comparison) -> Metric:
    """The measure that ranks."""
    return next(m for m in found.metrics if m.name == PRIMARY)


def _saved(found: Comparison, a: ArmResult, unit: str = "") -> str:
    """'42, 98 % of what was lost'."""
    d, base = a.difference[PRIMARY], float(_without(found, a).mean())
    of_all = f", {share(-d.mean / base)} of what was lost" if base > 0 else ""
    return f"{amount(primary(found), -d.mean)}{unit}{of_all}"


def _without(found: Comparison, a: ArmResult) -> np.ndarray:
    """What the baseline loses in the worlds in which an arm ran."""
    return found.values[PRIMARY][: len(a.worlds)]


def title_of(arm: ArmResult) -> str:
    """What the arm is, in the words of its file."""
    named = [v for v in arm.arm.variations if isinstance(v, Mitigation)]
    own = [v for v in named if v.name == arm.arm.name] or named
    return " · ".join(v.title for v in own if v.title)


def difference(m: Metric, a: ArmResult) -> str:
    """'−42 [−50, −34]', '0' where not one world differs."""
    d = a.difference[m.name]
    if d.identical and m.name != "p_metastable":
        return "0"
    return estimated(m, d, True)
