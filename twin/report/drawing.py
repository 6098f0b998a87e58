"""Drawing by matplotlib into a page: text stays text, colours are the page's own, bytes follow from the data.

A colour here stands for a variable of the page's style (``VARIABLES``), so that pictures turn dark with it.
Each picture is drawn twice, for a desk and for a phone; the page shows the one that fits.
"""

from __future__ import annotations

import io
import re
from collections.abc import Callable
from html import escape
from typing import Any

from markupsafe import Markup
from matplotlib import style
from matplotlib.axes import Axes
from matplotlib.figure import Figure

# Okabe and Ito's colours (jfly.uni-koeln.de/color), safe for colour-blind readers, for light paper.
INK, QUIET, LINE, PAPER = "#1b2330", "#5a6472", "#d5dae1", "#fdfdfe"
BASE, GOOD, UNCLEAR = "#b24a00", "#0067a6", "#6c7480"
BAD = BASE
VARIABLES = {
    INK: "--ink", QUIET: "--quiet", LINE: "--line", PAPER: "--paper",
    BASE: "--base", GOOD: "--good", UNCLEAR: "--unclear",
}  # fmt: skip

WIDE, NARROW = 10.9, 4.7  # inches of 72 units, the width of the page's column and of a phone
STYLE: dict[str, Any] = {
    "svg.fonttype": "none", "svg.hashsalt": "twin", "text.parse_math": False, "axes.unicode_minus": True,
    "font.family": ["sans-serif"], "font.sans-serif": ["DejaVu Sans"], "font.size": 11,
    "axes.edgecolor": LINE, "axes.labelcolor": QUIET, "axes.titlecolor": INK, "axes.labelsize": 11,
    "axes.titlesize": 12, "axes.titlelocation": "left", "axes.titlepad": 10,
    "axes.facecolor": "none", "figure.facecolor": "none", "text.color": INK,
    "xtick.color": LINE, "ytick.color": LINE, "xtick.labelcolor": QUIET, "ytick.labelcolor": QUIET,
    "axes.spines.top": False, "axes.spines.right": False, "grid.color": LINE, "grid.linewidth": 0.7,
    "lines.linewidth": 2.0, "legend.frameon": False,
}  # fmt: skip
NOTHING_ABOUT = dict.fromkeys(("Date", "Creator", "Format", "Type"))

Painter = Callable[[Figure, bool], None]


def picture(name: str, words: str, height: Callable[[bool], float], draw: Painter) -> Markup:
    """Two drawings of one picture as HTML, for a desk and a phone. ``words``: its description.

    ``height`` (inches) and ``draw`` get True for the phone.
    """
    wide, narrow = (_svg(f"{name}-{k}", words, height, draw, k == "narrow") for k in ("wide", "narrow"))
    return Markup(f'<div class="wide">{wide}</div><div class="narrow">{narrow}</div>')


def _svg(name: str, words: str, height: Callable[[bool], float], draw: Painter, narrow: bool) -> str:
    with style.context(["default", STYLE]):  # whatever this machine's own settings are
        figure = Figure(figsize=(NARROW if narrow else WIDE, height(narrow)), layout="constrained")
        draw(figure, narrow)
        text = io.StringIO()
        figure.savefig(text, format="svg", metadata=NOTHING_ABOUT)
    return _for_the_page(text.getvalue(), name, words)


def _for_the_page(svg: str, name: str, words: str) -> str:
    """The picture as a part of a page: its own ids, the colours and fonts of the page, a title."""
    svg = svg[svg.index("<svg") :]
    svg = re.sub(r' xmlns(:\w+)?="[^"]*"', "", svg, count=2).replace("xlink:href=", "href=")
    svg = re.sub(r'( id="|href="#|url\(#)', rf"\1{name}-", svg)
    svg = re.sub(r"(fill|stroke): (#[0-9a-f]{6})", _variable, svg)
    svg = re.sub(r"; font-family: [^;\"]*", "", svg)
    svg = re.sub(r"<style.*?</style>", "", svg, flags=re.S)
    width = re.search(r'viewBox="0 0 ([\d.]+)', svg)
    assert width is not None
    head = f'<svg role="img" aria-labelledby="{name}-title" style="max-width:{float(width[1]):.0f}px"'
    svg = re.sub(r'<svg width="[^"]*" height="[^"]*"', lambda _: head, svg, count=1)
    title = f'<title id="{name}-title">{escape(words)}</title>'
    return re.sub(r"(<svg[^>]*>)", lambda found: found[1] + title, svg, count=1)


def _variable(found: re.Match[str]) -> str:
    name = VARIABLES.get(found[2])
    return f"{found[1]}: var({name})" if name else found[0]


def bare(axes: Axes, keep: str = "bottom") -> None:
    """Without frame and left ticks: for rows that carry their own names."""
    for side, spine in axes.spines.items():
        spine.set_visible(side == keep)
    axes.set_yticks([])
    axes.tick_params(length=3)
