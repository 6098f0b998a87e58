"""twin ui: the page's server ends with the command."""

import signal
import socket
import subprocess
import sys
import time
from pathlib import Path

import pytest

PATIENCE_S = 300.0


def _free_port() -> int:
    with socket.socket() as free:
        free.bind(("127.0.0.1", 0))
        return free.getsockname()[1]


def _answers(port: int) -> bool:
    with socket.socket() as client:
        return client.connect_ex(("127.0.0.1", port)) == 0


def _until(condition, wanted: bool) -> None:
    end = time.monotonic() + PATIENCE_S
    while condition() is not wanted:
        assert time.monotonic() < end, "the server did not change in time"
        time.sleep(0.1)


@pytest.mark.parametrize("by", [signal.SIGTERM, signal.SIGINT])
def test_a_signal_ends_the_server_too(tmp_path: Path, by: signal.Signals) -> None:
    port = _free_port()
    command = [sys.executable, "-m", "twin", "ui", "--port", str(port), "--out", str(tmp_path)]
    page = subprocess.Popen(command, stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL)
    try:
        _until(lambda: _answers(port), True)
        page.send_signal(by)
        page.wait(PATIENCE_S)
        _until(lambda: _answers(port), False)
    finally:
        page.kill()
