"""The signals of a service, by the names that files use, with their units."""

from __future__ import annotations

from typing import Literal

SIGNALS = {  # the signals of expectations and published outcomes, with their units
    "error_ratio": "ratio",
    "latency_ratio": "ratio",
    "capacity_ratio": "ratio",
    "backlog_s": "s",
}
WATCHED = SIGNALS | {  # the signals of conditions
    "utilisation_ratio": "ratio",
    "oldest_age_s": "s",
    "offered_per_s": "1/s",
    "goodput_per_s": "1/s",
}

Signal = Literal["error_ratio", "latency_ratio", "capacity_ratio", "backlog_s"]
Watched = Literal[
    "error_ratio",
    "latency_ratio",
    "capacity_ratio",
    "backlog_s",
    "utilisation_ratio",
    "oldest_age_s",
    "offered_per_s",
    "goodput_per_s",
]
