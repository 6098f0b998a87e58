"""A run as a notebook shows it: a small picture of the blast radius, and a table of onsets."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from html import escape
from typing import Any

from twin.base.clock import Clock
from twin.results.impact import impact_of, services_html
from twin.simulation.run import FinishedRun

WIDTH, HEIGHT, BASE = 640, 120, 100  # px; the time axis stands at BASE
COLOURS = {"degraded": "#fbe7a1", "impaired": "#f4813f", "down": "#7a0f1f"}

BlastStep = Mapping[str, Any]


def run_html(run: FinishedRun) -> str:
    """A title, the totals, the picture and the table. All text is escaped."""
    manifest, impact = run.manifest, impact_of(run)
    steps = run.sql("from blast_steps").to_pylist()
    title = f"<b>{escape(manifest['title'] or manifest['scenario'])}</b>"
    head = f"{title}<br>run {escape(run.run_id[:8])}, seed {manifest['seed']}: {escape(str(impact))}"
    return f"<div><p>{head}</p>{blast_svg(steps, manifest)}{services_html(impact)}</div>"


def blast_svg(steps: Sequence[BlastStep], manifest: Mapping[str, Any]) -> str:
    """How many services are degraded or worse, impaired or worse, and down, over the time of the run."""
    clock, ticks = Clock(manifest), manifest["duration_s"] / manifest["tick_s"]
    peak = max((step["degraded"] for step in steps), default=0)
    areas = "".join(
        f'<path d="{_area(steps, state, ticks, max(1, peak))}" fill="{colour}"><title>{state}</title></path>'
        for state, colour in COLOURS.items()
    )
    line = f'<path d="M0 {BASE}H{WIDTH}" stroke="#888"/>'
    label = f"Services degraded (yellow), impaired (orange) and down (red); {peak} at most"
    text = _label(0, "start", clock.local(0)) + _label(WIDTH, "end", clock.local(round(ticks)))
    return (
        f'<svg role="img" aria-label="{escape(label)}" viewBox="0 0 {WIDTH} {HEIGHT}" width="{WIDTH}" '
        f'style="max-width:100%">{areas}{line}{text}{_label(WIDTH // 2, "middle", label)}</svg>'
    )


def _area(steps: Sequence[BlastStep], state: str, ticks: float, peak: int) -> str:
    """The path of a staircase over the steps of one count."""
    x, y = WIDTH / ticks, (BASE - 10) / peak
    stairs = "".join(f"V{BASE - step[state] * y:.1f}H{step['ends'] * x:.1f}" for step in steps)
    return f"M0 {BASE}{stairs}V{BASE}Z"


def _label(x: int, anchor: str, text: str) -> str:
    style = 'font-size="11" font-family="sans-serif" fill="currentColor"'
    return f'<text x="{x}" y="{HEIGHT - 4}" text-anchor="{anchor}" {style}>{escape(text)}</text>'
