"""The page in a real browser: Debian's Chromium, headless, driven by Playwright. For pictures and for tests.

``python ui/picture.py FILE.png`` takes the picture of the newest run's blast radius (``make picture``).
"""

from __future__ import annotations

import os
import shutil
import socket
import subprocess
import sys
import tempfile
import time
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import TYPE_CHECKING
from urllib.error import URLError
from urllib.request import urlopen

if TYPE_CHECKING:
    from playwright.sync_api import Browser, Page

ROOT = Path(__file__).resolve().parents[1]
PATIENCE_S = 180.0
# What the page needs is on this machine: Chromium asks nobody for anything.
FLAGS = [
    "--no-sandbox", "--disable-gpu", "--disable-quic", "--no-first-run", "--disable-background-networking",
    "--disable-component-update", "--disable-sync",
]  # fmt: skip


@contextmanager
def serve_page(runs: Path | None = None) -> Iterator[str]:
    """The page's address, on a free port, over a folder of runs. Raises RuntimeError with its log."""
    with socket.socket() as free:
        free.bind(("127.0.0.1", 0))
        port = free.getsockname()[1]
    app = str(ROOT / "ui" / "app.py")
    command = [sys.executable, "-m", "streamlit", "run", app, "--server.port", str(port)]
    environment = os.environ | ({"TWIN_OUT": str(runs)} if runs else {})
    with tempfile.TemporaryFile("w+") as log:
        server = subprocess.Popen(command, cwd=ROOT, env=environment, stdout=log, stderr=log)
        try:
            _wait(f"http://127.0.0.1:{port}/_stcore/health", server, log)
            yield f"http://127.0.0.1:{port}"
        finally:
            server.terminate()
            try:
                server.wait(10)
            except subprocess.TimeoutExpired:
                server.kill()


def _wait(address: str, server: subprocess.Popen[bytes], log) -> None:
    end = time.monotonic() + PATIENCE_S
    while time.monotonic() < end and server.poll() is None:
        try:
            with urlopen(address, timeout=2):
                return
        except (URLError, OSError):
            time.sleep(0.1)
    log.seek(0)
    raise RuntimeError(f"the page does not start:\n{log.read()}")


def chromium() -> str | None:
    """Where Chromium is on this machine."""
    return shutil.which("chromium") or shutil.which("chromium-browser") or shutil.which("google-chrome")


@contextmanager
def browser() -> Iterator[Browser]:
    """Chromium without a window."""
    from playwright.sync_api import sync_playwright

    with sync_playwright() as playwright:
        started = playwright.chromium.launch(executable_path=chromium(), args=FLAGS)
        try:
            yield started
        finally:
            started.close()


def wait_until_drawn(page: Page) -> None:
    """Until the script has ended and every chart of the timeline and the graph has its marks."""
    page.get_by_text("Why?", exact=True).wait_for()
    page.locator('[data-testid="stApp"][data-test-script-state="notRunning"]').wait_for(state="attached")
    for key in ("lanes", "blast"):
        page.locator(f".st-key-{key} .marks").first.wait_for()
    page.locator(".st-key-graph canvas").first.wait_for()


def main() -> None:
    """Take the picture."""
    file = Path(sys.argv[1] if len(sys.argv) > 1 else ROOT / "data" / "pictures" / "blast-radius.png")
    file.parent.mkdir(parents=True, exist_ok=True)
    with serve_page() as address, browser() as started:
        page = started.new_page(viewport={"width": 1440, "height": 2000})
        page.goto(address)
        wait_until_drawn(page)
        page.wait_for_timeout(1000)
        page.locator(".st-key-timeline").screenshot(path=file)


if __name__ == "__main__":
    main()
