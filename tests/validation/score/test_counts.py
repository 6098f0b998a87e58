"""Counts of the dashboard: entries that have several services, shares, bounds."""

from datetime import UTC, datetime
from types import SimpleNamespace

import pytest

from twin.model.published import Count, Product
from twin.validation.counts import CountRow, count_at, state_of_entries

INF = float("inf")
ENTRIES = [[(10.0, 20.0), (50.0, INF)], [(15.0, 40.0)], [], [(70.0, 80.0)]]
AT = datetime(2025, 1, 1, tzinfo=UTC)


def count(what: str = "impacted", of: str = "all", **more) -> Count:
    return Count(id="c", at=AT, what=what, of=of, source="PES", **{"count": 1, "whole": 2, **more})


@pytest.mark.parametrize(
    ("at_s", "impacted", "listed"),
    [(5, 0, 0), (10, 1, 1), (16, 2, 2), (20, 1, 2), (45, 0, 2), (50, 1, 2), (75, 2, 3), (500, 1, 3)],
)
def test_entries_at_a_time(at_s: float, impacted: int, listed: int) -> None:
    assert count_at(ENTRIES, count("impacted", "all"), at_s) == (impacted, 4)
    assert count_at(ENTRIES, count("listed", "all"), at_s) == (listed, 4)
    assert count_at(ENTRIES, count("impacted", "listed"), at_s) == (impacted, listed)


def test_shares_are_compared_and_a_bound_is_only_a_bound() -> None:
    exact, least = count(), count(at_least=True)
    assert [CountRow(exact, n, 4, 0, 4).error_ratio for n in (1, 2, 3)] == [-0.25, 0.0, 0.25]
    assert [CountRow(least, n, 4, 0, 4).error_ratio for n in (1, 2, 3)] == [-0.25, 0.0, 0.0]
    assert CountRow(exact, 0, 0, 1, 4).error_ratio is None
    assert CountRow(exact, 0, 0, 1, 4).baseline_share == 0.25


def test_an_entry_is_impacted_while_one_of_its_services_is() -> None:
    spans = [SimpleNamespace(service=0, onset_tick=10, recovery_tick=20),
             SimpleNamespace(service=1, onset_tick=15, recovery_tick=None)]  # fmt: skip
    arrays = SimpleNamespace(names=["a", "b"], episodes=spans, tick_s=2.0)
    both, first, none = (Product(id="e", services=names) for names in ("a b", "a", "elsewhere"))

    def state(entry: Product, at_s: float) -> str:
        return state_of_entries(arrays, [entry], at_s)["e"]

    assert [state(both, t) for t in (19, 20, 100)] == ["not listed", "impacted", "impacted"]
    assert [state(first, t) for t in (19, 20, 40)] == ["not listed", "impacted", "resolved"]
    assert state(none, 100) == "not listed"
