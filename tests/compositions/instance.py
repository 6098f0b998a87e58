"""An instance of a family: its parameters, and the numbers that an event simulation got for it.

Two formats are read. That of ``expected/`` is compact. The original one of the event simulation describes
systems and measures in sentences; the few facts that stand only there are found by their patterns.
"""

from __future__ import annotations

import json
import re
from collections.abc import Iterator
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import Any

HERE = Path(__file__).parent
EXPECTED = HERE / "expected"
NUMBER = r"(\d+(?:\.\d+)?)"

# Facts that the original format states in a sentence only: name → pattern. Of the system, and of the fault.
IN_SYSTEM = {"own_mean_s": rf"own work exponential mean {NUMBER} s"}
IN_FAULT = {
    "fault_servers": rf"has {NUMBER} servers",
    "fault_is_constant": r"(constant)",
    "fault_is_random": r"(random times|Poisson)",
}


@dataclass(frozen=True)
class Measure:
    """A number, or one a bin of ``bin_s`` from ``first_s`` on. Times in seconds from the start of the run.

    ``window``: the requests or events that count lie in [begin, end). ``from_s``: what is before does not
    count. ``edge``: caller and callee. ``tolerance`` is one number, or one a bin.
    """

    expected: float | tuple[float | None, ...]
    tolerance: float | tuple[float, ...]
    stderr: float | None = None
    bin_s: float | None = None
    first_s: float | None = None
    window: tuple[float, float] | None = None
    from_s: float | None = None
    edge: tuple[str, str] | None = None


@dataclass(frozen=True)
class Instance:
    """``id``: as in C01-a. ``parameters``: of the family; ``facts``: numbers that are no parameters of it."""

    id: str
    parameters: dict[str, Any]
    facts: dict[str, Any]
    measures: dict[str, Measure]

    @property
    def family(self) -> str:
        return self.id.partition("-")[0]


def shipped() -> dict[str, Path]:
    """Id → file of the instances of ``expected/``."""
    return {path.stem: path for path in sorted(EXPECTED.glob("*.json"))}


def read_instance(path: Path) -> Instance:
    """An instance, from a file of either format."""
    data = json.loads(path.read_text(encoding="utf-8"))
    if "system" in data:
        return _from_original(data)
    measures = {name: Measure(**_tuples(numbers)) for name, numbers in data["measures"].items()}
    return Instance(data["id"], data["parameters"], data["facts"], measures)


def compact(instance: Instance) -> str:
    """The text of its file in ``expected/``: a line a measure."""
    head = {"id": instance.id, "parameters": instance.parameters, "facts": instance.facts}
    lines = [f"{json.dumps(name)}: {json.dumps(value)}" for name, value in head.items()]
    given = (
        (name, {k: v for k, v in asdict(m).items() if v is not None}) for name, m in instance.measures.items()
    )
    measures = ",\n".join(f"  {json.dumps(name)}: {json.dumps(numbers)}" for name, numbers in given)
    return "{" + ",\n".join([*lines, f'"measures": {{\n{measures}\n}}']) + "}\n"


def _given(measure: Measure) -> str:
    return json.dumps({key: value for key, value in asdict(measure).items() if value is not None})


def _tuples(numbers: dict[str, Any]) -> dict[str, Any]:
    return {name: tuple(value) if isinstance(value, list) else value for name, value in numbers.items()}


def _from_original(data: dict[str, Any]) -> Instance:
    system, fault = data["system"], data["fault"]
    described = "\n".join([*system["services"], *system["edges"]])
    facts = {**dict(_facts(described, IN_SYSTEM)), **dict(_facts(fault["what"], IN_FAULT))}
    return Instance(data["id"], system["parameters"], facts, _measures(data["measure"]))


def _facts(sentences: str, patterns: dict[str, str]) -> Iterator[tuple[str, Any]]:
    for name, pattern in patterns.items():
        if found := re.search(pattern, sentences):
            number = re.fullmatch(NUMBER, found[1])
            yield name, float(found[1]) if number else True


def _measures(original: dict[str, Any]) -> dict[str, Measure]:
    """A measure that names no window has that of the first with its label, the last part of a name."""
    measures: dict[str, Measure] = {}
    windows: dict[str, tuple[float, float]] = {}
    for name, numbers in original.items():
        text, label = numbers["definition"], name.rpartition(".")[2]
        window = _window(text) or windows.get(label)
        if window:
            windows.setdefault(label, window)
        measures[name] = Measure(**_numbers(numbers), window=window, from_s=_from_s(text), edge=_edge(text))
    return measures


def _numbers(numbers: dict[str, Any]) -> dict[str, Any]:
    expected = numbers["expected"]
    if not isinstance(expected, list):
        return {key: numbers[key] for key in ("expected", "tolerance", "stderr")}
    return {
        "expected": tuple(value for _, value in expected),
        "tolerance": tuple(numbers["tolerance"]),
        "bin_s": numbers["bin_s"],
        "first_s": expected[0][0],
    }


def _window(text: str) -> tuple[float, float] | None:
    found = re.search(rf"\[{NUMBER},{NUMBER}\) s", text)
    return (float(found[1]), float(found[2])) if found else None


def _from_s(text: str) -> float | None:
    found = re.search(rf"(?:at or after|at t=) ?{NUMBER} s", text)
    return float(found[1]) if found else None


def _edge(text: str) -> tuple[str, str] | None:
    found = re.search(r"(?:attempts|on edge|callee of) (\w+)->(\w+)", text)
    return (found[1], found[2]) if found else None
