"""How robust a claim of a comparison is: over the prior, over variants of the model; and what decides it.

A *claim* is what a comparison says of an arm: it helps, it harms, or it makes no difference. It *holds* in a
realization if the paired difference there has its sign and is worth having (for "no difference": if it is
not). The share of such realizations is the share of the prior, with Wilson's interval. A claim is *robust* if
every variant of the model comes to the same one. What changes between variants *hangs on the model*: a claim,
a sign, or the order of two arms.

What decides it: the quantile of each uncertain input in each realization, against the paired difference, by
PAWN (Pianosi and Wagener, Environ. Model. Softw. 108, 2018) on the finished runs. With a hundred inputs and
some dozens of realizations, some index is always large. So each is compared with the law of the index of an
input that decides nothing. That law is the same for all inputs, and is found by shuffling. An input is named
if it passes among all inputs and all claims of the comparison together (Holm).
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, field
from enum import StrEnum
from functools import lru_cache
from itertools import combinations
from typing import Any

import numpy as np
from scipy.stats import spearmanr, uniform

from twin.experiments.arms import BASELINE
from twin.experiments.comparison import WORTH_RATIO, ArmResult, ArmVerdict, PairedComparison
from twin.experiments.realizations import quantiles
from twin.model.changes import Variant
from twin.model.scenario import Scenario
from twin.results.metrics import PRIMARY
from twin.statistics.estimates import paired
from twin.statistics.group_sequential import ERROR, holm
from twin.statistics.proportions import Proportion, wilson

SLICES = 4  # that each input's range is cut into: of 64 realizations, 16 each
FEW = 16  # with fewer realizations nothing is said about which input decides
SHUFFLES = 1 << 16  # of an input that decides nothing: the smallest p is one over this
CHUNK = 1 << 12


class ArmClaim(StrEnum):
    """What a comparison claims of an arm."""

    HELPS = "helps"
    HARMS = "harms"
    SAME = "no difference"
    NONE = ""


_CLAIMS = {
    ArmVerdict.HELPS: ArmClaim.HELPS, ArmVerdict.HARMS: ArmClaim.HARMS,
    ArmVerdict.TOO_SMALL: ArmClaim.SAME, ArmVerdict.IDENTICAL: ArmClaim.SAME,
}  # fmt: skip


@dataclass(frozen=True)
class Decider:
    """The input ``target`` moves the difference. ``index``: its PAWN index (mean distance, from 0 to 1);
    ``p``: adjusted. The rank correlation is positive if the arm does less for a high value."""

    target: str
    index: float
    p: float
    rank_correlation: float

    def as_json(self) -> dict[str, Any]:
        return {"input": self.target, "index": round(self.index, 4), "p": self.p,
                "rank_correlation": round(self.rank_correlation, 3)}  # fmt: skip


@dataclass(frozen=True)
class Robustness:
    """Of one arm. ``holds``: in how many realizations the claim does; None without a claim. ``variants``: the
    verdict of each variant of the model. ``places``: variant → the arms (BASELINE among them) with which this
    one changes places there. ``about``: variant → what it is about. ``inputs``: how many inputs might have
    decided it; 0 if nothing varied, or there were too FEW runs."""

    claim: ArmClaim
    holds: Proportion | None = None
    variants: Mapping[str, ArmVerdict] = field(default_factory=dict)
    decided_by: tuple[Decider, ...] = ()
    inputs: int = 0
    places: Mapping[str, tuple[str, ...]] = field(default_factory=dict)
    about: Mapping[str, str] = field(default_factory=dict)

    @property
    def robust(self) -> bool | None:
        """Whether nothing changes between variants; None without variants, or where none claims anything."""
        if not self.variants or not (self.claim or self.hangs_on):
            return None
        return not self.hangs_on

    @property
    def against(self) -> dict[str, ArmVerdict]:
        """The variants that come to another claim, and their verdicts. Where the shipped model claims
        nothing, only those that help or harm."""
        others = [c for c in ArmClaim if c != self.claim]
        if not self.claim:
            others = [ArmClaim.HELPS, ArmClaim.HARMS]
        return {v: verdict for v, verdict in self.variants.items() if claim_of(verdict) in others}

    @property
    def hangs_on(self) -> dict[str, str]:
        """What the claim, its sign or its rank hangs on → what the variants say: 'in VARIANT: harms'."""
        found: dict[str, list[str]] = {}
        for v in self.variants:
            says = [f"{self.against[v]}"] if v in self.against else []
            says += [f"changes places with {', '.join(others)}"] if (others := self.places.get(v)) else []
            if says:
                found.setdefault(self.about.get(v) or v, []).append(f"in {v}: {', '.join(says)}")
        return {about: "; ".join(each) for about, each in found.items()}

    def as_json(self) -> dict[str, Any]:
        """As ``twin compare --json`` has it for each arm."""
        holds = self.holds
        return {
            "claim": self.claim or None, "share": holds and holds.ratio,
            "ci95": holds and [holds.low, holds.high], "worlds": holds and holds.n,
            "robust": self.robust, "variants": dict(self.variants), "hangs_on": self.hangs_on,
            "decided_by": [d.as_json() for d in self.decided_by], "inputs": self.inputs,
        }  # fmt: skip


def robustness(
    found: PairedComparison, base: Scenario, variants: Mapping[str, PairedComparison] | None = None,
    models: Mapping[str, Variant] | None = None,
) -> dict[str, Robustness]:  # fmt: skip
    """Arm → how robust the claim about it is. ``variants``: the same comparison in variants of the model.
    ``models``: these variants, for what they are about."""
    at = quantiles_of(found, base)
    claims = [a for a in found.arms if claim_of(a.verdict) in (ArmClaim.HELPS, ArmClaim.HARMS) and at]
    decided = {a.arm.name: deciders(at, _difference(found, a), len(claims)) for a in claims}
    elsewhere = {
        name: {a.arm.name: a.verdict for a in other.arms} for name, other in (variants or {}).items()
    }  # fmt: skip
    places = {name: changed_places(found, other) for name, other in (variants or {}).items()}
    about = {name: v.about for name, v in (models or {}).items() if name in elsewhere}
    return {
        a.arm.name: Robustness(
            claim_of(a.verdict), share_held(found, a),
            {v: by_arm[a.arm.name] for v, by_arm in elsewhere.items()}, decided.get(a.arm.name, ()),
            len(at) if a.arm.name in decided and _can_tell(_difference(found, a)) else 0,
            {v: others for v, by_arm in places.items() if (others := by_arm[a.arm.name])}, about,
        )
        for a in found.arms
    }  # fmt: skip


def claim_of(verdict: ArmVerdict) -> ArmClaim:
    """What a verdict claims."""
    return _CLAIMS.get(verdict, ArmClaim.NONE)


def changed_places(found: PairedComparison, other: PairedComparison) -> dict[str, tuple[str, ...]]:
    """Arm → the arms with which it changes places from one comparison to the other. With BASELINE: its sign
    changes. Counted only if both orders are significant (95 %), so noise hardly makes one (1 in 800)."""
    here, there = _order(found), _order(other)
    swapped = [pair for pair, sign in here.items() if sign * there.get(pair, 0) < 0]
    return {a.arm.name: tuple(b for name, b in swapped if name == a.arm.name) for a in found.arms}


def _order(found: PairedComparison) -> dict[tuple[str, str], int]:
    """(arm, other arm or BASELINE) → -1 if the arm loses significantly less, 1 if more, else 0."""
    values = {BASELINE: found.values[PRIMARY], **{a.arm.name: a.values[PRIMARY] for a in found.arms}}
    signs: dict[tuple[str, str], int] = {}
    for (a, mine), (b, other) in combinations(values.items(), 2):
        n = min(len(mine), len(other))
        d = paired(mine[:n], other[:n])
        sign = 0 if d.identical or d.low <= 0 <= d.high else 1 if d.low > 0 else -1
        signs |= {(a, b): sign, (b, a): -sign}
    return signs


def _difference(found: PairedComparison, a: ArmResult) -> np.ndarray:
    mine = a.values[PRIMARY]
    return mine - found.values[PRIMARY][: len(mine)]


def share_held(found: PairedComparison, a: ArmResult) -> Proportion | None:
    """In how many realizations the claim holds; None without one."""
    claim, d = claim_of(a.verdict), _difference(found, a)
    worth = WORTH_RATIO * float(np.mean(found.values[PRIMARY]))
    same = np.abs(d) < max(worth, 1e-12)
    holds = {ArmClaim.HELPS: d <= -worth, ArmClaim.HARMS: d >= worth, ArmClaim.SAME: same}.get(claim)
    return None if holds is None else wilson(int(holds.sum()), len(d))


def quantiles_of(found: PairedComparison, base: Scenario) -> dict[str, np.ndarray]:
    """Input → (realizations,) its quantile in each, from 0 to 1; empty if no input is sampled."""
    if not found.plan.draws:
        return {}
    rows = [quantiles(base, r.draw) for r in found.worlds]
    return {n.target: np.array([row[n] for row in rows]) for n in rows[0]} if rows else {}


# --- what decides ------------------------------------------------------------


def deciders(at: Mapping[str, np.ndarray], values: np.ndarray, claims: int = 1) -> tuple[Decider, ...]:
    """The inputs that decide (realizations,) ``values``, the one with the largest index first.

    ``at``: input → at least as many quantiles. ``claims``: how many such questions are asked together.
    In all of them, an input without effect is named with a probability of at most ERROR. Empty with fewer
    than FEW realizations, or if nothing varies.
    """
    n = len(values)
    if not at or not _can_tell(values):
        return ()
    x = np.column_stack([np.asarray(p, "f8")[:n] for p in at.values()])
    index = pawn(x, values)
    law = np.sort(null_indices(values))
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
    """(inputs,) PAWN indices of (realizations, inputs) quantiles. An index is a mean over slices of the
    input's range: of the Kolmogorov-Smirnov distance between the values in the slice and all values."""
    order = np.argsort(values, kind="stable")
    return _mean_distances(np.array([_slices(column)[order] for column in x.T]), _steps(values))


def null_indices(values: np.ndarray, shuffles: int = SHUFFLES) -> np.ndarray:
    """(shuffles,) PAWN indices of inputs that have nothing to do with the values.

    The quantiles of an input all differ, so an index depends only on which realization falls into which
    slice. Without a connection, all divisions of the realizations are equally likely.
    """
    return _null_indices(_steps(values).tobytes(), shuffles)


@lru_cache(maxsize=8)
def _null_indices(steps: bytes, shuffles: int) -> np.ndarray:
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


def decider_lines(each: Iterable[tuple[str, Robustness]], worlds: int) -> list[str]:
    """What decides, in sentences: a line for each claim that some input decides, and one for the others."""
    lines, undecided = [], []
    for name, r in each:
        if r.decided_by:
            numbers = ", ".join(f"{d.target} ({d.index:.2f})" for d in r.decided_by)
            lines.append(f"{name}: the size of its effect depends most on {numbers}.")
        elif r.claim and r.claim != ArmClaim.SAME:
            undecided.append(name)
    if undecided:
        lines.append(f"{worlds} worlds are too few to say which input decides: {', '.join(undecided)}.")
    return lines


def best_first(found: PairedComparison, robust: Mapping[str, Robustness]) -> Sequence[tuple[str, Robustness]]:
    """In the order of the ranking."""
    return [(a.arm.name, robust[a.arm.name]) for a in found.ranking]
