"""A person is told how long Ray took to start."""

import logging

import pytest

from twin.cli._execute import tell_of_ray


def test_the_start_of_ray_is_one_line_on_stderr(capsys: pytest.CaptureFixture[str]) -> None:
    for _ in range(2):
        tell_of_ray()
    logging.getLogger("twin.simulation.on_ray").info("Ray started in %.1f s", 7.06)
    said = capsys.readouterr()
    assert (said.out, said.err) == ("", "Ray started in 7.1 s\n")
