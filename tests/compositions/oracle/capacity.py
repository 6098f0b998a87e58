"""What changes the servers of a station in a run: the pause of a fault, autoscaling, restarting instances."""

from __future__ import annotations

import math

from tests.compositions.oracle.clients import Link, Steps
from tests.compositions.oracle.record import GOOD
from tests.compositions.oracle.services import Service


def equip(service: Service, bootstraps: list[Link]) -> None:
    """Give a service its places: workers or servers, of instances or of a scaled group."""
    if service.number("target_utilisation_ratio") > 0.0:
        serving = Autoscaler(service).serving
    elif service.number("instances_count") > 0:
        serving = Instances(service, bootstraps).serving
    else:
        serving = lambda: _places(service)  # noqa: E731
    service.exact_servers = lambda: _part(serving(), service.number("capacity_ratio", 1.0))


def _part(count: float, ratio: float) -> float:
    return 0.0 if ratio <= 0.0 else count * ratio


def _places(service: Service) -> float:
    """Places without autoscaling and instances: workers, or servers with work to do."""
    if service.number("workers_count") > 0:
        return service.number("workers_count")
    if service.mean_work_s() <= 0.0:
        return math.inf
    if service.number("servers_count") > 0:
        return service.number("servers_count")
    return math.inf if service.number("work_s") > 0.0 else 1  # a capacity alone is that of one fast server


class Autoscaler:
    """Keeps utilisation near a target: looks once per evaluation, orders servers that serve after a lag."""

    def __init__(self, service: Service) -> None:
        self._service, self._env = service, service.system.env
        self._count = int(_places(service))
        self._due: list[float] = []
        self._last_s, self._below = -math.inf, 0
        self._env.process(self._look())

    def serving(self) -> float:
        """Servers that serve now."""
        return self._count

    def _look(self) -> Steps:
        level = self._service.system.record.busy[self._service.name]
        n, seen = self._service.numbers, 0.0
        while True:
            yield self._env.timeout(n.evaluation_s)
            now = self._env.now
            self._begin_due(now)
            level.settle(now)
            total = sum(level.by_second.values())
            busy, seen = (total - seen) / n.evaluation_s, total
            wanted = math.ceil(busy / n.target_utilisation_ratio - 1e-9)
            self._act(now, min(max(wanted, int(n.least_servers_count)), int(n.most_servers_count)))

    def _begin_due(self, now: float) -> None:
        ready = [t for t in self._due if t <= now + 1e-9]
        self._due = [t for t in self._due if t > now + 1e-9]
        self._count += len(ready)
        self._service.pull()

    def _act(self, now: float, wanted: int) -> None:
        n = self._service.numbers
        self._below = self._below + 1 if wanted < self._count else 0
        if now - self._last_s < n.cooldown_s - 1e-9:
            return
        missing = wanted - self._count - len(self._due)
        if missing > 0:
            self._due += [now + n.scale_out_lag_s] * missing
            self._service.system.later(n.scale_out_lag_s, lambda: self._begin_due(self._env.now))
            self._last_s = now
        elif self._below >= n.scale_in_evaluations_count and not self._due:
            self._count -= 1
            self._last_s = now


class Instances:
    """Instances, each with servers. One that restarts serves again once its bootstrap calls are good."""

    def __init__(self, service: Service, bootstraps: list[Link]) -> None:
        self._service, self._system, self._bootstraps = service, service.system, bootstraps
        self._serves = [True] * int(service.numbers.instances_count)
        self._starts = [0] * len(self._serves)
        service.numbers.heard_by(self._restart_some)
        for k in range(len(self._serves)):
            self._system.env.process(self._restart_at_random(k))

    def serving(self) -> float:
        """Servers of the instances that serve now."""
        return sum(self._serves) * max(1, int(self._service.numbers.servers_count))

    def _restart_some(self, name: str) -> None:
        ratio = self._service.numbers.restart_ratio
        if name == "restart_ratio" and ratio > 0.0:
            count = min(len(self._serves), round(ratio * len(self._serves)))
            for k in self._system.random.sample(range(len(self._serves)), count):
                self._restart(k)

    def _restart_at_random(self, k: int) -> Steps:
        per_s = self._service.numbers.restarts_per_s
        while per_s > 0.0:
            yield self._system.env.timeout(self._system.exponential(1.0 / per_s))
            self._restart(k)

    def _restart(self, k: int) -> None:
        self._serves[k] = False
        self._starts[k] += 1
        self._note()
        self._system.env.process(self._start(k, self._starts[k]))

    def _start(self, k: int, start: int) -> Steps:
        for link in self._bootstraps:
            while (yield from link.call()) not in GOOD:
                pause_s = link.pause_s(0, 0.0)
                if pause_s > 0.0:
                    yield self._system.env.timeout(pause_s)
                if self._starts[k] != start:
                    return  # it has restarted since
        if self._starts[k] != start:
            return
        self._serves[k] = True
        self._note()
        self._service.pull()

    def _note(self) -> None:
        moments = self._system.record.moments[f"{self._service.name}.serving"]
        moments.append((self._system.env.now, sum(self._serves)))
