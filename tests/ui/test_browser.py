"""The page in Chromium: it is small, asks nobody outside, and draws what the queries say."""

import json
from collections.abc import Iterator
from pathlib import Path

import pytest

from twin.api.run import Run

MOST_BYTES = 200_000
PATIENCE_MS = 180_000

pytestmark = [pytest.mark.browser, pytest.mark.filterwarnings("default")]


@pytest.fixture(scope="module")
def address(runs: Path) -> Iterator[str]:
    import picture

    pytest.importorskip("playwright", reason="playwright is not installed")
    if picture.chromium() is None:
        pytest.skip("no chromium on this machine: apt-get install chromium")
    with picture.serve_page(runs) as address:
        yield address


@pytest.fixture(scope="module")
def context(address: str):
    """A reader far away."""
    import picture

    with picture.browser() as browser:
        context = browser.new_context(viewport={"width": 1440, "height": 1000}, timezone_id="Asia/Tokyo")
        context.set_default_timeout(PATIENCE_MS)
        yield context


def marks(page, chart: str, role: str) -> list[str]:
    """What the marks of a kind say to a screen reader."""
    found = page.locator(f'.st-key-{chart} svg [aria-roledescription="{role}"]')
    return [mark.get_attribute("aria-label") or "" for mark in found.all()]


def test_little_is_sent_to_draw_the_page(address: str, context) -> None:
    """What the server computes and sends decides how long a page takes to load, on any machine."""
    import picture

    page = context.new_page()
    sizes: list[int] = []
    page.on("websocket", lambda socket: socket.on("framereceived", lambda frame: sizes.append(len(frame))))
    page.goto(address)
    picture.wait_until_drawn(page)
    page.close()
    assert 0 < sum(sizes) < MOST_BYTES


def test_the_page_draws_what_the_queries_say(address: str, context, run: Run, tmp_path: Path) -> None:
    import picture

    page = context.new_page()
    errors: list[str] = []
    asked: list[str] = []
    page.on("console", lambda message: errors.append(message.text) if message.type == "error" else None)
    page.on("pageerror", lambda error: errors.append(str(error)))
    page.on("request", lambda request: asked.append(request.url))
    page.on("websocket", lambda socket: asked.append(socket.url.replace("ws://", "http://")))
    page.goto(address)
    picture.wait_until_drawn(page)
    page.screenshot(path=tmp_path / "page.png", full_page=True)
    assert (tmp_path / "page.png").stat().st_size > 20_000
    drawn_is_what_the_queries_say(page, run)
    the_moment_follows_the_slider(page)
    assert page.get_by_test_id("stException").count() == 0
    assert errors == []
    assert asked and [url for url in asked if not url.startswith((address, "data:", "blob:"))] == []


def drawn_is_what_the_queries_say(page, run: Run) -> None:
    lanes = run.sql("select service, begins from lanes where worst > 0 order by lane, begins").to_pylist()
    said = marks(page, "lanes", "bar")
    assert [words.split(":")[0] for words in said] == [row["service"] for row in lanes]
    assert "22:00–22:10" in said[0], "times are local to the incident, not to the browser"
    names = page.locator(".st-key-lanes svg .role-axis-label text").all_text_contents()
    order = list(dict.fromkeys(row["service"] for row in lanes))
    assert [n for n in names if n in run.services] == [*order, "names"]

    inputs = run.sql("select kind, id from interventions").to_pylist()
    rules = marks(page, "lanes", "rule mark")
    assert [words.split(",")[0] for words in rules] == [f"{row['kind']} {row['id']}" for row in inputs]

    card = json.loads((run.folder / "scorecard.json").read_text())
    diamonds = marks(page, "lanes", "point")
    assert [words.split("(")[-1].rstrip(")") for words in diamonds] == [o["id"] for o in card["outcomes"]]
    page.locator(".st-key-score canvas").first.scroll_into_view_if_needed()
    grid = page.locator(".st-key-score [role=grid]")
    assert int(grid.get_attribute("aria-rowcount")) == len(card["outcomes"]) + 1
    figures = dict(zip(page.get_by_test_id("stMetricLabel").all_text_contents(),
                       page.get_by_test_id("stMetricValue").all_text_contents(), strict=True))  # fmt: skip
    assert figures["Happen at all"] == f"{card['summary']['predicted']['exist_share']:.0%}"
    (totals,) = run.sql("from totals").to_pylist()
    assert figures["Service-minutes lost"] == f"{totals['service_minutes_lost']:,.0f}"


def the_moment_follows_the_slider(page) -> None:
    canvas = page.locator(".st-key-graph canvas").first
    before = canvas.screenshot()
    slider = page.get_by_role("slider").first
    slider.focus()
    slider.press("End")
    page.wait_for_timeout(300)
    page.locator('[data-testid="stApp"][data-test-script-state="notRunning"]').wait_for(state="attached")
    page.wait_for_timeout(500)
    assert canvas.screenshot() != before
