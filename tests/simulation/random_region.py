"""Random graphs of mixed kinds: callers before callees, a few hubs, faults in the deeper half."""

from datetime import UTC, datetime
from random import Random

from twin.model.scenario import Dependency, Intervention, Quantity, Scenario, Service, Topology

from .scenario import number, to

KINDS = {
    "queueing": 50, "relay": 25, "reconciler": 7, "poller": 5, "propagation_queue": 5, "execution_pool": 3,
    "host_fleet": 5,
}  # fmt: skip
SHARES = (1.0, 0.5, 0.3, 0.1)
RATES_PER_S = (20.0, 50.0, 200.0)
SIZE = {"queueing": (2.5, 30.0), "relay": (2.0, 1.0), "poller": (2.0, 5.0), "propagation_queue": (2.0, 5.0)}


def random_region(
    count: int, dependencies: int, seed: int, near_ratio: float = 0.0, ticks: int = 1800,
    kinds: dict[str, int] = KINDS, faults: bool = True,
) -> Scenario:  # fmt: skip
    """``count`` services with ``dependencies`` each on average; one in twenty is customers. A share
    ``near_ratio`` of them has a domain with four neighbours. ``faults``: a few services fail for a while."""
    g = Random(seed)
    names = [f"s{k:05d}" for k in range(count)]
    customers = max(1, count // 20)
    kind = ["workload" if k < customers else g.choices([*kinds], [*kinds.values()])[0] for k in range(count)]
    callees = _graph(g, count, count * dependencies, customers)
    load_per_s = [g.choice(RATES_PER_S) if k < customers else 0.0 for k in range(count)]
    services = {}
    for a, name in enumerate(names):
        shares = {b: g.choice(SHARES) / max(1.0, len(callees[a]) / 3) for b in callees[a]}
        for b, share in shares.items():
            load_per_s[b] += load_per_s[a] * share
        called = tuple(_dependency(g, names[b], kind[b], load_per_s[a], x) for b, x in shares.items())
        domain = f"d{a // 5}" if g.random() < near_ratio else name
        services[name] = Service(name=name, kind=kind[a], domain=domain, dependencies=called,
                                 parameters=_size(kind[a], load_per_s[a]))  # fmt: skip
    hit = [n for n, k in zip(names, kind, strict=True) if k in ("queueing", "relay")][count // 3 :: 20]
    return Scenario(
        name="random", topology=Topology(name="random", services=services), duration_s=float(ticks),
        sample_s=60.0, start=datetime(2026, 1, 1, tzinfo=UTC), seed=seed, noise="exact", requests="counted",
        actions=tuple(_fault(n, name, ticks) for n, name in enumerate(hit)) if faults else (),
    )  # fmt: skip


def _graph(g: Random, count: int, total: int, customers: int) -> list[list[int]]:
    """Callees of each service, all with a higher number; nobody calls customers."""
    found: list[set[int]] = [set() for _ in range(count)]
    for _ in range(total):
        a = g.randrange(count - 1)
        b = max(customers, a + 1 + int((count - 1 - a) * g.random() ** 1.5))
        found[a].add(min(b, count - 1))
    return [sorted(each) for each in found]


def _dependency(g: Random, callee: str, kind: str, load_per_s: float, share: float) -> Dependency:
    mode = g.choices(("hard", "soft", "new_connections", "async", "cached", "fire_and_forget"),
                     (70, 10, 8, 5, 3, 4))[0]  # fmt: skip
    if mode == "async" and kind not in ("relay", "poller"):
        mode = "hard"
    numbers: dict[str, float | str] = {"share": share}
    if mode in ("new_connections", "cached"):
        numbers["lifetime_s"] = 300.0
    if mode == "async":
        numbers["drain_per_s"] = 2.0 * load_per_s * share + 10.0
    if mode == "hard" and g.random() < 0.3:
        numbers["retries"] = 2
    return to(callee, mode, **numbers)


def _size(kind: str, load_per_s: float) -> dict[str, Quantity]:
    if kind == "workload":
        return {"rate_per_s": number(load_per_s)}
    if kind == "execution_pool":
        return {"load_per_s": number(1.5 * load_per_s + 20.0)}
    times, least = SIZE.get(kind, (0.0, 0.0))
    return {"capacity_per_s": number(times * load_per_s + least)} if times else {}


def _fault(n: int, name: str, ticks: int) -> Intervention:
    return Intervention(id=f"fault-{n}", assumed="a test", at_s=float(ticks // 3 + 77 * (n % 3)),
                        for_s=ticks / 4, set={f"{name}.fault_ratio": 1.0 if n % 2 else 0.5})  # fmt: skip
