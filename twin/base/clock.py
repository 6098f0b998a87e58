"""Ticks of a run as times of day."""

from __future__ import annotations

from collections.abc import Mapping
from datetime import datetime, timedelta
from typing import Any


class Clock:
    """Ticks of one run as times in the zone of its scenario's start."""

    def __init__(self, manifest: Mapping[str, Any]) -> None:
        """``manifest`` has the keys ``start`` (ISO 8601 with zone) and ``tick_s``."""
        self.start = datetime.fromisoformat(manifest["start"])
        self.tick_s = float(manifest["tick_s"])

    def at(self, tick: float) -> datetime:
        """The time of a tick, with its zone."""
        return self.start + timedelta(seconds=tick * self.tick_s)

    def local(self, tick: int | None) -> str:
        """'20 Oct 00:12:10', '' for None."""
        return "" if tick is None else f"{self.at(tick):%d %b %H:%M:%S}"

    def iso(self, tick: int | None) -> str | None:
        """ISO 8601 with zone."""
        return None if tick is None else self.at(tick).isoformat()
