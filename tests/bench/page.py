"""The figures as text: lines while they are measured, docs/bench.md, and the table that the README quotes."""

from __future__ import annotations

import importlib.metadata
import json
import os
import platform
from collections.abc import Iterable, Mapping
from pathlib import Path
from typing import Any

from tests.bench.measure import REFERENCE_S, Bench, Figure
from tests.bench.rows import ROWS

ROOT = Path(__file__).parents[2]
RESULTS = Path(__file__).parent / "results.json"
PAGE, README = ROOT / "docs" / "bench.md", ROOT / "README.md"
BEGIN, END = "<!-- bench: written by make bench -->", "<!-- end of bench -->"
LIBRARIES = ("numpy", "numba", "scipy", "pyarrow", "duckdb", "pandas", "ray", "simpy")

HEAD = """\
# Speed, with peers beside it

<!-- Written by `make bench` from tests/bench/results.json. -->

`make bench` measures the twin and other programs on the same work. It checks each answer: a fast wrong answer
fails. [tests/bench/README.md](../tests/bench/README.md) says what each work is, and how to measure a part.

| | |
|---|---|
| Machine | {machine} |
| Load | {load} |
| Versions | {versions} |
| Factor | {factor} |

- Times are processor time of one process, median of five, unless a line says otherwise.
- *Scaled* is the figure on the reference machine. Targets are for scaled figures.
- × is a ratio of two times. It does not depend on the speed of the machine.

{table}
"""
COLUMNS = "| Work | Who | Here | Scaled | Target | Note |\n|---|---|---|---|---|---|"
QUOTED = """\
{begin}

| Work | Twin | Peer | Target |
|---|---|---|---|
{rows}

{machine}; Python {python}, numpy {numpy}, numba {numba}. The load was {load}.
Factor: {factor}.
All figures: [docs/bench.md](docs/bench.md).

{end}"""

# What the README quotes: its words, and the beginnings of a work, of whose figure, and of that of the peer.
QUOTES = (
    ("A retry storm, 300 s of 700 calls/s", "retry storm, none", "SimPy over the engine", "SimPy 4"),
    ("The storm with all tables", "retry storm, none", "SimPy over tables", "SimPy 4"),
    ("The storm with a retry budget, all tables", "retry storm, budget", "SimPy over tables", "SimPy 4"),
    ("M/M/1, 200,000 customers one by one", "M/M/1", "SimPy over tables", "SimPy 4"),
    ("A chain of services, request by request", "composition: chain", "SimPy over the twin", "SimPy (the"),
    ("Losses of one and two of 150 services", "static blast radius", "twin", "FaultRay"),
    ("Every order of the DNS race, (3, 3, 6)", "race (3, 3, 6)", "twin, explorer, states", ""),
    ("A Markov chain of 2,000 states", "Markov chain, 2,000", "twin", "dense"),
    ("20 October, 44 services, the engine", "20 October, core", "twin, engine", "twin, uncompiled"),
    ("20 October, 300 services, the engine", "20 October, region", "twin, engine", "twin, uncompiled"),
    ("Rows of a run to disk", "journal", "twin, rows", "pandas to CSV"),
)


def machine() -> dict[str, Any]:
    """What the figures depend on, beside the code."""
    versions = {"python": platform.python_version()}
    for name in LIBRARIES:
        versions[name] = importlib.metadata.version(name)
    cpu = next((line.partition(":")[2].strip() for line in _cpu_lines() if line.startswith("model name")), "")
    load = ", ".join(f"{x:.1f}" for x in os.getloadavg())
    return {
        "machine": f"{os.cpu_count()} cores, {cpu or platform.machine()}",
        "load": load,
        "versions": versions,
    }


def _cpu_lines() -> list[str]:
    path = Path("/proc/cpuinfo")
    return path.read_text().splitlines() if path.exists() else []


def document(bench: Bench, before: Mapping[str, Any], kept: Iterable[Figure] = ()) -> dict[str, Any]:
    """What results.json has: figures that are kept, and those of the bench, for one factor."""
    measured = {figure.row for figure in bench.figures}
    figures = [*(figure for figure in kept if figure.row not in measured), *bench.figures]
    for figure in figures:
        figure.factor = bench.factor
    figures.sort(key=lambda figure: ROWS.index(figure.row))
    return {**before, "factor": bench.factor, "figures": [figure.document() for figure in figures]}


def stored() -> dict[str, Any]:
    """What results.json has; no figures before the first whole bench."""
    if not RESULTS.exists():
        return {"factor": None, "figures": []}
    return json.loads(RESULTS.read_text(encoding="utf-8"))


def figures_of(found: Mapping[str, Any]) -> list[Figure]:
    """The figures of a document."""
    return [Figure.read(kept, found["factor"]) for kept in found["figures"]]


def write(found: Mapping[str, Any]) -> None:
    """results.json, docs/bench.md, and the table in the README."""
    RESULTS.write_text(json.dumps(found, indent=1, ensure_ascii=False) + "\n", encoding="utf-8")
    PAGE.write_text(page(found), encoding="utf-8")
    README.write_text(quoting(README.read_text(encoding="utf-8"), found), encoding="utf-8")


def factor_of(found: Mapping[str, Any]) -> str:
    """How much slower this machine is, in words."""
    if found["factor"] is None:
        return "not measured, so no time is scaled, and none is judged"
    seconds = found["factor"] * REFERENCE_S
    return f"{found['factor']:.2f}, as SimPy takes {seconds:.3g} s for the retry storm here, and 30 s there"


def text(value: float | None, unit: str) -> str:
    """'0.41 s', '9,100 ×'."""
    if value is None:
        return "–"
    shown = f"{value:,.0f}" if abs(value) >= 100 else f"{value:.3g}"
    return f"{shown} {unit}".strip()


def cells(figure: Figure) -> list[str]:
    """work, who, here, scaled, target, note"""
    target = f"{figure.target or ''}{', **missed**' if figure.is_missed else ''}"
    scaled = "" if figure.scaled in (None, figure.value) else text(figure.scaled, figure.unit)
    return [figure.work, figure.who, text(figure.value, figure.unit), scaled, target, figure.note]


def page(found: Mapping[str, Any]) -> str:
    """The text of docs/bench.md."""
    versions = ", ".join(f"{name} {version}" for name, version in found["versions"].items())
    return HEAD.format(
        machine=found["machine"], load=found["load"], versions=versions, factor=factor_of(found),
        table="\n".join([COLUMNS, *lines(figures_of(found))]),
    )  # fmt: skip


def lines(figures: Iterable[Figure]) -> list[str]:
    """Those of a work together, which is named once."""
    by_work: dict[str, list[str]] = {}
    for figure in figures:
        work, *rest = cells(figure)
        there = by_work.setdefault(work, [])
        there.append(f"| {' | '.join(['' if there else work, *rest])} |")
    return [line for those in by_work.values() for line in those]


def quoting(readme: str, found: Mapping[str, Any]) -> str:
    """The README with the figures that it quotes."""
    head, _, rest = readme.partition(BEGIN)
    _, _, tail = rest.partition(END)
    rows = [row for quote in QUOTES if (row := _quoted(figures_of(found), *quote))]
    quoted = QUOTED.format(
        begin=BEGIN, end=END, rows="\n".join(rows), machine=found["machine"], load=found["load"],
        factor=factor_of(found), **found["versions"],
    )  # fmt: skip
    return head + quoted + tail


def _quoted(figures: list[Figure], words: str, work: str, who: str, peer: str) -> str | None:
    ours = _find(figures, work, who)
    if ours is None:
        return None
    theirs = _find(figures, work, peer) if peer else None
    beside = f"{theirs.who}: {_scaled(theirs)}" if theirs else ""
    times = f"{text(ours.value, ours.unit)} SimPy's speed".replace(" ×", " times")
    shown = times if ours.unit == "×" else _scaled(ours)
    return f"| {words} | {shown} | {beside} | {cells(ours)[4]} |"


def _scaled(figure: Figure) -> str:
    if figure.scaled is None:
        return f"{text(figure.value, figure.unit)} here"
    return f"{text(figure.scaled, figure.unit)} scaled"


def _find(figures: list[Figure], work: str, who: str) -> Figure | None:
    those = (f for f in figures if f.work.startswith(work) and f.who.startswith(who) and f.value is not None)
    return next(those, None)
