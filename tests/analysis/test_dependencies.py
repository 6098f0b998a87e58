"""The closed forms of the analysis API, and the law behind one where a few lines of simulation show it."""

import math

import numpy as np
import pytest
from numba import njit

from twin.analysis import dependencies
from twin.base import rng
from twin.model.scenario import Service

LENGAUER_TARJAN = "R:ABC A:D B:ADE C:FG D:L E:H F:I G:IJ H:EK I:K J:I K:IR L:H"
PROGENY_KEY = rng.stable_key("progeny")


def test_v27b_a_common_cause_outweighs_redundancy() -> None:
    assert dependencies.common_cause_ratio(2, 3, 0.01, 0.1) == pytest.approx(0.00124154, abs=1e-8)
    independent = dependencies.common_cause_ratio(2, 3, 0.01, 0.0)
    assert independent == pytest.approx(3 * 0.01**2 - 2 * 0.01**3)
    with pytest.raises(ValueError, match="4 of 3"):
        dependencies.common_cause_ratio(4, 3, 0.01, 0.1)


@pytest.mark.parametrize(("own", "each", "count", "expected"), [
    (0.9999, 0.9999, 5, 0.99940015), (0.99995, 0.99999, 10, 0.99985001),
])  # fmt: skip
def test_v28_hard_dependencies(own: float, each: float, count: int, expected: float) -> None:
    assert dependencies.availability_ratio(own, [each] * count) == pytest.approx(expected, abs=1e-8)


def region(edges: str) -> dict[str, Service]:
    """'R:AB A:B' as services."""
    calls = dict(part.lower().split(":") for part in edges.split())
    names = sorted(set("".join([*calls, *calls.values()])))
    needs = {name: [{"on": on, "mode": "hard"} for on in calls.get(name, "")] for name in names}
    return {name: Service(name=name, kind="relay", dependencies=needs[name]) for name in names}


def test_v30_dominators() -> None:
    found = dependencies.dominators(region(LENGAUER_TARJAN), "r")
    assert "".join(found).upper() == "ABCDEFGHIJKL"
    assert "".join(found.values()).upper() == "RRRRRCCRRGRD"


def test_dominators_of_what_is_out_of_reach() -> None:
    services = region("R:A B:A")
    assert dependencies.dominators(services, "r") == {"a": "r"}
    with pytest.raises(KeyError):
        dependencies.dominators(services, "z")


@njit
def progeny(spread, runs, most, seed, entity):
    """Total progeny of ``runs`` Poisson branching processes, each cut at ``most``."""
    totals = np.zeros(runs, np.int64)
    for k in range(runs):
        alive, generation, total = 1, 0, 1
        while alive > 0 and total < most:
            alive = rng.poisson(alive * spread, seed, entity, generation, rng.FAIL, k)
            total, generation = total + alive, generation + 1
        totals[k] = total
    return totals


@pytest.mark.parametrize(("spread", "expected"), [(0.5, 2.0), (0.8, 5.0)])
def test_v32_size_of_a_cascade(spread: float, expected: float) -> None:
    assert dependencies.cascade_size(spread) == pytest.approx(expected, rel=1e-12)
    totals = progeny(spread, 20_000, 10**9, 1, PROGENY_KEY)
    assert abs(totals.mean() - expected) < 4 * totals.std() / math.sqrt(len(totals))


def test_v32_cascades_that_end_by_themselves() -> None:
    q = dependencies.extinction_ratio(2.0)
    assert q == pytest.approx(0.2031879, abs=1e-7)
    ended = (progeny(2.0, 20_000, 10_000, 1, PROGENY_KEY) < 10_000).mean()
    assert abs(ended - q) < 4 * math.sqrt(q * (1 - q) / 20_000)
    assert dependencies.extinction_ratio(0.9) == 1.0
    assert dependencies.cascade_size(1.0) == math.inf


def test_v55_repair() -> None:
    assert dependencies.repaired_ratio(1000.0, 10.0) == pytest.approx(0.990099, abs=1e-6)
    assert dependencies.repaired_ratio(1000.0, 10.0, 10.0) == pytest.approx(0.9937051, abs=1e-6)


def test_v57_shuffle_sharding() -> None:
    everything, anything = dependencies.shuffle_shards(8, 2)
    assert everything == pytest.approx(0.0357143, abs=1e-7)
    assert anything == pytest.approx(0.464286, abs=1e-6)
    assert dependencies.shuffle_shards(100, 5)[0] == pytest.approx(1.328241e-08, abs=1e-14)
    assert dependencies.shuffle_shards(3, 2)[1] == 1.0
    with pytest.raises(ValueError, match="a shard of 9"):
        dependencies.shuffle_shards(8, 9)


def chain(edges: str) -> dict[str, Service]:
    """'web=api api~log' as services: = hard, ~ soft, > async, * new connections."""
    modes = {"=": "hard", "~": "soft", ">": "async", "*": "new_connections"}
    needs: dict[str, list[dict]] = {}
    for part in edges.split():
        sign = next(s for s in modes if s in part)
        caller, callee = part.split(sign)
        needs.setdefault(callee, [])
        evidence = {"source": "PES", "confidence": "published", "note": f"{caller} says so"}
        needs.setdefault(caller, []).append({"on": callee, "mode": modes[sign], "evidence": evidence})
    return {name: Service(name=name, kind="relay", dependencies=calls) for name, calls in needs.items()}


SHOP = "web=api api*dns api~log log=dns cart=web mail>web audit=log backup~audit free=other"


def told(services: dict[str, Service], name: str) -> dict[str, tuple[str, bool]]:
    return {d.service: (" ".join([*d.calls, name]), d.hard) for d in dependencies.dependents(services, name)}


def test_who_depends_on_a_service_and_over_which_chain() -> None:
    found = told(chain(SHOP), "dns")
    assert found == {
        "api": ("api dns", True),
        "log": ("log dns", True),
        "audit": ("audit log dns", True),
        "web": ("web api dns", True),
        "cart": ("cart web api dns", True),
        "backup": ("backup audit log dns", False),
        "mail": ("mail web api dns", False),
    }
    assert list(found)[-2:] == ["backup", "mail"]
    assert told(chain(SHOP), "backup") == {}
    with pytest.raises(KeyError):
        dependencies.dependents(chain(SHOP), "nobody")


def test_a_soft_dependency_ends_a_hard_chain() -> None:
    """And with a hard one in its place it does not: a rule that counts soft ones would fail here."""
    found = {d.service: d for d in dependencies.dependents(chain(SHOP), "log")}
    assert found["api"].ends_at == found["web"].ends_at == ("api", "log")
    assert not found["api"].hard and not found["web"].hard and found["audit"].hard
    assert found["audit"].ends_at is None
    assert dependencies.single_points(chain(SHOP))["log"] == ("audit",)
    harder = dependencies.single_points(chain(SHOP.replace("api~log", "api=log")))
    assert harder["log"] == ("api", "audit", "cart", "web")


def test_a_hard_chain_counts_even_where_a_softer_one_is_shorter() -> None:
    services = chain("web~dns web=api api=dns")
    assert told(services, "dns") == {"api": ("api dns", True), "web": ("web api dns", True)}


def test_single_points_are_all_hard_dependencies_in_reach() -> None:
    points = dependencies.single_points(chain(SHOP))
    assert next(iter(points)) == "dns"
    assert points["dns"] == ("api", "audit", "cart", "log", "web")
    assert points == {n: tuple(sorted(d.service for d in dependencies.dependents(chain(SHOP), n) if d.hard))
                      for n in points}  # fmt: skip
    assert not {"cart", "mail", "backup", "free"} & points.keys()


def test_the_evidence_of_each_dependency_is_there() -> None:
    (cart,) = (d for d in dependencies.dependents(chain(SHOP), "dns") if d.service == "cart")
    notes = [d.evidence.note for d in cart.path if d.evidence]
    assert notes == ["cart says so", "web says so", "api says so"]
    assert cart.share_ratio == 1.0
