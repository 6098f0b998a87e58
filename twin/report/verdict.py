"""What a comparison comes to in a few words: which side is best, and whether anything can stand beside it."""

from __future__ import annotations

from collections.abc import Collection, Iterator, Mapping, Sequence
from dataclasses import dataclass

import numpy as np

from twin.experiments.compare import PRIMARY, Compared, Comparison, Measure
from twin.experiments.robustness import Robustness
from twin.model.changes import Mitigation, dearest
from twin.report.wording import PERCENT, amount, estimated, interval, many, share
from twin.statistics.estimates import Difference, estimate, paired
from twin.statistics.families import ERROR, holm, least_worlds


@dataclass(frozen=True)
class Best:
    """The arm that loses least. ``equals``: arms that these worlds cannot tell from it. ``helps``: it can be
    told from the baseline, and loses less."""

    arm: Compared
    equals: tuple[str, ...]
    helps: bool


def order(a: Compared) -> tuple[float, int, str]:
    """Arms in this order have the best first; of equals, the one that changes less."""
    return a.difference[PRIMARY].mean, len(a.arm.variations), a.arm.name


def best_of(arms: Sequence[Compared]) -> Best:
    """The best of (ranked) arms; it is compared with each other one in the worlds that both have run in, and
    the p-values are adjusted for how many they are."""
    judged = [a for a in arms if a.words != "not judged"]
    first, *others = judged or arms
    differences = [_between(first, other) for other in others]
    adjusted = holm([d.p for d in differences])
    equals = tuple(o.arm.name for o, p in zip(others, adjusted, strict=True) if p > ERROR)
    return Best(first, equals, first.words == "helps")


def _between(first: Compared, other: Compared) -> Difference:
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
    found: Comparison, best: Best, arms: Sequence[Compared], front: Collection[str],
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
    elif len(found.worlds) < (enough := least_worlds(len(found.arms) * len(found.measures))):
        yield f"{len(found.worlds)} worlds tell nothing apart, however large: that takes {enough} or more."
    groups = {word: [a.arm.name for a in arms if a.words == word] for word in _SAID}
    for word, sentence in _SAID.items():
        names = [n for n in groups[word] if n != best.arm.arm.name or word != "helps"]
        if names:
            yield f"{sentence}: {many(names)}."


_SAID = {
    "helps": "Also told from the baseline, for the better",
    "harms": "Told from the baseline, for the worse",
    "hardly helps": "For the better, by less than is worth having",
    "hardly harms": "For the worse, by less than is worth minding",
    "not judged": "Not judged, as what they do hangs on a coincidence",
    "cannot be told apart": "Cannot be told from the baseline",
    "no difference worth having": "No difference worth having",
    "no difference at all": "No difference at all, in any world",
}


def _holds(r: Robustness) -> Iterator[str]:
    """In how many of the worlds the best helps, and what the variants of the model come to."""
    if r.held is not None:
        yield (f"It helps, by more than is worth having, in {share(r.held.ratio)} of the worlds "
               f"[{share(r.held.low)}, {share(r.held.high)}].")  # fmt: skip
    if r.robust:
        yield f"It helps in every variant of the model that was asked too: {many([*r.variants], 20)}."
    elif r.robust is False:
        said = "; ".join(f"in {v}: {words}" for v, words in r.against.items())
        yield f"Not so in {len(r.against)} of {len(r.variants)} variants of the model: {said}."


def _beside(best: Best, arms: Sequence[Compared]) -> Iterator[str]:
    if len(arms) > 1 and best.equals:
        yield f"It cannot be told from {many(best.equals)}: among these, which one is first is luck in part."
    elif len(arms) > 1:
        yield "It is told apart from every other."


def _cheaper(
    found: Comparison, best: Best, arms: Sequence[Compared], front: Collection[str]
) -> Iterator[str]:
    """What helps and costs less, the dearest of it first."""
    mine = dearest(best.arm.arm.variations)
    helps = [(a, dearest(a.arm.variations)) for a in arms if a.arm.name in front and a.words == "helps"]
    said = [f"{a.arm.name} ({cost.class_}) saves {_saved(found, a)}"
            for a, cost in helps if mine and cost and cost.rank < mine.rank]  # fmt: skip
    if mine and said:
        yield f"In a cheaper class than {best.arm.arm.name} ({mine.class_}): {'; '.join(said)}."


def primary(found: Comparison) -> Measure:
    """The measure that ranks."""
    return next(m for m in found.measures if m.name == PRIMARY)


def _saved(found: Comparison, a: Compared, unit: str = "") -> str:
    """'42, 98 % of what was lost'."""
    d, base = a.difference[PRIMARY], float(_without(found, a).mean())
    of_all = f", {share(-d.mean / base)} of what was lost" if base > 0 else ""
    return f"{amount(primary(found), -d.mean)}{unit}{of_all}"


def _without(found: Comparison, a: Compared) -> np.ndarray:
    """What the baseline loses in the worlds in which an arm ran."""
    return found.values[PRIMARY][: len(a.worlds)]


def title_of(arm: Compared) -> str:
    """What the arm is, in the words of its file."""
    named = [v for v in arm.arm.variations if isinstance(v, Mitigation)]
    own = [v for v in named if v.name == arm.arm.name] or named
    return " · ".join(v.title for v in own if v.title)


def difference(m: Measure, a: Compared) -> str:
    """'−42 [−50, −34]', '0' where not one world differs."""
    d = a.difference[m.name]
    if d.identical and m.name != "p_metastable":
        return "0"
    return estimated(m, d, True)
