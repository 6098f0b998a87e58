"""The retry storm in SimPy, as its tutorials would write it: a resource, and a process a call."""

import random
from collections import Counter

import simpy
from _told import told

MEAN_S, TIMEOUT_S, RETRIES, CAP = 0.001, 0.5, 3, 100.0


class Storm:
    def __init__(self, mode: str, seed: int) -> None:
        self.env = simpy.Environment()
        self.server = simpy.Resource(self.env, capacity=1)
        self.random = random.Random(seed)
        self.has_budget, self.tokens = mode == "budget", CAP
        self.good: Counter[int] = Counter()

    def work(self, done: simpy.Event):
        """The server does not learn that its client has left."""
        with self.server.request() as turn:
            yield turn
            yield self.env.timeout(self.random.expovariate(1.0 / MEAN_S))
        done.succeed()

    def call(self):
        self.tokens = min(CAP, self.tokens + 0.1)
        for attempt in range(RETRIES + 1):
            if attempt and self.has_budget:
                if self.tokens < 1.0:
                    return
                self.tokens -= 1.0
            done = self.env.event()
            self.env.process(self.work(done))
            yield done | self.env.timeout(TIMEOUT_S)
            if done.triggered:
                self.good[int(self.env.now)] += 1
                return

    def users(self):
        while True:
            rate = 2100.0 if 60.0 <= self.env.now < 70.0 else 700.0
            yield self.env.timeout(self.random.expovariate(rate))
            self.env.process(self.call())

    def run(self, horizon_s: float) -> list[int]:
        self.env.process(self.users())
        self.env.run(until=horizon_s)
        return [self.good[second] for second in range(int(horizon_s))]


if __name__ == "__main__":
    told(lambda asked: {"good": Storm(asked["mode"], asked["seed"]).run(asked["horizon_s"])}, simpy)
