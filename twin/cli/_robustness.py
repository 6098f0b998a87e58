"""How robust the claims of twin compare are: over the prior, over the variants of the model."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from dataclasses import replace
from typing import TYPE_CHECKING, Any

from twin.base.places import SCENARIOS
from twin.cli import _show as show

if TYPE_CHECKING:
    from twin.experiments.comparison import ComparisonPlan, PairedComparison
    from twin.experiments.robustness import Robustness
    from twin.experiments.study import Study
    from twin.model.changes import Variant
    from twin.model.scenario import Scenario

VARIANTS = SCENARIOS / "variants"


def variants_of(base: Scenario, asked: bool) -> dict[str, Variant]:
    """Name → each variant of the model, if they are asked for. Raises SpecError."""
    from twin.spec import load_variant

    found = [load_variant(file, base) for file in sorted(VARIANTS.glob("*.yaml"))] if asked else []
    return {variant.name: variant for variant in found}


def in_each(
    study: Study, plan: ComparisonPlan, variants: Mapping[str, Variant]
) -> tuple[dict[str, PairedComparison], dict[str, str]]:
    """(variant → the same comparison in it; variant → why it has no answer). Raises WorkerLost."""
    from twin.experiments.compare import compared
    from twin.experiments.screening import NoWorlds

    found: dict[str, PairedComparison] = {}
    unanswered: dict[str, str] = {}
    for name in variants:
        show.say(f"the same in the variant {name}")
        try:
            found[name] = compared(study, replace(plan, variant=name))
        except NoWorlds as error:
            unanswered[name] = str(error)
            show.say(f"{name}: no answer: {error}")
    return found, unanswered


def robustness_document(
    said: dict[str, Any], robust: Mapping[str, Robustness], unanswered: Mapping[str, str] | None = None
) -> dict[str, Any]:
    """The document of a comparison, with how far each claim holds, and variants that have no answer."""
    each = [*said["mitigations"], *said.get("pairs", ())]
    for arm in each:
        if arm["name"] in robust:
            arm["robustness"] = robust[arm["name"]].as_json()
    return {**said, "variants_unanswered": dict(unanswered or {})}


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
        against = [f"{v}: {words}" for v, words in r.against.items()]
        yield {True: "robust", None: ""}.get(r.robust, "not robust: " + "; ".join(against))


def notes(found: PairedComparison, robust: Mapping[str, Robustness]) -> Iterator[str]:
    """What the column means, and what decides."""
    from twin.experiments.robustness import best_first, decider_lines

    if any(r.holds for r in robust.values()):
        of = "of the prior" if found.plan.draws else "of the worlds, which differ in noise alone"
        yield f"Holds in: the share {of} in which it is so, by more than is worth having, with Wilson's 95 %."
    if found.plan.draws:
        yield from decider_lines(best_first(found, robust), len(found.worlds))
