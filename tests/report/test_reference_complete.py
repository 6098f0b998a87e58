"""The reference of dependencies and the help of ``twin query`` leave nothing out."""

from __future__ import annotations

from typing import get_args

from twin.base.places import LIBRARY
from twin.cli.query import VIEWS
from twin.model.dependency_parameters import EDGE_PARAMETERS
from twin.model.scenario import Dependency, Mode
from twin.report.reference import KEYS, MODES


def test_each_mode_has_its_meaning() -> None:
    assert set(MODES) == set(get_args(Mode))


def test_each_key_has_its_meaning() -> None:
    numbers = {p.name for p in EDGE_PARAMETERS}
    words = {field.alias or name for name, field in Dependency.model_fields.items()} - {
        "numbers",
        "inherited_from",
    }
    assert words - numbers <= set(KEYS), words - numbers - set(KEYS)


def test_each_view_is_named() -> None:
    views = {path.stem for path in (LIBRARY / "twin/simulation/sql").glob("*.sql")}
    assert {view for view in views if f"\n  {view} " not in VIEWS} == set()
