"""JSON Schemas of the files, for editors: which keys and kinds there are, what they mean, which unit is due.

Made from the records of ``twin.model.scenario`` and the kinds' own PARAMETERS. They complete and check
while one types. ``twin check`` alone sees the problems of two places: a dependency to nowhere, an action
before the start.
"""

from __future__ import annotations

import json
from collections.abc import Mapping
from typing import Any

from pydantic import BaseModel

from twin.base import units
from twin.model.changes import Barriers, Defects, Extension, Mitigation, Variant, WhatIf
from twin.model.parameter import Param
from twin.model.scenario import CHOSEN, ORIGINS, Scenario, Topology
from twin.model.signals import WATCHED
from twin.model.step_numbers import SLOTS
from twin.spec.examples import EXAMPLE, KEY
from twin.spec.scenario import OF_TOPOLOGY
from twin.spec.sources import Sources
from twin.spec.values import EDGE, parameters_by_kind

Schema = dict[str, Any]

_DIALECT = "https://json-schema.org/draft/2020-12/schema"
_VALUES: Mapping[str, Schema] = {
    "s": {"type": "string", "pattern": units.DURATION_PATTERN},
    "1/s": {"type": "string", "pattern": units.RATE_PATTERN},
    "count": {"type": "number", "multipleOf": 1},
    "ratio": {"anyOf": [{"type": "number"}, {"type": "string", "pattern": units.RATIO_PATTERN}]},
    "switch": {"type": "boolean"},
}
_NAMES = {"s": "Duration", "1/s": "Rate", "count": "Count", "ratio": "Ratio", "switch": "Switch"}


def schemas(kinds: Mapping[str, Any] | None = None) -> dict[str, str]:
    """Path relative to the project's root → text of the schema that should be there."""
    parameters = parameters_by_kind(kinds)
    documents = {
        "topology/schema/services.schema.json": _or_plain(_services(parameters)),
        "topology/schema/topology.schema.json": _or_plain(_of(Topology, parameters)),
        "scenarios/schema/scenario.schema.json": _or_plain(_scenario(parameters)),
        "scenarios/schema/mitigation.schema.json": _on_top(Mitigation, parameters),
        "scenarios/schema/variant.schema.json": _on_top(Variant, parameters),
        "scenarios/schema/what-if.schema.json": _on_top(WhatIf, parameters),
        "scenarios/schema/barriers.schema.json": _on_top(Barriers, parameters),
        "scenarios/schema/defects.schema.json": _of(Defects, parameters),
        "data/schema/sources.schema.json": _of(Sources, parameters),
    }
    return {path: json.dumps(d, indent=2, ensure_ascii=False) + "\n" for path, d in documents.items()}


def _of(model: type[BaseModel], parameters: Mapping[str, Mapping[str, Param]]) -> Schema:
    """pydantic's schema of a record, with what files spell differently put right."""
    schema: Schema = {"$schema": _DIALECT, **model.model_json_schema(by_alias=True)}
    definitions = schema.get("$defs", {})
    if "Service" in definitions:
        _service(definitions["Service"], parameters)
        definitions |= {name: _of_values(_VALUES[unit]) for unit, name in _NAMES.items()}
    if "Dependency" in definitions:
        definitions["Dependency"]["properties"] |= {name: _quantity(p) for name, p in EDGE.items()}
        del definitions["Dependency"]["properties"]["inherited_from"]
        definitions["Reach"]["properties"] |= {name: _quantity(p) for name, p in EDGE.items()}
    if "Quantity" in definitions:
        definitions["Quantity"]["oneOf"] = _one_of(*ORIGINS)
    if "Intervention" in definitions:
        for owner in ("Intervention", "Diagnosis"):
            definitions.get(owner, {}).get("properties", {}).pop("numbers", None)
        del definitions["Intervention"]["properties"]["kind"]
        _numbers_of_steps(definitions)
        alone = {"required": ["follows"], "not": {"anyOf": _one_of("at", "when")}}
        choices = (_one_of(*ORIGINS), [*_one_of("at", "when"), alone])
        definitions["Intervention"]["allOf"] = [{"oneOf": choice} for choice in choices]
        _stages(schema, definitions)
    if "Condition" in definitions:
        _condition(definitions["Condition"])
    return schema


def _services(parameters: Mapping[str, Mapping[str, Param]]) -> Schema:
    schema = _of(Topology, parameters)
    schema["properties"] = {"services": schema["properties"]["services"]}
    return schema | {"title": "Services", "required": ["services"]}


def _scenario(parameters: Mapping[str, Mapping[str, Param]]) -> Schema:
    """A scenario may bring services of its own, and needs no topology then; or stand on another one, and
    then say only what is different."""
    schema, topology = _of(Scenario, parameters), _of(Topology, parameters)
    different = _of(Extension, parameters)
    schema["properties"] = different["properties"] | schema["properties"]
    schema["properties"] |= {key: topology["properties"][key] for key in OF_TOPOLOGY}
    schema["$defs"] = topology["$defs"] | schema["$defs"]
    schema["$defs"]["Service"]["required"] = []  # what a service of the topology has need not be said again
    whole = [key for key in schema["required"] if key not in different["required"] and key != "topology"]
    schema["required"] = [key for key in schema["required"] if key in different["required"]]
    named = [{"required": ["topology"]}, {"required": ["services"]}]
    stands_alone = {"required": whole, "anyOf": named, "not": {"required": ["base"]}}
    schema["oneOf"] = [{"required": ["base"]}, stands_alone]
    return schema


def _on_top(model: type[BaseModel], parameters: Mapping[str, Mapping[str, Param]]) -> Schema:
    """A change to a scenario: what a service of the topology has need not be said again."""
    schema = _of(model, parameters)
    schema["$defs"]["Service"]["required"] = []
    return schema


def _service(schema: Schema, parameters: Mapping[str, Mapping[str, Param]]) -> None:
    """The kinds there are, and for each the parameters it has."""
    del schema["properties"]["name"]
    schema["required"] = ["kind"]
    schema["properties"]["kind"]["enum"] = list(parameters)
    schema["properties"]["parameters"] = {"type": "object"}
    schema["allOf"] = [
        {
            "if": {"properties": {"kind": {"const": kind}}, "required": ["kind"]},
            "then": {"properties": {"parameters": _parameters(of_kind)}},
        }
        for kind, of_kind in parameters.items()
    ]


def _parameters(parameters: Mapping[str, Param]) -> Schema:
    quantities = {name: _quantity(p) for name, p in parameters.items()}
    return {"type": "object", "properties": quantities, "additionalProperties": False}


def _quantity(param: Param) -> Schema:
    """What a parameter means, and a reference to what a quantity of its unit looks like."""
    about = {"description": f"{param.meaning}; default {_default(param)}"}
    if param.unit == "choice":
        return _of_values({"enum": list(param.choices)}) | about
    return {"$ref": f"#/$defs/{_NAMES[param.unit]}"} | about


def _of_values(value: Schema) -> Schema:
    return {
        "type": "object",
        "properties": {
            "value": value,
            "source": {"type": "string", "description": "id in data/sources.yaml"},
            "measured": {"type": "string", "description": "where you measured it"},
            "assumed": {"type": "string", "description": "why this value, whatever the published times are"},
            "chosen": {"type": "string", "description": CHOSEN},
            "fitted_to": {"type": "array", "items": {"type": "string"}},
            "range": {"type": "array", "items": value, "minItems": 2, "maxItems": 2},
        },
        "required": ["value"],
        "additionalProperties": False,
        "oneOf": _one_of(*ORIGINS),
    }


def _or_plain(schema: Schema) -> Schema:
    """A file with ``assumed: example`` at its top may write numbers plainly. Whether it has that key, only
    ``twin check`` looks."""
    about = {"const": EXAMPLE, "description": "every number in this file is part of an example"}
    schema["properties"][KEY] = about
    if "Intervention" in schema["$defs"]:
        origin, *others = schema["$defs"]["Intervention"]["allOf"]
        none = {"not": {"anyOf": origin["oneOf"]}}
        schema["$defs"]["Intervention"]["allOf"] = [{"oneOf": [*origin["oneOf"], none]}, *others]
    schema["$defs"] = _quantities_or_plain(schema["$defs"])
    return schema


def _quantities_or_plain(schema: Any) -> Any:
    if isinstance(schema, list):
        return [_quantities_or_plain(part) for part in schema]
    if not isinstance(schema, dict):
        return schema
    if schema.get("required") == ["value"]:
        about = {key: schema.pop(key) for key in ("description",) if key in schema}
        return {"if": {"type": "object"}, "then": schema, "else": schema["properties"]["value"], **about}
    return {key: _quantities_or_plain(part) for key, part in schema.items()}


def _default(param: Param) -> str:
    if isinstance(param.default, bool | str):
        return str(param.default).lower() if isinstance(param.default, bool) else param.default
    if param.unit == "s":
        return units.format_duration(param.default)
    return f"{param.default:g}" + ("/s" if param.unit == "1/s" else "")


def _stages(schema: Schema, definitions: Schema) -> None:
    """The times that responders take are durations, and their spread is a ratio."""
    duration = {"$ref": "#/$defs/Duration"}
    stages = {"type": "object", "additionalProperties": duration}
    for owner, name in (("Intervention", "takes"), ("Diagnosis", "takes"), ("Diagnosis", "misled_by")):
        about = definitions[owner]["properties"][name]
        definitions[owner]["properties"][name] = stages | {"description": about["description"]}
    for name in ("triage_s", "triage_doubling_s"):
        about = definitions["Diagnosis"]["properties"][name]
        definitions["Diagnosis"]["properties"][name] = duration | {"description": about["description"]}
    if (about := schema["properties"].get("stage_cv_ratio")) is not None:
        spread = {"$ref": "#/$defs/Ratio", "description": about["description"]}
        schema["properties"]["stage_cv_ratio"] = spread


def _numbers_of_steps(definitions: Schema) -> None:
    """Each number of a step may have an origin of its own."""
    steps = definitions["Intervention"]["properties"]["set"]
    steps["additionalProperties"] = {"anyOf": [steps["additionalProperties"], {"$ref": "#/$defs/Quantity"}]}
    for slot in SLOTS.values():
        for owner in {"": ("Intervention",), "when": ("Condition",), "random": ("Chance",)}[slot.owner]:
            plain = definitions[owner]["properties"][slot.inner]
            about = {key: plain.pop(key) for key in ("description", "default") if key in plain}
            plain.pop("title", None)
            value = (
                {"type": "string", "pattern": units.TIME_PATTERN} if slot.is_moment else _VALUES[slot.unit]
            )
            value = {"anyOf": [{"type": "number"}, {"type": "string"}]} if slot.is_level else value
            own = _of_values(value)
            definitions[owner]["properties"][slot.inner] = {"anyOf": [plain, own], **about}


def _condition(schema: Schema) -> None:
    del schema["properties"]["service"]
    signals = "|".join(WATCHED)
    schema["properties"]["signal"] = {"type": "string", "pattern": rf"^[a-z][a-z0-9-]*\.({signals})$"}
    schema["required"] = ["signal"]
    schema["oneOf"] = _one_of("above", "below")


def _one_of(*keys: str) -> list[Schema]:
    return [{"required": [key]} for key in keys]
