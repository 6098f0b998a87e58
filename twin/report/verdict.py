"""What a comparison comes to in a few words: which side is best, and whether anything can stand beside it."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass

from twin.compare import PRIMARY, Compared, Comparison, Measure
from twin.report.words import amount, interval, many
from twin.statistics.estimates import Difference, paired
from twin.statistics.families import ERROR, holm
from twin.tournament import cost_class, cost_rank
from twin.variations import Mitigation


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
    first, *others = arms
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
    share = _share(found, d)
    return f"{name} would have saved {amount(primary(found), -d.mean)} service-minutes{share}"


def answers(found: Comparison, best: Best, arms: Sequence[Compared]) -> Iterator[str]:
    """The sentences below it: how sure, what is as good, what does harm, what cannot be told."""
    m, d = primary(found), best.arm.difference[PRIMARY]
    if best.helps:
        low, high = amount(m, -d.high), amount(m, -d.low)
        lost = amount(m, found.baseline[PRIMARY].mean)
        yield f"With 95 % confidence between {low} and {high} of the {lost} that are lost without it."
        yield from _beside(best, arms)
    groups = {word: [a.arm.name for a in arms if a.words == word] for word in _SAID}
    for word, sentence in _SAID.items():
        names = [n for n in groups[word] if n != best.arm.arm.name or word != "helps"]
        if names:
            yield f"{sentence}: {many(names)}."


_SAID = {
    "helps": "Also told from the baseline, for the better",
    "harms": "Told from the baseline, for the worse",
    "cannot be told apart": "Cannot be told from the baseline",
    "no difference worth having": "No difference worth having",
    "no difference at all": "No difference at all, in any world",
}


def _beside(best: Best, arms: Sequence[Compared]) -> Iterator[str]:
    if len(arms) == 1:
        return
    if not best.equals:
        yield "It is told apart from every other."
        return
    yield f"It cannot be told from {many(best.equals)}: among these, which one is first is luck in part."
    among = [a for a in arms if a.arm.name in (best.arm.arm.name, *best.equals)]
    ranks = {a.arm.name: rank for a in among if (rank := cost_rank(a.arm)) is not None}
    if len(ranks) == len(among) and len(set(ranks.values())) > 1:
        cheap = [a for a in among if ranks[a.arm.name] == min(ranks.values())]
        names = many([a.arm.name for a in cheap])
        yield f"In the cheapest class of cost among them: {names} ({cost_class(cheap[0].arm)})."


def primary(found: Comparison) -> Measure:
    """The measure that ranks."""
    return next(m for m in found.measures if m.name == PRIMARY)


def _share(found: Comparison, d: Difference) -> str:
    base = found.baseline[PRIMARY].mean
    return f", {-d.mean / base:.0%} of what was lost" if base > 0 else ""


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
    return f"{amount(m, d.mean, True)} {interval(m, d, True)}"
