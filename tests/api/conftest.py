"""A tiny outage of an hour, run once."""

from pathlib import Path

import pytest

import twin
from tests.cli.conftest import TINY


@pytest.fixture(scope="session")
def tiny(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """The scenario's file."""
    path = tmp_path_factory.mktemp("scenario") / "tiny.yaml"
    path.write_text(TINY)
    return path


@pytest.fixture(scope="session")
def run(tiny: Path) -> twin.Run:
    """The run of it."""
    return twin.run(tiny)
