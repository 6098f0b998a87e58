"""The assumptions of an answer: uncertain inputs with their ranges; side effects of mitigations."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass

from twin.experiments.comparison import ArmResult
from twin.model.changes import Mitigation
from twin.model.scenario import Scenario
from twin.model.target import Target
from twin.report.wording import quantity
from twin.spec.inputs import UncertainInput, inputs_of, varies


@dataclass(frozen=True)
class Assumed:
    """A number as the page shows it: value, range and reason."""

    target: str
    value: str
    range: str
    why: str


def drawn_numbers(base: Scenario) -> list[Assumed]:
    """Every uncertain input that the worlds sample."""
    return [
        Assumed(n.target, quantity(n.value, n.unit), _range(n), _why(base, n))
        for n in inputs_of(base) if varies(base, n)
    ]  # fmt: skip


def _range(n: UncertainInput) -> str:
    return "" if n.range is None else " … ".join(quantity(x, n.unit) for x in n.range)


def _why(base: Scenario, n: UncertainInput) -> str:
    """The reason in its file, or in its kind."""
    prefix = "chosen with the published times in sight: " if n.origin == "chosen" else ""
    if not n.service:
        return prefix + (n.why or "a time that nobody published")
    target, service = Target.parse(n.target), base.topology.services[n.service]
    edge = next((d for d in service.dependencies if target.is_dependency and d.on == target.callee), None)
    is_inherited = n.given and edge is not None and edge.inherited_from
    return prefix + n.why + (f" (inherited from {edge.inherited_from})" if is_inherited and edge else "")


def of_mitigations(arms: Sequence[ArmResult]) -> Iterator[tuple[str, Assumed]]:
    """(mitigation, number) for each assumed number of a mitigation. The worlds do not sample them."""
    seen: set[str] = set()
    for arm in arms:
        for m in arm.arm.variations:
            name = m.name if isinstance(m, Mitigation) else arm.arm.name
            if name in seen:
                continue
            seen.add(name)
            for target, q in m.parameters.items():
                if q.assumed is not None:
                    ends = "" if q.range is None else " … ".join(quantity(x, "") for x in q.range)
                    yield name, Assumed(target, quantity(q.value, ""), ends, q.assumed)


def side_effects(arms: Sequence[ArmResult]) -> dict[str, Mitigation]:
    """Name → each mitigation with a side effect."""
    found = (m for arm in arms for m in arm.arm.variations if isinstance(m, Mitigation) and m.side_effect)
    return {m.name: m for m in found}
