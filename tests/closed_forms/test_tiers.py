"""Retries in several tiers: what the leaf is asked when everything fails, and what keeps it from growing."""

from typing import Any

import pytest

import twin
from twin.model.scenario import Scenario

from .one_station import NEVER_S, Samples, q
from .test_queueing import near

FIRST_PER_S = 100_000.0


def tiers(depth: int, fault_ratio: float, kind: str = "relay", service_time_s: float = 0.02,
          **client: Any) -> tuple[float, float]:  # fmt: skip
    """(attempts at the leaf per first try, share of first tries that fail) below ``depth`` callers in a row,
    each of which tries again as ``client`` says."""
    numbers = {"timeout_s": NEVER_S, "backoff_s": 0.05} | client
    names = ["customers", *(f"tier-{n}" for n in range(1, depth)), "leaf"]
    services: dict[str, Any] = {}
    for name, callee in zip(names, [*names[1:], None], strict=True):
        calls = [{"on": callee, "mode": "hard"} | {k: q(v) for k, v in numbers.items()}] if callee else []
        services[name] = {"name": name, "kind": "workload" if name == "customers" else kind, "domain": "one",
                          "dependencies": calls}  # fmt: skip
    services["customers"]["parameters"] = {"rate_per_s": q(FIRST_PER_S)}
    services["leaf"]["parameters"] = {"fault_ratio": q(fault_ratio), "service_time_s": q(service_time_s)}
    case = {
        "scenario": "tiers", "start": "2025-10-19T22:00:00-07:00", "duration": 300.0, "sample": 10.0,
        "topology": {"topology": "tiers", "services": services},
    }  # fmt: skip
    done = twin.run(Scenario.model_validate(case), debug=True)
    leaf, customers = Samples(done, "leaf"), Samples(done, "customers")
    return leaf.offered[-15:].mean() / FIRST_PER_S, float(customers.error_ratio[-15:].mean())


@pytest.mark.parametrize("kind", ["relay", "queueing"])
@pytest.mark.parametrize(("depth", "retries", "calls"), [(3, 3, 64), (5, 2, 243)])
def test_retries_of_tiers_multiply_when_all_fails(kind: str, depth: int, retries: int, calls: int) -> None:
    """4^3 of the SRE book, 3^5 of the Builders' Library."""
    assert tiers(depth, 1.0, kind, retries=retries) == (near(calls, 0.02), 1.0)


def test_independent_failures_are_harmless() -> None:
    """p = 0.5, three tiers, three retries: 1.875 calls for the leaf's caller; what is left of failures above,
    p^4 and then p^16, costs next to nothing."""
    residual = 0.5**4
    above = (1 - residual**4) / (1 - residual)
    assert tiers(3, 0.5, retries=3) == (near(1.875 * above, 0.01), near(0.0, 0.01))


def test_retries_at_one_tier_only_are_the_remedy() -> None:
    assert tiers(1, 1.0, retries=3)[0] == near(4, 0.01)


@pytest.mark.parametrize("depth", [1, 2, 3])
def test_budgets_bound_the_product(depth: int) -> None:
    """1 + b a tier: 1.331 in place of 64 for three tiers and a budget of a tenth."""
    assert tiers(depth, 1.0, retries=3, retry_budget_ratio=0.1)[0] == near(1.1**depth, 0.01)


@pytest.mark.parametrize("depth", [1, 2, 3])
def test_a_quota_leaves_first_tries_alone(depth: int) -> None:
    """Where nothing succeeds a quota is soon spent, in every tier."""
    standard = {"retries": 3, "retry_mode": "standard", "clients_count": 100}
    assert tiers(depth, 1.0, **standard)[0] == near(1.0, 0.01)


@pytest.mark.parametrize(("deadline_s", "tries"), [(0.0, 4), (1.0, 2), (0.5, 1)])
def test_a_deadline_ends_the_tries_of_a_tier(deadline_s: float, tries: int) -> None:
    """Failures take 0.4 s and waits 0.1 s on average: tries begin at 0 s, 0.5 s, 1 s, and need 0.4 s each."""
    client = {"retries": 3, "backoff_s": 0.2, "backoff_cap_s": 0.2, "deadline_s": deadline_s}
    assert tiers(1, 1.0, service_time_s=0.4, **client)[0] == near(tries, 0.01)
