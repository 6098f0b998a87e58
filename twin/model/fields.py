"""The types of fields in files: durations, moments and names, each with the text that a schema says of it."""

from __future__ import annotations

import re
from datetime import UTC, datetime
from functools import cache
from typing import Annotated, Any, Self, TypeVar

from pydantic import (
    AfterValidator,
    BaseModel,
    BeforeValidator,
    ConfigDict,
    Field,
    StrictBool,
    StrictFloat,
    StrictInt,
    StrictStr,
    ValidationInfo,
    WithJsonSchema,
    model_validator,
)

from twin.base import units

R = TypeVar("R", bound=BaseModel)
Value = StrictBool | StrictInt | StrictFloat | StrictStr


def _seconds(value: object, info: ValidationInfo) -> object:
    """Files (the only callers with a context) must write a unit; code may pass seconds."""
    from_file = info.context is not None
    return units.parse_duration(value) if from_file or isinstance(value, str) else value


def _per_second(value: object, info: ValidationInfo) -> object:
    return units.parse_rate(value) if info.context is not None or isinstance(value, str) else value


def _moment(value: object, info: ValidationInfo) -> object:
    if info.context is None and not isinstance(value, str):
        return value
    start = (info.context or {}).get("start")
    seconds = units.parse_time(value, start or _SOME_START)
    return seconds if start or str(value).startswith("+") else 0.0


_SOME_START = datetime(2025, 1, 1, tzinfo=UTC)  # to check a time whose start is unreadable
NAME_PATTERN = r"^[a-z][a-z0-9-]{0,59}$"


def _name(value: str) -> str:
    if not re.match(NAME_PATTERN, value):
        raise units.Refused("a name of lowercase letters, digits and dashes", found=f"'{value[:60]}'")
    return value


def _clock(value: object) -> object:
    return value if isinstance(value, datetime) else units.parse_clock(value)


_DURATION_SCHEMA = {"type": "string", "pattern": units.DURATION_PATTERN, "examples": ["15m", "1h30m"]}
_RATE_SCHEMA = {"type": "string", "pattern": units.RATE_PATTERN, "examples": ["2/h"]}
_TIME_SCHEMA = {"type": "string", "pattern": units.TIME_PATTERN, "examples": ["+15m"]}
_LEVEL_SCHEMA = {"anyOf": [{"type": "number"}, {"type": "string"}]}
PATH_SCHEMA = {"type": "string", "description": "path, relative to this file"}

Seconds = Annotated[float, BeforeValidator(_seconds), Field(ge=0), WithJsonSchema(_DURATION_SCHEMA)]
PerSecond = Annotated[float, BeforeValidator(_per_second), Field(gt=0), WithJsonSchema(_RATE_SCHEMA)]
MomentS = Annotated[float, BeforeValidator(_moment), WithJsonSchema(_TIME_SCHEMA)]
ClockTime = Annotated[datetime, BeforeValidator(_clock), WithJsonSchema(_TIME_SCHEMA)]
Level = Annotated[StrictInt | StrictFloat, WithJsonSchema(_LEVEL_SCHEMA)]
Minutes = Annotated[StrictInt | StrictFloat, Field(ge=0)]
Slug = Annotated[str, AfterValidator(_name), WithJsonSchema({"type": "string", "pattern": NAME_PATTERN})]


class Record(BaseModel):
    model_config = ConfigDict(frozen=True, extra="forbid", populate_by_name=True)


class SparseRecord(Record):
    """A record that stores no field which has its default: of the many fields of a dependency, a file gives
    few, and a large topology has half a million dependencies. Reading such a field gives the default."""

    @model_validator(mode="after")
    def _without_defaults(self) -> Self:
        fields = type(self).model_fields
        kept = {name: value for name, value in self.__dict__.items()
                if fields[name].is_required() or value != fields[name].default}  # fmt: skip
        object.__setattr__(self, "__dict__", kept)
        return self

    def __getattr__(self, name: str) -> Any:
        try:
            return _defaults_of(type(self))[name]
        except KeyError:
            raise AttributeError(f"{type(self).__name__} has no {name}") from None


@cache
def _defaults_of(record: type[BaseModel]) -> dict[str, Any]:
    fields = record.model_fields
    return {name: field.default for name, field in fields.items() if not field.is_required()}


def assembled(record: type[R], **given: Any) -> R:
    """A record of values that have been checked already, without the cost of checking them again.

    Fields without a value have their defaults. A SparseRecord does not store them.
    """
    if not issubclass(record, SparseRecord):
        given = _defaults_of(record) | given
    made = record.__new__(record)
    put = object.__setattr__
    put(made, "__dict__", given)
    put(made, "__pydantic_fields_set__", _set_of(tuple(given)))
    put(made, "__pydantic_extra__", None)
    put(made, "__pydantic_private__", None)
    return made


@cache
def _set_of(names: tuple[str, ...]) -> set[str]:
    return set(names)  # one for all records with these fields: records are frozen


def one_of(record: Any, *names: str) -> Any:
    """The record, if exactly one of these keys is given. The names are those of the file."""
    fields = {field.alias or name: name for name, field in type(record).model_fields.items()}
    given = [name for name in names if getattr(record, fields[name]) is not None]
    if len(given) != 1:
        raise units.Refused("exactly one of " + ", ".join(names), found=" and ".join(given) or "none of them")
    return record
