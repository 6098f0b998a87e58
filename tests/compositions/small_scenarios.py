"""Small scenarios written down briefly: plain numbers, which become the quantities of a scenario file."""

from __future__ import annotations

from collections.abc import Mapping
from pathlib import Path
from typing import Any

import yaml

import twin
from twin.model.scenario import Scenario

PLAIN = {"on", "mode", "parallel", "one_of", "fallback", "for"}  # fields of a dependency that are no numbers

Parts = Mapping[str, Mapping[str, Any]]


def spelled(name: str, value: Any) -> Any:
    """The value of a number as files spell it: with its unit, which the end of its name says."""
    if isinstance(value, str | bool):
        return value
    unit = "/s" if name.endswith("_per_s") else "s" if name.endswith("_s") else ""
    return f"{value:.12g}{unit}" if unit else value


def _quantity(name: str, value: Any) -> dict[str, Any]:
    is_number = isinstance(value, int | float) and not isinstance(value, bool)
    text = spelled(name, value)
    return {"value": text, "assumed": "an example", **({"range": [text, text]} if is_number else {})}


def _dependency(given: Mapping[str, Any]) -> dict[str, Any]:
    whole = {"mode": "hard", **given}
    return {key: value if key in PLAIN else _quantity(key, value) for key, value in whole.items()}


def _service(given: Mapping[str, Any]) -> dict[str, Any]:
    """``kind`` and ``calls`` (its dependencies); all else is a parameter."""
    parameters = {key: _quantity(key, v) for key, v in given.items() if key not in ("kind", "calls")}
    calls = [_dependency(call) for call in given.get("calls", ())]
    return {"kind": given["kind"], "parameters": parameters, "dependencies": calls}


def scenario_tree(services: Parts, faults: list[dict[str, Any]], duration_s: float) -> dict[str, Any]:
    """The tree of a scenario file. A fault has ``at``, perhaps ``until``, in seconds, and ``set``."""
    return {
        "scenario": "small", "title": "A small system", "question": "Do both sides agree?",
        "start": "2025-11-01T00:00:00Z", "duration": f"{duration_s}s", "seed": 1, "requests": "each",
        "services": {name: _service(service) for name, service in services.items()},
        "faults": [
            {"id": f"f{k}", "assumed": "an example",
             **{key: f"+{fault[key]}s" for key in ("at", "until") if key in fault},
             "set": {target: spelled(target, value) for target, value in fault["set"].items()}}
            for k, fault in enumerate(faults)
        ],
    }  # fmt: skip


def load_tree(tree: Mapping[str, Any], folder: Path) -> Scenario:
    """The scenario of such a tree. Raises SpecError."""
    path = folder / "small.yaml"
    path.write_text(yaml.safe_dump(dict(tree), sort_keys=False))
    return twin.load(path)
