"""A study as one JSON document: plain numbers and words, None where there is no number."""

from __future__ import annotations

import math
from dataclasses import asdict
from typing import Any

from twin.analysis.metastability.laws import Law
from twin.analysis.metastability.probe import Aftermath
from twin.analysis.metastability.study import StabilityStudy
from twin.analysis.metastability.thermometer import ChainReading, Thermometer
from twin.analysis.metastability.triggers import Frontier


def stability_document(found: StabilityStudy, horizon_s: float) -> dict[str, Any]:
    """Everything that the study knows. ``horizon_s``: the chance of a collapse is for so long."""
    return {
        "scenario": found.scenario,
        "service": found.service,
        "kind": found.kind,
        "loop": list(found.members),
        "class": found.verdict,
        "reason": found.reason,
        "operating_point": {
            "load_ratio": found.load_ratio,
            "load_per_s": found.load_per_s,
            "attempts_per_call": found.attempts,
            "capacity_per_s": found.capacity_per_s,
            "utilisation_ratio": _utilisation(found),
        },
        "moment": None if found.moment is None else _moment(found),
        "frontier": [_frontier(f) for f in found.frontiers],
        "way_out": [asdict(way) for way in found.ways],
        "recovers_from_count": found.tipping_count,
        "hysteresis": [
            {"load_ratio": b.load_ratio, "from_well": _verdict(b.from_well),
             "from_collapsed": _verdict(b.from_collapsed)}
            for b in found.hysteresis
        ],
        "laws": [_law(law) for law in found.laws],
        "markov_chain": None if found.thermometer is None else _chain(found.thermometer, horizon_s),
        "heals_within_s": finite_or_none(found.heals_within_s),
        "watched_s": found.horizon_s,
        "longest_trigger_s": found.longest_s,
        "runs": found.runs,
    }  # fmt: skip


def _utilisation(found: StabilityStudy) -> float | None:
    """First tries over capacity; None where there is no capacity, or work that no calls bring."""
    if not found.capacity_per_s or found.works_for_itself:
        return None
    return found.load_per_s / found.capacity_per_s


def _moment(found: StabilityStudy) -> dict[str, Any]:
    assert found.moment is not None
    return {"at_s": found.at_s, "impaired": found.impaired_then, "left_alone": _verdict(found.moment)}


def _verdict(verdict: Aftermath) -> dict[str, Any]:
    plain = asdict(verdict)
    del plain["pushed_backlog_count"]
    return {name: finite_or_none(value) for name, value in plain.items()}


def _frontier(found: Frontier) -> dict[str, Any]:
    return {
        "trigger": found.trigger.name,
        "depth_is": found.trigger.depth_is,
        "tips": found.tips,
        "least_depth": found.least_depth,
        "longest_s": found.longest_s,
        "points": [
            {
                "depth": depth,
                "duration_s": for_s,
                "error_ratio_after": left,
                "well_after_s": finite_or_none(well_s),
            }
            for (depth, for_s), left, well_s in zip(
                found.points, found.left_ratios, found.well_after_s, strict=True
            )
        ],
    }


def _law(law: Law) -> dict[str, Any]:
    ratio = law.found / law.value if law.found is not None and law.value else None
    return {**asdict(law), "found_over_law": ratio}


def _chain(found: Thermometer, horizon_s: float) -> dict[str, Any]:
    return {
        "scaled_how": found.how,
        "slots_of_the_service": found.full_slots,
        "horizon_s": horizon_s,
        "readings": [_reading(r, horizon_s) for r in found.readings],
    }


def _reading(reading: ChainReading, horizon_s: float) -> dict[str, Any]:
    chance = reading.collapse_chance(horizon_s)
    plain = {name: finite_or_none(value) for name, value in asdict(reading).items()}
    return {**plain, "collapse_chance": chance, "collapse_chance_is_at_most": reading.well_s > reading.told_s}


def finite_or_none(value: Any) -> Any:
    """None in place of a float that JSON cannot hold."""
    return None if isinstance(value, float) and not math.isfinite(value) else value
