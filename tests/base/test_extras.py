"""The extras of the package are those that commands ask for."""

import tomllib
from pathlib import Path

from twin.base.extras import EXTRAS, PROJECT


def test_an_extra_installs_what_its_commands_need() -> None:
    project = tomllib.loads((Path(__file__).parents[2] / "pyproject.toml").read_text())["project"]
    assert project["name"] == PROJECT
    for extra, names in EXTRAS.items():
        required = " ".join(project["optional-dependencies"][extra]).lower()
        assert all(name in required for name in names)
    assert project["optional-dependencies"]["all"] == [f"{PROJECT}[{','.join(EXTRAS)}]"]
