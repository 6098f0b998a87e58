"""The page in Chromium without a network: pictures are seen, nothing is asked for, nothing is too wide."""

from collections.abc import Iterator
from pathlib import Path

import pytest

from twin.report.report import Report, write

pytestmark = [pytest.mark.browser, pytest.mark.filterwarnings("default")]

FIGURES = ("forest", "timelines", "recoveries", "costs")
DESK, PHONE = 1100, 360  # px


@pytest.fixture(scope="module")
def browser() -> Iterator:
    import picture

    pytest.importorskip("playwright", reason="playwright is not installed")
    if picture.chromium() is None:
        pytest.skip("no chromium on this machine: apt-get install chromium")
    with picture.browser() as browser:
        yield browser


@pytest.mark.parametrize("scheme", ["light", "dark"])
@pytest.mark.parametrize("width", [DESK, PHONE])
def test_the_page_is_whole_without_a_network(
    browser, report: Report, tmp_path: Path, width: int, scheme: str
) -> None:
    write(report, tmp_path / "page.html")
    said: list[str] = []
    asked: list[str] = []
    context = browser.new_context(viewport={"width": width, "height": 800}, color_scheme=scheme, offline=True)
    context.set_default_timeout(180_000)
    page = context.new_page()
    page.on("console", lambda message: said.append(message.text))
    page.on("pageerror", lambda error: said.append(str(error)))
    page.on("request", lambda request: asked.append(request.url))
    page.goto((tmp_path / "page.html").as_uri())
    page.screenshot(path=tmp_path / "page.png", full_page=True)
    for name in FIGURES:
        seen = [svg.bounding_box() for svg in page.locator(f"#{name} svg").all() if svg.is_visible()]
        assert len(seen) == 1 and seen[0]["width"] > 0.8 * min(width, 820) and seen[0]["height"] > 100
        assert letters_px(page, name) >= 9, "letters that nobody can read"
    assert page.evaluate("document.documentElement.scrollWidth") <= width
    assert said == [] and [url for url in asked if not url.startswith(("file:", "data:"))] == []
    context.close()


def letters_px(page, figure: str) -> float:
    """Size of the smallest letters of a picture, as they are drawn."""
    return page.evaluate("""name => Math.min(...[...document.querySelectorAll(`#${name} svg`)]
        .filter(svg => svg.getBoundingClientRect().width)
        .flatMap(svg => [...svg.querySelectorAll("text")].map(text =>
            parseFloat(getComputedStyle(text).fontSize) * svg.getScreenCTM().a)))""", figure)  # fmt: skip
