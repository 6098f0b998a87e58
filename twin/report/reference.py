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
from twin.model.reach import INHERITS
from twin.spec.mitigations import Summary, overview
from twin.spec.schemas import schemas

INTRODUCTION = """\
# Kinds of service

<!-- `make docs` generates this file from `twin/kinds`. Edit those files. -->

A kind is one file or folder here. It says what the real service does.
It has parameters, state, events and a function `step` that computes one tick.
A service in `topology/` names its kind, and the parameters that differ from the defaults below.
[CONTRIBUTING.md](../../CONTRIBUTING.md#a-kind) shows a kind line by line.

| Column | Meaning |
|---|---|
| bounds | the values that a YAML file may set |
| source | an id of [data/sources.yaml](../../data/sources.yaml), or `assumed:` and why this default |
| range | the plausible values of an assumed number. If both ends are equal, studies do not vary it |

[data/README.md](../../data/README.md) explains the ids of sources: `PES`, for example, is the summary of AWS.

| Words in the tables | Meaning |
|---|---|
| only a scale, only shares matter | Only the ratio to other values changes results |
| read at the start | A change during a run has no effect |
| faults change it | Scenarios set this parameter to make the service fail |

*Broken* lists the ways in which `twin blast` can break a service of this kind:

| Way | Meaning |
|---|---|
{ways}""".format(ways="".join(f"| {how} | {meaning} |\n" for how, meaning in HOWS.items()))

MODES = {
    "hard": "a failed call fails the caller's work, and its latency adds to the caller's",
    "soft": "the caller waits for the answer, but its work succeeds without it",
    "cached": "the caller keeps answers for `lifetime_s`, and calls only when one expires",
    "new_connections": "only the opening of a connection needs the callee; open ones live for `lifetime_s`",
    "lease": "the caller's kind says what a failed call means: a lease, a check or a registration",
    "async": "the caller does not wait; work is kept and handed over when the callee works",
    "fire_and_forget": "the caller sends the call and never learns how it ends",
    "bootstrap": "an instance of the caller makes the call before it serves, until it succeeds",
}
KEYS = {
    "on": "the callee: the service that is called",
    "for": "what the caller needs it for, in words",
    "mode": "how the caller suffers when the callee fails",
    "one_of": "a word for a group: each request calls one of its dependencies, by `weight`",
    "parallel": "a word for a group: a request calls all of its dependencies at the same time",
    "fallback": "another callee of the same caller, which is called when this call has failed",
    "evidence": "where it is published that this call exists",
    "sdk": "a set of numbers for retries and time-outs, by name",
    "reached_through": "another way to the callee than the one that it says itself, or none",
}

DEPENDENCY = """
## Dependencies

An entry of `dependencies:` has `on` and `mode`, and any of the other keys and of the parameters below.

| Key | Meaning |
|---|---|
{keys}
| `mode` | Meaning |
|---|---|
{modes}""".format(
    keys="".join(f"| `{key}` | {meaning} |\n" for key, meaning in KEYS.items()),
    modes="".join(f"| {mode} | {meaning} |\n" for mode, meaning in MODES.items()),
)

REACHED = """
### Reached through

A service may say how its callers reach it: `reached_through:`, with `on`, `for`, `evidence` and numbers as in
a dependency. Each caller inherits this as a dependency, right before its own call. The numbers are those of
`reached_through:`. The share, and the numbers that only the mode of the call reads, are those of the call.

| Mode of the call | Mode of the inherited dependency |
|---|---|
{inherits}| any other mode, an alternative (`one_of`), a `fallback` | nothing is inherited |

| A caller that goes another way | says |
|---|---|
| through another service, with the same numbers | `reached_through: OTHER` in its dependency |
| with its own numbers | a dependency of mode `new_connections` on that service, or another one of its kind |
| without any name | `reached_through: none` in its dependency |
""".format(inherits="".join(f"| `{mode}` | `{way}` |\n" for mode, way in INHERITS.items()))

MITIGATIONS = """\
# Mitigations

<!-- `make docs` generates this file from the YAML files in this folder. Edit those files. -->

These changes were proposed after the outage of us-east-1 on 20 October 2025. The cheapest come first.
[docs/glossary.md](../../docs/glossary.md) explains plan, tree, root, Enactor, droplet and DWFM.

```sh
twin run us-east-1-2025-10-20 --mitigate long-leases
twin run us-east-1-2025-10-20 --mitigate long-leases+restart-runbook
```

| Column | Meaning |
|---|---|
| cost | the class of cost, below |
| side effect | what the change makes worse |
| in the model | how the side effect appears in the model: scenario, metric, direction |

*Not modelled* means that the model has no such effect. It would appear in the scenario in brackets.
*No effect* means that the mitigation does not help in that scenario.
`dwfm.timeouts earlier` means that the first event `timeouts` of the service `dwfm` comes earlier.
The override is the manual DNS entry with which operators repaired the internal resolvers.

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
    return "".join([*sections, DEPENDENCY, "\n", *_table(EDGE_PARAMETERS), REACHED])


def mitigations_reference() -> str:
    """Markdown: the classes of cost, and every mitigation with what it makes worse."""
    rows = [_row(("cost", "what it means")), _row(("---", "---")), *map(_row, COSTS.items())]
    rows.append("\n## All mitigations\n\n")
    head = ("mitigation", "what it does", "cost", "side effect", "in the model")
    rows += [_row(head), _row("---" for _ in head)]
    for m in overview():
        rows.append(_row((f"[{m.name}]({m.name}.yaml)", m.title, m.cost, m.side_effect, _shown(m))))
    return MITIGATIONS + "".join(rows)


def _shown(m: Summary) -> str:
    """'az-loss: nlb.lost_min higher', 'bad-plan: no effect on peak_impaired', 'not modelled (az-loss)'."""
    if not m.shows:
        return f"not modelled ({m.shown_by})" if m.shown_by else ""
    if m.shows.endswith(" same"):
        return f"{m.shown_by}: no effect on {m.shows.removesuffix(' same')}"
    return f"{m.shown_by}: {m.shows}"


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
    return ", ".join(ways) or "`twin blast` cannot break this kind"


def _table(parameters: Iterable[Param]) -> Iterator[str]:
    yield _row(COLUMNS)
    yield _row("---" for _ in COLUMNS)
    for p in parameters:
        spread = _span(*p.range) if p.range else ""
        name, default = f"`{p.name}`", _value(p.default)
        meaning = p.meaning + " (divided)" * p.divided
        yield _row((name, p.unit, default, _bounds(p), meaning, p.source, spread))


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
