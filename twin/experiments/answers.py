"""The answers of a study: values of metrics by arm and realization, read from the files of its runs."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from functools import cached_property
from typing import TYPE_CHECKING, Any

import numpy as np

from twin.experiments.arms import BASELINE
from twin.experiments.realizations import Realization
from twin.experiments.store import KEY, Key, Row, Store, key_of

if TYPE_CHECKING:
    from twin.experiments.study import Job

MetricValues = dict[Realization, float | None]
_KEY = ", ".join(KEY)


@dataclass(frozen=True)
class Answer:
    """Of one run: ``values`` by (service, metric), service '' for the whole run; and if it is ``valid``."""

    values: Mapping[tuple[str, str], float]
    valid: bool = True

    @classmethod
    def of(cls, values: Iterable[Mapping[str, Any]], valid: bool = True) -> Answer:
        """From the list of values that a row keeps."""
        return cls({(v["service"], v["metric"]): v["value"] for v in values}, valid)


@dataclass(frozen=True)
class Results:
    """The answers to some jobs of a study. ``keys``: job → key of its run; ``fresh``: rows in memory."""

    store: Store
    keys: Mapping[Job, Key]
    fresh: Mapping[Key, Row]

    @cached_property
    def _arms(self) -> dict[Key, list[str]]:
        """Key → names of the arms with that content."""
        found: dict[Key, list[str]] = {}
        for job, key in self.keys.items():
            found.setdefault(key, []).append(job.arm.name)
        return found

    def values(self, metric: str, service: str = "", scenario: str = "") -> dict[str, MetricValues]:
        """Arm → realization → value of a metric; None where it has none."""
        query = f"""
            select {_KEY}, any_value(value) as value from outcomes
            where metric = $metric and service = $service group by all"""
        rows = self.store.ask(query, metric=metric, service=service).to_pylist()
        return self._by_arm({key_of(r): r["value"] for r in rows}, scenario)

    def of_services(self, metric: str, scenario: str = "") -> dict[str, dict[str, MetricValues]]:
        """Service → arm → realization → value, for every service that has the metric in any of these runs."""
        query = f"""
            select service, {_KEY}, any_value(value) as value from outcomes
            where metric = $metric and service <> '' group by all order by service"""
        known: dict[str, dict[Key, float | None]] = {}
        for r in self.store.ask(query, metric=metric).to_pylist():
            known.setdefault(r["service"], {})[key_of(r)] = r["value"]
        mine = {key for key in self._arms if scenario in ("", key[0])}  # a folder may hold other runs too
        return {
            service: self._by_arm(by_key, scenario)
            for service, by_key in known.items() if not mine.isdisjoint(by_key)
        }  # fmt: skip

    def _by_arm(self, known: Mapping[Key, float | None], scenario: str) -> dict[str, MetricValues]:
        found: dict[str, MetricValues] = {}
        for key, arms in self._arms.items():
            if scenario in ("", key[0]):
                for arm in arms:
                    found.setdefault(arm, {})[_realization(key)] = known.get(key)
        return found

    def curves(self, scenario: str = "") -> dict[str, dict[Realization, np.ndarray]]:
        """Arm → realization → most services impaired at once in each CURVE_S of ``twin.results.of_run``."""
        found: dict[str, dict[Realization, np.ndarray]] = {}
        query = f"select distinct on ({_KEY}) {_KEY}, curve from runs where $scenario in ('', scenario)"
        for row in self.store.ask(query, scenario=scenario).to_pylist():
            for arm in self._arms.get(key_of(row), ()):
                found.setdefault(arm, {})[_realization(key_of(row))] = np.array(row["curve"])
        return found

    def invalid(self, scenario: str = "") -> set[Realization]:
        """Realizations in which a service of the unchanged scenario is impaired before the first input."""
        if not self.keys:
            return set()
        rows = self.store.ask(f"select {_KEY} from runs where not valid").to_pylist()
        keys = (key_of(row) for row in rows)
        return {
            _realization(key) for key in keys
            if BASELINE in self._arms.get(key, ()) and scenario in ("", key[0])
        }  # fmt: skip

    def by_job(self) -> dict[Job, Answer]:
        """Job → its answer, for a few jobs."""
        rows = dict(self.fresh)
        wanted = {key[1] for key in self._arms if key not in rows}
        if wanted:
            query = f"select {_KEY}, valid, values from runs where key in (select unnest($wanted))"
            asked = self.store.ask(query, wanted=sorted(wanted)).to_pylist()
            rows |= {key_of(row): row for row in asked}
        return {job: Answer.of(rows[key]["values"], rows[key]["valid"]) for job, key in self.keys.items()}


def _realization(key: Key) -> Realization:
    _, _, variant, draw, replicate = key
    return Realization(draw, replicate, variant)
