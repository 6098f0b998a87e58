"""M/M/c in Cimba: a queue and c servers, compiled before the stopwatch starts. The wait follows from the mean
length of the queue by Little's law, as in its own example."""

import json
import sys
import time

import cimba as cb
from cimba import inputs


class Queue(cb.Model):
    gap: cb.Input[float] = inputs.dist.exponential(mean=1.0)
    service: cb.Input[float] = inputs.dist.exponential(mean=1.0)
    queue: cb.Container
    mean_queue: cb.Output[float]

    @cb.process
    def arrivals(self):
        while True:
            cb.hold(self.gap.next())
            self.queue.put(1)

    @cb.process(copies=1)
    def server(self):
        while True:
            self.queue.get(1)
            cb.hold(self.service.next())

    @cb.on_end
    def measure(self):
        self.mean_queue = self.queue.mean_level()


class TenServers(Queue):
    @cb.process(copies=10)
    def server(self):
        while True:
            self.queue.get(1)
            cb.hold(self.service.next())


def mean_wait_s(model: cb.Model, arrivals_per_s: float, customers: float, seed: int) -> float:
    window = cb.Window(warmup=0.0, duration=customers / arrivals_per_s)
    results = cb.Experiment(model, replications=1, window=window, seed=seed).run(workers=1)
    return float(results[model].mean_queue.values.ravel()[0]) / arrivals_per_s


def main() -> None:
    asked = json.loads(sys.argv[1])
    rate = asked["arrivals_per_s"]
    model = {1: Queue, 10: TenServers}[asked["servers"]]()
    model.gap = inputs.dist.exponential(mean=1.0 / rate)
    mean_wait_s(model, rate, 100, 0)
    began = time.process_time()
    wait_s = mean_wait_s(model, rate, asked["customers"], asked["seed"])
    spent = time.process_time() - began
    sys.stdout.write(json.dumps({"seconds": spent, "version": cb.__version__, "wait_s": wait_s}))


if __name__ == "__main__":
    main()
