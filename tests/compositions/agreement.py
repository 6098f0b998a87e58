"""How well the twin agrees with an event simulation that steps each request, on small systems.

    python -m tests.compositions.agreement                  # the instances of expected/
    python -m tests.compositions.agreement C01-b.json ...   # others, in either format
    python -m tests.compositions.agreement --write          # and docs/agreement.md from the result

A number is within if the mean over the replicates is as near to the expected one as its tolerance says. A
series is within if each of its bins is. The replicates use noise of their own, not that of the simulation.
"""

from __future__ import annotations

import json
from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from functools import cache
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import Any

import click
import numpy as np

import twin
from twin.model.scenario import Scenario
from twin.simulation.run import simulate

from . import special_measures
from .families import systems, title_of
from .instance import Instance, Measure, read_instance, shipped
from .measures import Case, take
from .tables import Recorded, recorded

ROOT = Path(__file__).parents[2]
RESULTS = Path(__file__).parent / "agreement.json"
PAGE = ROOT / "docs" / "agreement.md"
REPLICATES = 24
FEWER = {"C18": 10}  # replicates of families with many systems
assert special_measures.__doc__  # imported for the measures that it adds


@dataclass(frozen=True)
class Verdict:
    """A measure beside what the twin found. Of a series, the worst bin, whose begin is ``at_s``.

    ``stderr``: of what was found, over the replicates. ``ratio``: the difference over the tolerance; the
    measure is within if it is at most 1.
    """

    name: str
    expected: float
    found: float
    tolerance: float
    stderr: float = 0.0
    at_s: float | None = None

    @property
    def ratio(self) -> float:
        if np.isnan(self.expected):  # no request in this bin
            return 0.0
        return abs(self.found - self.expected) / self.tolerance if np.isfinite(self.found) else np.inf

    @property
    def is_within(self) -> bool:
        return self.ratio <= 1.0

    @property
    def may_be_chance(self) -> bool:
        """Whether three standard errors of our own would bring it within."""
        return abs(self.found - self.expected) <= self.tolerance + 3.0 * self.stderr

    def __str__(self) -> str:
        at = "" if self.at_s is None else f" at {self.at_s:g} s"
        return f"{self.name}{at}: {self.found:.4g}, expected {self.expected:.4g} ± {self.tolerance:.2g}"


def examine(instance: Instance, replicates: int | None = None) -> list[Verdict]:
    """Each measure of the instance, from runs of our own."""
    scenarios = {suffix: load_text(text) for suffix, text in texts(instance).items()}
    count = replicates or FEWER.get(instance.family, REPLICATES)
    found: dict[str, list[Any]] = {name: [] for name in instance.measures}
    for replicate in range(count):
        runs = {suffix: _step(scenario, replicate) for suffix, scenario in scenarios.items()}
        for name, measure in instance.measures.items():
            found[name].append(take(name, Case(measure, instance, runs)))
    return [judge(name, measure, found[name]) for name, measure in instance.measures.items()]


def texts(instance: Instance) -> dict[str, str]:
    """Suffix → text of the scenario of each system of an instance."""
    title = title_of(instance.family)
    found = systems(instance).items()
    return {suffix: x.text("-".join(filter(None, (instance.id, suffix))), title) for suffix, x in found}


@cache
def load_text(text: str) -> Scenario:
    """The scenario of a text. Raises SpecError."""
    with TemporaryDirectory() as folder:
        path = Path(folder) / "scenario.yaml"
        path.write_text(text, encoding="utf-8")
        return twin.load(path)


def _step(scenario: Scenario, replicate: int) -> Recorded:
    return recorded(simulate(scenario, replicate=replicate, digest=False))


def judge(name: str, measure: Measure, values: list[Any]) -> Verdict:
    """The mean of the replicates beside the expected numbers; those without a value do not count."""
    stacked = np.array(values, dtype=float)
    is_known = ~np.isnan(stacked)
    count = np.maximum(1, is_known.sum(axis=0))
    mean = np.where(is_known, stacked, 0.0).sum(axis=0) / count
    spread = np.sqrt((np.where(is_known, stacked - mean, 0.0) ** 2).sum(axis=0) / count)
    found, stderr = np.atleast_1d(np.where(is_known.any(axis=0), mean, np.nan), spread / np.sqrt(count))
    expected = np.atleast_1d(np.array(measure.expected, dtype=float))
    tolerance = np.broadcast_to(np.array(measure.tolerance, dtype=float), expected.shape)
    bins = [
        Verdict(name, *map(float, numbers), at_s=_begin(measure, n))
        for n, numbers in enumerate(zip(expected, found, tolerance, stderr, strict=True))
    ]
    return max(bins, key=lambda verdict: verdict.ratio)


def _begin(measure: Measure, n: int) -> float | None:
    return None if measure.bin_s is None else (measure.first_s or 0.0) + n * measure.bin_s


# --- the page


def summary(verdicts: Iterable[Verdict]) -> dict[str, Any]:
    """What the page says of an instance: how many measures are within, and the worst of all."""
    verdicts = list(verdicts)
    worst = max(verdicts, key=lambda verdict: verdict.ratio)
    outside = sorted((v for v in verdicts if not v.is_within), key=lambda v: -v.ratio)
    return {
        "within": sum(v.is_within for v in verdicts), "of": len(verdicts), "worst": str(worst),
        "ratio": round(min(worst.ratio, 999.0), 2), "outside": [str(v) for v in outside],
    }  # fmt: skip


def page(results: Mapping[str, Mapping[str, Any]]) -> str:
    """The text of docs/agreement.md."""
    rows = [_row(name, x) for name, x in results.items()]
    within, of = (sum(x[key] for x in results.values()) for key in ("within", "of"))
    outside = [f"- {name}: {text}" for name, x in results.items() for text in x["outside"]]
    tail = ["", "## Measures outside", "", *outside] if outside else []
    return "\n".join([HEAD.format(within=within, of=of), *rows, *tail]) + "\n"


def results_of(path: Path) -> dict[str, dict[str, Any]]:
    """What was stored when the systems were last compared."""
    return json.loads(path.read_text(encoding="utf-8"))


def _row(name: str, x: Mapping[str, Any]) -> str:
    title = title_of(name.partition("-")[0])
    return f"| {name} | {title} | {x['within']} of {x['of']} | {x['ratio']:.2f} | {x['worst']} |"


HEAD = """\
# Agreement with an event simulation

<!-- Written by `make agreement` from tests/compositions/agreement.json. -->

Twenty small systems under a fault were simulated twice: by the twin, and by an independent event simulation
that steps each request. Each system has a list of measures: shares of users, latencies, attempts, queues,
and series of these over time. A measure is within if the difference is at most its tolerance.

{within} of {of} measures are within. The column Worst has the worst measure's difference, over its tolerance.
[tests/compositions/README.md](../tests/compositions/README.md) says where the numbers come from.

| System | What happens | Within | Worst | Which |
|---|---|---|---|---|"""


@click.command(help=__doc__)
@click.argument("files", nargs=-1, type=click.Path(exists=True, dir_okay=False, path_type=Path))
@click.option("--replicates", type=click.IntRange(1), help="runs of each system")
@click.option("--write", is_flag=True, help="write agreement.json and docs/agreement.md")
@click.option("--all", "show_all", is_flag=True, help="print each measure")
@click.option("--scenario", is_flag=True, help="print the scenarios, and run nothing")
def main(
    files: tuple[Path, ...], replicates: int | None, write: bool, show_all: bool, scenario: bool
) -> None:
    results = {}
    for path in files or shipped().values():
        instance = read_instance(path)
        if scenario:
            click.echo("---\n".join(texts(instance).values()))
            continue
        verdicts = examine(instance, replicates)
        results[instance.id] = summary(verdicts)
        _show(instance, verdicts, show_all)
    if write:
        RESULTS.write_text(json.dumps(results, indent=1, ensure_ascii=False) + "\n", encoding="utf-8")
        PAGE.write_text(page(results), encoding="utf-8")


def _show(instance: Instance, verdicts: list[Verdict], show_all: bool) -> None:
    x = summary(verdicts)
    click.echo(f"{instance.id}  {x['within']:3} of {x['of']:3} within  worst {x['ratio']:6.2f}  {x['worst']}")
    for verdict in sorted(verdicts, key=lambda v: -v.ratio):
        if show_all or not verdict.is_within:
            click.echo(f"    {verdict.ratio:6.2f}  {verdict}")


if __name__ == "__main__":
    main()
