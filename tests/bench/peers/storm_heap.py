"""The retry storm as a plain loop over a heap of moments: no library, and as few events as it takes."""

import heapq
import random
from collections import deque

from _told import told

ARRIVES, TIMES_OUT, SERVED = range(3)
MEAN_S, TIMEOUT_S, RETRIES, CAP = 0.001, 0.5, 3, 100.0


def storm(mode: str, seed: int, horizon_s: float) -> list[int]:  # noqa: C901
    draw = random.Random(seed).expovariate
    good, tokens, number = [0] * int(horizon_s), CAP, 0
    queue: deque[list] = deque()  # attempts: [is late, which try it is]
    is_busy = False
    heap: list[tuple] = [(draw(700.0), 0, ARRIVES, None)]

    def send(now: float, again: int) -> None:
        nonlocal number, is_busy
        attempt = [False, again]
        number += 1
        heapq.heappush(heap, (now + TIMEOUT_S, number, TIMES_OUT, attempt))
        queue.append(attempt)
        if not is_busy:
            is_busy = True
            heapq.heappush(heap, (now + draw(1.0 / MEAN_S), -number, SERVED, None))

    while True:
        now, _, what, attempt = heapq.heappop(heap)
        if now >= horizon_s:
            return good
        if what == ARRIVES:
            tokens = min(CAP, tokens + 0.1)
            send(now, 0)
            rate = 2100.0 if 60.0 <= now < 70.0 else 700.0
            number += 1
            heapq.heappush(heap, (now + draw(rate), number, ARRIVES, None))
        elif what == SERVED:
            attempt = queue.popleft()
            if not attempt[0]:
                attempt[0] = True
                good[int(now)] += 1
            number += 1
            is_busy = bool(queue)
            if is_busy:
                heapq.heappush(heap, (now + draw(1.0 / MEAN_S), -number, SERVED, None))
        elif not attempt[0]:
            attempt[0] = True
            if attempt[1] < RETRIES and (mode == "none" or tokens >= 1.0):
                tokens -= mode == "budget"
                send(now, attempt[1] + 1)


if __name__ == "__main__":
    told(lambda asked: {"good": storm(asked["mode"], asked["seed"], asked["horizon_s"])})
