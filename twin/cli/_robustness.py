"""What twin compare says of how far its claims hold: over the prior, over the variants of the model."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping
from dataclasses import replace
from functools import partial
from typing import TYPE_CHECKING, Any

from twin.base.places import SCENARIOS
from twin.cli import _show as show

if TYPE_CHECKING:
    from twin.experiments.compare import Comparison, Question
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
    study: Study, question: Question, variants: Mapping[str, Variant], tick: Callable[[int], None], most: int
) -> tuple[dict[str, Comparison], dict[str, str]]:
    """(the same question put to each of them, as the last of ``most`` runs; variant → why it has no answer).
    Raises WorkerLost."""
    from twin.experiments.compare import compare
    from twin.experiments.screening import NoWorlds

    each = question.replicates * (1 + len(question.arms))
    found: dict[str, Comparison] = {}
    left_out: dict[str, str] = {}
    for left, name in zip(range(len(variants), 0, -1), variants, strict=True):
        show.say(f"the same in the variant {name}")
        told = partial(_on_top, tick, most - left * each)
        try:
            found[name] = compare(study, replace(question, variant=name), show.say, told)
        except NoWorlds as error:
            left_out[name] = str(error)
            show.say(f"{name}: left out: {error}")
    return found, left_out


def _on_top(tick: Callable[[int], None], before: int, made: int) -> None:
    tick(before + made)


def robustness_document(
    said: dict[str, Any], robust: Mapping[str, Robustness], left_out: Mapping[str, str] | None = None
) -> dict[str, Any]:
    """The document of a comparison, with how far each claim holds, and variants that have no answer."""
    each = [*said["mitigations"], *said.get("pairs", ())]
    for arm in each:
        if arm["name"] in robust:
            arm["robustness"] = robust[arm["name"]].as_json()
    return {**said, "variants_left_out": dict(left_out or {})}


def columns(robust: Mapping[str, Robustness]) -> tuple[str, ...]:
    """Headings of what ``cells`` says."""
    in_variants = any(r.variants for r in robust.values())
    return ("holds in", *(("variants",) if in_variants else ())) if robust else ()


def cells(robust: Mapping[str, Robustness], name: str) -> Iterator[str]:
    """'91 % [83, 95]', and what the variants say."""
    if not robust:
        return
    r = robust[name]
    if r.held is None:
        yield ""
    else:
        yield f"{r.held.ratio:.0%} [{r.held.low:.0%}, {r.held.high:.0%}]"
    if r.variants:
        against = [f"{v}: {words}" for v, words in r.against.items()]
        yield {True: "robust", None: ""}.get(r.robust, "not robust: " + "; ".join(against))


def notes(found: Comparison, robust: Mapping[str, Robustness]) -> Iterator[str]:
    """What the column means, and what decides."""
    from twin.experiments.robustness import best_first, told

    if any(r.held for r in robust.values()):
        of = "of the prior" if found.question.draws else "of the worlds, which differ in noise alone"
        yield f"Holds in: the share {of} in which it is so, by more than is worth having, with Wilson's 95 %."
    if found.question.draws:
        yield from told(best_first(found, robust), len(found.worlds))
