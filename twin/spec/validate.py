"""Trees → pydantic records. Errors of pydantic become problems with line and column."""

from __future__ import annotations

import types
import typing
from dataclasses import replace
from typing import Annotated, Any, TypeVar

from pydantic import BaseModel, ValidationError

from twin.base.units import Refused
from twin.spec.problems import Problem, did_you_mean, shown
from twin.spec.tree import Tree

R = TypeVar("R", bound=BaseModel)
Loc = tuple[str | int, ...]
ProblemKey = tuple[str, int, int, str]

_EXPECTED = {
    "bool_type": "true or false",
    "int_type": "a number",
    "float_type": "a number",
    "string_type": "text",
    "tuple_type": "a list",
    "dict_type": "a mapping",
    "model_type": "a mapping",
}


def validate(
    model: type[R], data: Any, tree: Tree, problems: list[Problem], context: dict[str, Any] | None = None
) -> R | None:
    """``data`` (the plain form of ``tree``) as a record; None if it has a problem.

    A place gets at most one problem.
    """
    try:
        return model.model_validate(data, by_alias=True, by_name=False, context=context or {})
    except ValidationError as error:
        taken = {(p.file, p.line, p.column) for p in problems}
        merged: dict[ProblemKey, Problem] = {}
        for details in _without_other_members(error.errors(include_url=False)):
            p = _problem(model, tree, details)
            if (p.file, p.line, p.column) in taken:
                continue
            key = (p.file, p.line, p.column, p.found)
            # Each member of a union refuses the value: one problem lists everything that they expect.
            options = merged[key].expected.split(" or ") if key in merged else []
            expected = " or ".join(options if p.expected in options else [*options, p.expected])
            merged[key] = replace(p, expected=expected)
        problems.extend(merged.values())
        return None


def _without_other_members(errors: list[Any]) -> list[Any]:
    """The errors, but not that a list is no 'none' where something inside the list is wrong."""
    inside = {error["loc"][0] for error in errors if len(error["loc"]) > 2}

    def misleads(error: Any) -> bool:
        is_list = error["type"] == "literal_error" and isinstance(error["input"], list)
        return is_list and error["loc"][0] in inside

    return [error for error in errors if not misleads(error)]


def _problem(model: type[BaseModel], tree: Tree, details: Any) -> Problem:
    path, place, rest = _walk(tree, details["loc"])
    dotted = ".".join(_as_written(path))
    kind, context = details["type"], details.get("ctx", {})
    if kind == "missing":
        return place.problem(dotted, f"no key '{rest[-1]}'", f"'{rest[-1]}'", at_key=True)
    if kind == "extra_forbidden":
        fields = _fields(model, path[:-1])
        hint = did_you_mean(path[-1], fields)
        return place.problem(dotted, f"unknown key '{path[-1]}'", "a known key", hint, at_key=True)
    refused = context.get("error")
    if isinstance(refused, Refused):
        found = refused.found or shown(place.value)
        at_key = isinstance(place.value, dict | list)
        return place.problem(dotted, found, refused.expected, refused.hint, at_key)
    if kind in ("literal_error", "enum"):
        options = context["expected"].replace("'", "").replace(" or ", ", ").split(", ")
        hint = did_you_mean(place.value, options)
        hint = "" if hint.startswith("known: ") else hint  # the options are all said
        return place.problem(dotted, shown(place.value), "one of " + ", ".join(options), hint)
    expected = _EXPECTED.get(kind) or details["msg"].removeprefix("Input should be ")
    hint = "put it in quotes" if kind == "string_type" and not isinstance(place.value, dict | list) else ""
    return place.problem(dotted, shown(place.value), expected, hint, at_key=bool(rest))


def _as_written(path: list[str | int]) -> list[str]:
    """The parts of a path as a file has them: numbers of a step have moved (``twin.spec.step_numbers``)."""
    moved = [n > 0 and part == "numbers" and isinstance(path[n - 1], int) for n, part in enumerate(path)]
    return [str(part) for part, has_moved in zip(path, moved, strict=True) if not has_moved]


def _walk(tree: Tree, loc: Loc) -> tuple[list[str | int], Tree, list[str | int]]:
    """Follow a pydantic location in the tree: the path, the place there, and the parts that lead nowhere.

    Unions put the names of their members into locations; these lead nowhere either.
    """
    path: list[str | int] = []
    rest: list[str | int] = []
    for part in loc:
        below = tree.get(part)
        if below is None:
            rest.append(part)
        else:
            path.append(part)
            tree = below
    return path, tree, rest


def _fields(model: Any, path: list[str | int]) -> list[str]:
    """The keys that the record at a path of a model may have, as a file writes them."""
    for part in path:
        model = _record(_annotation(model, part))
        if model is None:
            return []
    return [f.alias or name for name, f in model.model_fields.items()]


def _annotation(model: Any, part: str | int) -> Any:
    if isinstance(model, type) and issubclass(model, BaseModel):
        for name, f in model.model_fields.items():
            if (f.alias or name) == part:
                return f.annotation
        return None
    arguments = typing.get_args(model)
    return arguments[-1] if typing.get_origin(model) is dict else arguments[0]


def _record(annotation: Any) -> Any:
    """The record, mapping or list in an annotation, without None and metadata."""
    origin = typing.get_origin(annotation)
    if origin is Annotated:
        return _record(typing.get_args(annotation)[0])
    if origin in (typing.Union, types.UnionType):
        records = (_record(a) for a in typing.get_args(annotation) if a is not type(None))
        return next((a for a in records if a is not None), None)
    is_record = isinstance(annotation, type) and issubclass(annotation, BaseModel)
    return annotation if is_record or origin in (dict, tuple, list) else None
