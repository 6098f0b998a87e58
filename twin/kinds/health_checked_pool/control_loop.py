"""Health checks: the verdicts by which targets and zones serve or do not."""

from __future__ import annotations

from twin.kinds.health_checked_pool.parameters import (
    BALANCERS,
    CLASS,
    CLASSES,
    FRESH,
    OUT,
    RUNS,
    SETTLED,
    SIZE,
    TABLE,
    WAIT_MS,
    ZONE,
)
from twin.model.control_loop import Loop, Reading, View


class Checks:
    """Age: of the oldest result behind a verdict against a target, when the verdict is carried out. It is the
    rounds that the verdict takes, and the wait for the checker.

    Wrong: share of the targets that work, network and all, and are out of service: themselves, or with their
    zone. New targets that serve without a network are the other error; it stands in what it did.
    """

    def __init__(self, view: View) -> None:
        self.view = view
        self.loop = Loop(
            "Health check", view.service, "the last few results of a target, and of its zone",
            "working targets taken out of service", True,
        )  # fmt: skip

    def look(self, tick: int) -> None:
        """As Eye says."""
        if tick % self.view.every:
            return
        p, s = self.view.p, self.view.s
        zones = self.view.cells[: int(s["zones"]) * ZONE].reshape(-1, ZONE)
        age_s = (float(p["unhealthy_count"]) - 1.0) * float(p["interval_s"]) + 0.001 * float(
            zones[:, WAIT_MS].max()
        )
        age_s += min(float(p["check_timeout_s"]), float(p["interval_s"]))
        wrong, blind = self._wrong()
        out = int(s["out_of_dns"]) / (int(s["zones"]) * int(s["balancers"]))
        did = f"{out:.1%} of zones out of DNS, {blind} new targets in service without a network"
        did += "" if p["failover"] else "; failover off"
        self.loop.readings.append(Reading(tick, age_s, wrong, did))

    def _wrong(self) -> tuple[float, int]:
        """(share of targets that work and do not serve, targets that serve without a network)."""
        p, s = self.view.p, self.view.s
        cells, count = self.view.cells, int(s["zones"])
        all_out = bool(p["fail_open"]) and int(s["out_of_dns"]) == count * int(s["balancers"])
        idle = blind = size = 0.0
        for n in range(count * CLASSES):
            zone, k = divmod(n, CLASSES)
            pool = cells[zone * ZONE + k * CLASS :]
            in_dns = 1.0 if all_out else 1.0 - pool[OUT] / cells[count * ZONE + k * TABLE + BALANCERS]
            if zone >= int(p["faulty_zones_count"]):
                works = pool[SETTLED : SETTLED + 2 * RUNS].sum()
                idle += works - in_dns * pool[SETTLED : SETTLED + RUNS].sum()
            blind += in_dns * pool[FRESH : FRESH + RUNS].sum()
            size += pool[SIZE]
        return float(idle / size), round(float(blind))
