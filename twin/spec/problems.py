"""Problems of input, all in one form: file:line:column, found, expected, hint."""

from __future__ import annotations

import difflib
from collections.abc import Iterable
from dataclasses import dataclass

RENAMED = {  # what files called a key or column before → its name now
    "measure": "metric",
    "also": "includes",
    "hangs_on": "coincidence",
    "stood": "status",
    "that_night": "in_the_event",
    "without": "removed_by",
    "hump": "episode",
    "droplets_count": "holders_count",
}
NATURAL = {  # what people write for a mode or a key of a dependency → its name here
    **dict.fromkeys(("sync", "synchronous", "required", "critical", "strong", "call"), "hard"),
    **dict.fromkeys(("optional", "best_effort", "degraded", "weak", "graceful"), "soft"),
    **dict.fromkeys(("queue", "queued", "enqueue", "message", "event", "handed_over", "store"), "async"),
    **dict.fromkeys(("notify", "one_way", "fire-and-forget", "forget"), "fire_and_forget"),
    **dict.fromkeys(("cache", "caching"), "cached"),
    **dict.fromkeys(("pool", "pooled", "connection", "connections"), "new_connections"),
    **dict.fromkeys(("start", "startup", "init"), "bootstrap"),
    **dict.fromkeys(("renew", "heartbeat", "session"), "lease"),
    **dict.fromkeys(("retry", "max_retries", "attempts", "max_attempts"), "retries"),
    **dict.fromkeys(("ttl", "ttl_s", "max_age_s", "expiry_s"), "lifetime_s"),
    **dict.fromkeys(("queue_count", "queue_size", "queue_limit", "capacity_count"), "store_count"),
    **dict.fromkeys(("consume_per_s", "consumers_per_s", "rate_per_s"), "drain_per_s"),
    **dict.fromkeys(("workers", "threads", "threads_count"), "workers_count"),
    **dict.fromkeys(("timeout", "timeout_ms", "time_out"), "timeout_s"),
    **dict.fromkeys(("group", "concurrent"), "parallel"),
    **dict.fromkeys(("alternative", "alternatives", "either", "any_of"), "one_of"),
    **dict.fromkeys(("failover", "backup", "otherwise", "or_else"), "fallback"),
}


@dataclass(frozen=True, order=True)
class Problem:
    """One problem. ``file``: a file, or the argument of a function or command that holds the value.

    Lines and columns count from 1, and are 0 for an argument. A row of a table is a line without a column;
    its columns have names. ``path`` leads to the value in the document; '' is the whole.
    """

    file: str
    line: int
    column: int
    path: str
    found: str
    expected: str
    hint: str = ""
    column_name: str = ""

    def __str__(self) -> str:
        return self.text()

    def text(self, word: str = "") -> str:
        """One line. ``word``: what comes after the place, as 'warning'."""
        at = f":{self.line}:{self.column}" if self.column else f":row {self.line}" if self.line else ""
        at += f", column {self.column_name}" if self.column_name else ""
        place = self.file + at
        where = "".join(f"{part}: " for part in (place, word, self.path) if part)
        hint = f" ({self.hint})" if self.hint else ""
        return f"{where}found {self.found}, expected {self.expected}{hint}"


def argument_problem(argument: str, found: str, expected: str, hint: str = "") -> SpecError:
    """An error about one argument of a function or command."""
    return SpecError([Problem(argument, 0, 0, "", found, expected, hint)])


class SpecError(Exception):
    """Bad input. ``problems`` holds every problem of every file and argument, in the order of the lines."""

    def __init__(self, problems: Iterable[Problem]) -> None:
        self.problems = tuple(sorted(set(problems)))
        super().__init__("\n".join(map(str, self.problems)))

    def __reduce__(self) -> tuple[type[SpecError], tuple[tuple[Problem, ...]]]:
        return SpecError, (self.problems,)  # so that it survives the way back from another process


def did_you_mean(name: object, known: Iterable[str]) -> str:
    """'did you mean X?', or the known names if few, or ''."""
    names = sorted(known)
    if str(name).startswith("hedg"):
        return "hedged requests do not exist here"
    renamed = [words[name] for words in (RENAMED, NATURAL) if isinstance(name, str) and name in words]
    renamed = [new for new in renamed if new in names]
    close = renamed or difflib.get_close_matches(str(name), names, n=1, cutoff=0.6)
    if close:
        return f"did you mean {close[0]}?"
    if name in ("timeout", "timeout_s"):
        return "a time-out belongs to a dependency: timeout_s there"
    return f"known: {', '.join(names)}" if 0 < len(names) <= 12 else ""


def shown(value: object) -> str:
    """A value in a message: short, on one line, without control characters."""
    if value is None:
        return "nothing"
    if isinstance(value, dict | list):
        return "a mapping" if isinstance(value, dict) else "a list"
    if isinstance(value, bool):
        return str(value).lower()
    text = "".join(c if c.isprintable() else "?" for c in str(value))
    text = text if len(text) <= 60 else text[:57] + "..."
    return f"'{text}'" if isinstance(value, str) else text
