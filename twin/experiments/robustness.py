"""How far a claim of a comparison holds: over the prior, over the variants of the model; and what decides it.

A *claim* is what a comparison says of an arm: it helps, it harms, it makes no difference. It *holds* in a
world if the paired difference there has its sign and is at least worth having (no difference: if it is not);
the share of such worlds is the share of the prior, with Wilson's interval. It is *robust* if every variant of
the model comes to the same one.

What decides it: the place that each world gives to each number that nobody knows, against the paired
difference, by PAWN (Pianosi and Wagener, Environ. Model. Softw. 108, 2018) on the runs that are there. With a
hundred numbers and some dozens of worlds, some index is always large; so each is held against the law of
the index of a number that has nothing to do with it, which is the same for all of them and is found by
shuffling. A number is named if it passes with all numbers and all claims of the comparison together (Holm).
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, field
from functools import lru_cache
from typing import Any

import numpy as np
from scipy.stats import spearmanr, uniform

from twin.experiments.compare import PRIMARY, WORTH_RATIO, Compared, Comparison
from twin.experiments.worlds import places
from twin.model.scenario import Scenario
from twin.statistics.families import ERROR, Verdict, holm
from twin.statistics.proportions import Proportion, wilson

SLICES = 4  # that each number's range is cut into: of 64 worlds, 16 each
FEW = 16  # worlds say nothing of which number decides
SHUFFLES = 1 << 16  # of a number that decides nothing: the smallest p is one in so many
CHUNK = 1 << 12
SAME = "no difference"


@dataclass(frozen=True)
class Decider:
    """``target`` moves the difference: its PAWN ``index`` (mean distance, from 0 to 1), the adjusted ``p``,
    and the rank correlation, which is positive where the arm does less for a high value."""

    target: str
    index: float
    p: float
    rank_correlation: float

    def as_json(self) -> dict[str, Any]:
        return {"number": self.target, "index": round(self.index, 4), "p": self.p,
                "rank_correlation": round(self.rank_correlation, 3)}  # fmt: skip


@dataclass(frozen=True)
class Robustness:
    """Of one arm. ``claim``: '' if there is none. ``held``: in how many worlds it does. ``variants``: what
    each variant of the model comes to. ``of``: how many numbers might have decided it; 0 if nothing varied,
    or too little was run to tell."""

    claim: str
    held: Proportion | None = None
    variants: Mapping[str, str] = field(default_factory=dict)
    decided_by: tuple[Decider, ...] = ()
    of: int = 0

    @property
    def robust(self) -> bool | None:
        """Whether all variants say the same; None where none was asked, or nothing is claimed."""
        return not self.against if self.claim and self.variants else None

    @property
    def against(self) -> dict[str, str]:
        """The variants that come to something else, and to what."""
        return {v: said for v, said in self.variants.items() if _claim_of(said) != self.claim}

    def as_json(self) -> dict[str, Any]:
        """As ``twin compare --json`` has it for each arm."""
        held = self.held
        return {
            "claim": self.claim or None, "share": held and held.ratio,
            "ci95": held and [held.low, held.high], "worlds": held and held.n,
            "robust": self.robust, "variants": dict(self.variants),
            "decided_by": [d.as_json() for d in self.decided_by], "numbers": self.of,
        }  # fmt: skip


def robustness(
    found: Comparison, base: Scenario, variants: Mapping[str, Comparison] | None = None
) -> dict[str, Robustness]:
    """Arm → how far what the comparison says of it holds. ``variants``: the same question put to other
    variants of the model."""
    at = places_of(found, base)
    claims = [a for a in found.arms if _claim_of(a.words) in ("helps", "harms") and at]
    decided = {a.arm.name: deciders(at, _difference(found, a), len(claims)) for a in claims}
    said = {
        name: {a.arm.name: a.words for a in other.arms} for name, other in (variants or {}).items()
    }  # fmt: skip
    return {
        a.arm.name: Robustness(
            _claim_of(a.words), held(found, a), {v: by_arm[a.arm.name] for v, by_arm in said.items()},
            decided.get(a.arm.name, ()),
            len(at) if a.arm.name in decided and _can_tell(_difference(found, a)) else 0,
        )
        for a in found.arms
    }  # fmt: skip


def _claim_of(words: str) -> str:
    """'helps', 'harms', SAME, or '' where nothing is claimed."""
    if words in (str(Verdict.TOO_SMALL), str(Verdict.IDENTICAL)):
        return SAME
    return words if words in ("helps", "harms") else ""


def _difference(found: Comparison, a: Compared) -> np.ndarray:
    mine = a.values[PRIMARY]
    return mine - found.values[PRIMARY][: len(mine)]


def held(found: Comparison, a: Compared) -> Proportion | None:
    """In how many worlds the claim holds; None without one."""
    claim, d = _claim_of(a.words), _difference(found, a)
    worth = WORTH_RATIO * float(np.mean(found.values[PRIMARY]))
    holds = {"helps": d <= -worth, "harms": d >= worth, SAME: np.abs(d) < max(worth, 1e-12)}.get(claim)
    return None if holds is None else wilson(int(holds.sum()), len(d))


def places_of(found: Comparison, base: Scenario) -> dict[str, np.ndarray]:
    """Number → (worlds,) where each world puts it, from 0 to 1; nothing where no number is drawn."""
    if not found.question.draws:
        return {}
    rows = [places(base, world.draw) for world in found.worlds]
    return {n.target: np.array([row[n] for row in rows]) for n in rows[0]} if rows else {}


# --- what decides ------------------------------------------------------------


def deciders(at: Mapping[str, np.ndarray], values: np.ndarray, claims: int = 1) -> tuple[Decider, ...]:
    """The numbers that decide (worlds,) ``values``, the one with the largest index first.

    ``at``: number → at least as many places. ``claims``: in how many such questions at once no number may be
    named that decides nothing, but with ERROR. None where there are few worlds, or nothing varies.
    """
    n = len(values)
    if not at or not _can_tell(values):
        return ()
    x = np.column_stack([np.asarray(p, "f8")[:n] for p in at.values()])
    index = pawn(x, values)
    law = np.sort(indices_of_nothing(values))
    above = SHUFFLES - np.searchsorted(law, index - 1e-9)
    p = np.minimum(1.0, holm((1 + above) / (1 + SHUFFLES)) * claims)
    named = [
        Decider(target, float(index[k]), float(p[k]), float(spearmanr(x[:, k], values).statistic))
        for k, target in enumerate(at) if p[k] <= ERROR
    ]  # fmt: skip
    return tuple(sorted(named, key=lambda d: (-d.index, d.target)))


def _can_tell(values: np.ndarray) -> bool:
    return len(values) >= FEW and float(np.ptp(values)) > 0


def pawn(x: np.ndarray, values: np.ndarray) -> np.ndarray:
    """(numbers,) PAWN indices of (worlds, numbers) places: the mean over slices of each number's range of the
    Kolmogorov-Smirnov distance between the values there and all values."""
    order = np.argsort(values, kind="stable")
    return _mean_distances(np.array([_slices(column)[order] for column in x.T]), _steps(values))


def indices_of_nothing(values: np.ndarray, shuffles: int = SHUFFLES) -> np.ndarray:
    """(shuffles,) PAWN indices of numbers that have nothing to do with the values.

    The places of a drawn number are all different, so an index depends on nothing but which worlds fall into
    which slice; without a connection, all divisions of the worlds are equally likely.
    """
    return _indices_of_nothing(_steps(values).tobytes(), shuffles)


@lru_cache(maxsize=8)
def _indices_of_nothing(steps: bytes, shuffles: int) -> np.ndarray:
    ends = np.frombuffer(steps, bool)
    n = len(ends)
    slice_of = _slices(np.arange(n, dtype="f8"))
    found = []
    for at in range(0, shuffles, CHUNK):
        size = min(CHUNK, shuffles - at)
        ranks = np.argsort(uniform.rvs(size=(size, n), random_state=at), axis=1)
        found.append(_mean_distances(slice_of[ranks], ends))
    return np.concatenate(found)


def _steps(values: np.ndarray) -> np.ndarray:
    """(n,) behind which of the sorted values the distribution of all values steps."""
    return np.append(np.diff(np.sort(values)) > 0, True)


def _mean_distances(slice_of: np.ndarray, ends: np.ndarray) -> np.ndarray:
    """(rows,) mean over slices of the Kolmogorov-Smirnov distance of the values in a slice from all values.

    ``slice_of``: (rows, n) slice of each value, in the order of the values. An empty slice is left out.
    """
    n = len(ends)
    whole = np.arange(1, n + 1)[ends] / n
    distances = []
    for k in range(SLICES):
        inside = np.cumsum(slice_of == k, axis=1, dtype="f8")
        count = np.where(inside[:, -1:] > 0, inside[:, -1:], np.nan)
        distances.append(np.abs(inside[:, ends] / count - whole).max(axis=1))
    return np.asarray(np.nanmean(distances, axis=0))


def _slices(places: np.ndarray) -> np.ndarray:
    """(n,) which slice of its number's range each place falls into, as SALib cuts it; the last: -1."""
    edges = np.nanquantile(places, np.arange(0, 1 + 1 / SLICES, 1 / SLICES))
    found = np.full(len(places), -1)
    for k in range(SLICES):
        found[(places >= edges[k]) & (places < edges[k + 1])] = k
    return found


def told(each: Iterable[tuple[str, Robustness]], worlds: int) -> list[str]:
    """What decides, in sentences: a line a claim that some number decides, and one for all others."""
    lines, undecided = [], []
    for name, r in each:
        if r.decided_by:
            numbers = ", ".join(f"{d.target} ({d.index:.2f})" for d in r.decided_by)
            lines.append(f"{name}: how much it changes is decided most by {numbers}.")
        elif r.claim and r.claim != SAME:
            undecided.append(name)
    if undecided:
        lines.append(f"{worlds} worlds are too few to say which number decides: {', '.join(undecided)}.")
    return lines


def best_first(found: Comparison, robust: Mapping[str, Robustness]) -> Sequence[tuple[str, Robustness]]:
    """In the order of the ranking."""
    return [(a.arm.name, robust[a.arm.name]) for a in found.ranking]
