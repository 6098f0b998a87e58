"""The page of a comparison: the answer, pictures, tables, and the command that repeats it."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from functools import cached_property
from importlib.metadata import version
from pathlib import Path
from typing import Any

import numpy as np
from jinja2 import Environment, FileSystemLoader, StrictUndefined
from markupsafe import Markup

from twin.experiments.arms import BASELINE
from twin.experiments.comparison import ArmResult, PairedComparison
from twin.experiments.robustness import Robustness
from twin.experiments.store import finished
from twin.experiments.tournament import Tournament, cost_class, front_of
from twin.model.changes import COSTS
from twin.model.scenario import Scenario
from twin.report import assumptions, pictures, verdict, wording
from twin.simulation.code_version import code_version
from twin.statistics.durations import Survival, kaplan_meier, restricted

PAGE = "page.html.j2"
SERVICES = 3  # with a picture of their recovery, besides all together


@dataclass(frozen=True)
class Origin:
    """The origin of a page: command line, folder of the study, hash of the code, package → version."""

    command: str
    study: str
    code: str
    versions: Mapping[str, str]


@dataclass(frozen=True)
class Report:
    """A comparison and its page. ``base``: the scenario. ``tournament``: its singles are ``found``.
    ``robust``: arm → how far its verdict holds."""

    found: PairedComparison
    base: Scenario
    origin: Origin
    tournament: Tournament | None = None
    robust: Mapping[str, Robustness] = field(default_factory=dict)

    @cached_property
    def arms(self) -> tuple[ArmResult, ...]:
        """Every arm, the best first."""
        arms = self.tournament.arms if self.tournament else self.found.arms
        return tuple(sorted(arms, key=verdict.order))

    @cached_property
    def best(self) -> verdict.Best:
        return verdict.best_of(self.arms)

    @property
    def families(self) -> tuple[PairedComparison, ...]:
        """The comparisons that were each tested together: in a tournament, singles and then pairs."""
        pairs = self.tournament.pairs if self.tournament else None
        return (self.found, pairs) if pairs else (self.found,)

    @property
    def home(self) -> PairedComparison:
        """The comparison that the best arm was in."""
        name = self.best.arm.arm.name
        return next(c for c in self.families if any(a.arm.name == name for a in c.arms))

    @property
    def origin_s(self) -> float:
        """Seconds from the start to the first input."""
        return self.base.duration_s - self.found.horizon_s

    def page(self) -> str:
        """The whole page; the same for the same inputs, byte by byte."""
        folder = FileSystemLoader(Path(__file__).parent)
        made = Environment(loader=folder, autoescape=True, undefined=StrictUndefined, trim_blocks=True,
                           lstrip_blocks=True)  # fmt: skip
        return made.get_template(PAGE).render(self._shown())

    def _shown(self) -> dict[str, Any]:
        """The variables of the template."""
        found, best = self.found, self.best
        tests = [len(c.arms) * len(c.metrics) for c in self.families]
        return {
            "found": found, "base": self.base, "origin": self.origin, "arms": self.arms, "best": best,
            "tournament": self.tournament, "robust": self._robust, "primary": verdict.primary(found),
            "headline": verdict.headline(found, best),
            "answers": [*verdict.answers(found, best, self.arms, self.front, self.robust)],
            "variants": [*{v: None for r in self.robust.values() for v in r.variants}],
            "titles": {a.arm.name: verdict.title_of(a) for a in self.arms},
            "costs": {a.arm.name: cost_class(a.arm) for a in self.arms}, "classes": COSTS,
            "pictures": self._pictures(), "tests": tests,
            "stopped": [a for a in self.arms if a.stopped is not None],
            "drawn": assumptions.drawn_numbers(self.base) if found.plan.draws else [],
            "own": [*assumptions.of_mitigations(self.arms)],
            "side_effects": assumptions.side_effects(self.arms),
            "amount": wording.amount, "interval": wording.interval,
            "hours": wording.hours, "many": wording.many,
            "share": wording.share,
            "difference": verdict.difference,
        }  # fmt: skip

    @property
    def _robust(self) -> dict[str, Robustness]:
        """In the order of the ranking; of the pairs too."""
        return {a.arm.name: r for a in self.arms if (r := self.robust.get(a.arm.name)) is not None}

    def _pictures(self) -> dict[str, Markup]:
        best, home = self.best.arm, self.home
        drawn = {
            "forest": pictures.forest(self.found, self.arms),
            "timelines": pictures.timelines(home, best, self.base.start, self.origin_s),
            "recoveries": pictures.recoveries(home, best, self.recoveries()),
        }
        if len(self.priced) >= 2:
            drawn["costs"] = pictures.costs(self.found, self.priced, self.front)
        if self.tournament and self.tournament.attribution:
            drawn["shares"] = pictures.shares(self.tournament.attribution)
        return drawn

    @cached_property
    def priced(self) -> list[tuple[str, ArmResult]]:
        """(class of cost, arm) of those that have one."""
        return [(cost, a) for a in self.arms if (cost := cost_class(a.arm)) is not None]

    @cached_property
    def front(self) -> tuple[str, ...]:
        """Names of the arms that none beats in both benefit and cost."""
        return front_of(self.arms)

    def recoveries(self) -> dict[str, tuple[Survival, Survival]]:
        """Title → time to recovery of all, and of the services that differ most: (baseline, best)."""
        home, name, n = self.home, self.best.arm.arm.name, len(self.best.arm.worlds)
        whole = [_whole(values, home.horizon_s) for values in (home.values, self.best.arm.values)]
        mine, base = home.recovery_s.get(name, {}), home.recovery_s.get(BASELINE, {})

        def gain_s(service: str) -> float:
            a, b = (restricted(side[service][:n], home.horizon_s).mean() for side in (mine, base))
            return abs(float(a - b))

        most = sorted((s for s in mine if s in base and gain_s(s) > 0), key=lambda s: (-gain_s(s), s))
        services = self.base.topology.services
        return {"all services": (whole[0], whole[1])} | {
            services[s].title or s: (home.survival(BASELINE, s), home.survival(name, s))
            for s in most[:SERVICES]
        }


def _whole(values: Mapping[str, np.ndarray], horizon_s: float) -> Survival:
    lasted_s = values["time_to_recovery_s"]  # restricted: a value at the horizon has not ended
    return kaplan_meier(lasted_s, lasted_s < horizon_s, horizon_s)


def write(report: Report, path: Path) -> None:
    """The page as a file, whole or not at all. Raises OSError."""
    with finished(path) as partial:
        partial.write_text(report.page(), encoding="utf-8")


def write_comparison(found: PairedComparison, robust: Mapping[str, Robustness], path: Path) -> None:
    """The page of a comparison that was made in Python. Raises OSError."""
    arms = [a.arm.name for a in found.arms]
    command = f"twin.compare({found.plan.scenario!r}, mitigate={arms}, worlds={found.plan.worlds})"
    versions = {name: version(name) for name in ("numba", "numpy", "scipy", "duckdb")}
    origin = Origin(command, found.plan.scenario, code_version(), versions)
    write(Report(found, found.base, origin, None, robust), Path(path))
