"""The retry storm in happysim: its source and its server, and clients as an entity of our own.

Its own ``Client`` does not do: it takes the answer as there when the server has queued the call, and then no
call is late.
"""

import importlib.metadata
import random
from collections import Counter

from _told import told
from happysimulator.components.server.server import Server
from happysimulator.core.entity import Entity
from happysimulator.core.event import Event
from happysimulator.core.simulation import Simulation
from happysimulator.core.temporal import Duration, Instant
from happysimulator.distributions.exponential import ExponentialLatency
from happysimulator.load.profile import Profile
from happysimulator.load.source import Source

TIMEOUT, RETRIES, CAP = Duration.from_seconds(0.5), 3, 100.0


class Rush(Profile):
    def get_rate(self, time: Instant) -> float:
        return 2100.0 if 60.0 <= time.to_seconds() < 70.0 else 700.0


class Clients(Entity):
    def __init__(self, has_budget: bool) -> None:
        super().__init__("clients")
        self.has_budget, self.tokens = has_budget, CAP
        self.good: Counter[int] = Counter()
        self.server: Server | None = None

    def handle_event(self, event: Event) -> list[Event]:
        attempt = event.context.get("attempt")
        if attempt is None:
            self.tokens = min(CAP, self.tokens + 0.1)
            return self.send(0)
        if attempt["is_over"]:
            return []
        attempt["is_over"] = True
        if event.event_type != "late":
            self.good[int(event.time.to_seconds())] += 1
            return []
        if attempt["try"] == RETRIES or (self.has_budget and self.tokens < 1.0):
            return []
        self.tokens -= self.has_budget
        return self.send(attempt["try"] + 1)

    def send(self, again: int) -> list[Event]:
        told = {"attempt": {"try": again, "is_over": False}}
        return [
            Event(time=self.now, event_type="call", target=self.server, context=dict(told)),
            Event(time=self.now + TIMEOUT, event_type="late", target=self, context=dict(told)),
        ]


def storm(mode: str, seed: int, horizon_s: float) -> list[int]:
    random.seed(seed)
    clients = Clients(mode == "budget")
    clients.server = Server("server", service_time=ExponentialLatency(0.001), downstream=clients)
    calls = Source.with_profile(Rush(), target=clients)
    end = Instant.from_seconds(horizon_s)
    Simulation(end_time=end, sources=[calls], entities=[clients, clients.server]).run()
    return [clients.good[second] for second in range(int(horizon_s))]


def answer(asked: dict) -> dict:
    good = storm(asked["mode"], asked["seed"], asked["horizon_s"])
    return {"good": good, "version": importlib.metadata.version("happysim")}


if __name__ == "__main__":
    told(answer)
