"""Several replicates of the retry storm in SimPy, on two processes."""

import time
from multiprocessing import Pool

import simpy
from _told import told
from storm_simpy import Storm


def one(asked: tuple[str, int, float]) -> float:
    mode, seed, horizon_s = asked
    return float(sum(Storm(mode, seed).run(horizon_s)))


def answer(asked: dict) -> dict:
    jobs = [(asked["mode"], seed, asked["horizon_s"]) for seed in range(asked["count"])]
    with Pool(2) as pool:
        began = time.perf_counter()
        good = pool.map(one, jobs, chunksize=1)
        return {"wall_s": time.perf_counter() - began, "good": good}


if __name__ == "__main__":
    told(answer, simpy)
