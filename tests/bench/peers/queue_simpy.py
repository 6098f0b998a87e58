"""M/M/c in SimPy, as its tutorials would write it."""

import random

import simpy
from _told import told


def mean_wait_s(servers: int, arrivals_per_s: float, customers: int, seed: int) -> float:
    env, draw, waits = simpy.Environment(), random.Random(seed).expovariate, []
    desk = simpy.Resource(env, capacity=servers)

    def customer():
        came = env.now
        with desk.request() as turn:
            yield turn
            waits.append(env.now - came)
            yield env.timeout(draw(1.0))

    def source():
        for _ in range(customers):
            yield env.timeout(draw(arrivals_per_s))
            env.process(customer())

    env.process(source())
    env.run()
    return sum(waits) / len(waits)


if __name__ == "__main__":
    told(lambda asked: {"wait_s": mean_wait_s(**asked)}, simpy)
