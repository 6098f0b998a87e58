"""Writes the files that are made from the code, so that they cannot say anything else: ``make docs``.

tests/structure/test_generated.py compares them with what this module would write.
"""

from __future__ import annotations

import inspect
from collections.abc import Iterable, Iterator
from types import ModuleType

from twin.kinds import registry
from twin.model.changes import COSTS
from twin.model.dependency_parameters import EDGE_PARAMETERS
from twin.model.parameter import HOWS, LATE, Param
from twin.spec.mitigations import overview
from twin.spec.schemas import schemas

INTRODUCTION = """\
# Kinds of service

<!-- Written by `make docs` from the kinds' own records. Edit those. -->

A kind is one file or folder here. It says what the real service does.
It has parameters, state, events and one step.
A service in `topology/` names its kind, and the parameters that differ from the defaults below.

| Column | Meaning |
|---|---|
| bounds | the values that a file may have |
| source | where the default comes from: an id of `data/sources.yaml`, or `assumed:` with the reason |
| range | the plausible values of an assumed number |

*Broken* lists the ways in which `twin blast` can break a service of this kind:

| Way | Meaning |
|---|---|
{ways}""".format(ways="".join(f"| {how} | {meaning} |\n" for how, meaning in HOWS.items()))

DEPENDENCY = """
## Dependencies

The numbers that an entry of `dependencies:` may have.
"""

MITIGATIONS = """\
# Mitigations

<!-- Written by `make docs` from the files beside it. Edit those. -->

These changes were proposed after the event. The cheapest come first.

```sh
twin run us-east-1-2025-10-20 --mitigate long-leases
twin run us-east-1-2025-10-20 --mitigate long-leases+restart-runbook
```

| Column | Meaning |
|---|---|
| cost | the class of the effort, below |
| side effect | what the change makes worse |
| shown by | the scenario in which the side effect shows, and what is different there |

*Not in the twin* means that the model has no such effect.

## Classes of cost

"""

COLUMNS = ("parameter", "unit", "default", "bounds", "meaning", "source", "range")


def generated() -> dict[str, str]:
    """Path relative to the root → the text that should be there."""
    return {
        "twin/kinds/README.md": kinds_reference(),
        "scenarios/mitigations/README.md": mitigations_reference(),
        **schemas(),
    }


def kinds_reference() -> str:
    """Markdown: every kind with its description, its parameters and its events."""
    sections = [INTRODUCTION, *(_section(name, kind) for name, kind in registry().items())]
    return "".join([*sections, DEPENDENCY, "\n", *_table(EDGE_PARAMETERS)])


def mitigations_reference() -> str:
    """Markdown: the classes of cost, and every mitigation with what it makes worse."""
    rows = [_row(("cost", "what it means")), _row(("---", "---")), *map(_row, COSTS.items())]
    rows.append("\n## All mitigations\n\n")
    head = ("mitigation", "what it does", "cost", "side effect", "shown by")
    rows += [_row(head), _row("---" for _ in head)]
    for m in overview():
        where = f"{m.shown_by}: {m.shows or 'not in the twin'}" if m.shown_by else ""
        rows.append(_row((f"[{m.name}]({m.name}.yaml)", m.title, m.cost, m.side_effect, where)))
    return MITIGATIONS + "".join(rows)


def _section(name: str, kind: ModuleType) -> str:
    about = inspect.cleandoc(kind.__doc__ or "")
    events = ", ".join(f"`{event}`" for event in kind.EVENTS) or "none of its own"
    ends = f"Events: {events}.\n\nBroken: {_breaks(kind)}.\n"
    return f"\n## {name}\n\n{about}\n\n{''.join(_table(kind.PARAMETERS))}\n{ends}"


def _breaks(kind: ModuleType) -> str:
    """'down (`fault_ratio` 1), slow (`service_time_s` too long for its callers)'."""
    ways = []
    for how, values in getattr(kind, "BREAKS", {}).items():
        values = {n: "too long for its callers" if v == LATE else _value(v) for n, v in values.items()}
        ways.append(f"{how} ({', '.join(f'`{name}` {value}' for name, value in values.items())})")
    return ", ".join(ways) or "in no way that it says"


def _table(parameters: Iterable[Param]) -> Iterator[str]:
    yield _row(COLUMNS)
    yield _row("---" for _ in COLUMNS)
    for p in parameters:
        spread = _span(*p.range) if p.range else ""
        name, default = f"`{p.name}`", _value(p.default)
        yield _row((name, p.unit, default, _bounds(p), p.meaning, p.source, spread))


def _bounds(p: Param) -> str:
    if p.unit == "choice":
        return ", ".join(p.choices)
    return "true, false" if p.unit == "switch" else _span(p.low, p.high)


def _row(cells: Iterable[str]) -> str:
    return "| " + " | ".join(" ".join(cell.replace("|", "\\|").split()) for cell in cells) + " |\n"


def _span(low: float, high: float) -> str:
    return f"{_value(low)} to {_value(high)}"


def _value(value: float | str | bool) -> str:
    """As one would write it: on and off, whole numbers without a point."""
    if isinstance(value, bool):
        return "true" if value else "false"
    return value if isinstance(value, str) else f"{value:.12g}"
