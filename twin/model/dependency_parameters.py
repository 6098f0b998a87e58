"""The numbers that a dependency may have: one record each.

From these records follow the fields of a dependency in a file, their bounds, the reference, and the columns
of the EDGE array that the loop steps.
"""

from __future__ import annotations

from collections.abc import Container
from dataclasses import dataclass

from twin.model.parameter import Param

JITTERS = ("none", "equal", "full", "exponential", "decorrelated")
RETRY_MODES = ("legacy", "standard", "adaptive")
PRIORITIES = ("low", "normal", "high")
POPULARITIES = ("uniform", "zipf")
WHEN_FULL = ("drop", "fail", "block")
BREAKER = ("breaker_error_ratio", "breaker_failures_count")


@dataclass(frozen=True)
class EdgeParam(Param):
    """A number of a dependency. ``modes``: those that read it; none for all of them. ``needs``: without its
    own value it is read only beside one of these numbers; None if it is read by itself."""

    modes: tuple[str, ...] = ()
    needs: tuple[str, ...] | None = None

    def is_read(self, mode: str, given: Container[str]) -> bool:
        """Whether a dependency of this mode, for which a file gives the numbers ``given``, reads it."""
        if self.name in given:
            return True
        if self.needs is not None:
            return any(name in given for name in self.needs)
        return not self.modes or mode in self.modes


EDGE_PARAMETERS = (
    EdgeParam("share", 1.0, "ratio", 0.0, 100.0, "calls to the callee for each call that the caller serves",
          "assumed: one call each", (1.0, 1.0)),
    EdgeParam("lifetime_s", 300.0, "s", 0.0, 1e7,
          "modes new_connections and lease: mean life of a connection. Mode cached: maximum age of an answer",
          "assumed: SDK pools live for minutes", (60.0, 600.0), modes=("cached", "lease", "new_connections")),
    EdgeParam("timeout_s", 60.0, "s", 0.001, 86_400.0, "the caller gives up after this", "SDK"),
    EdgeParam("retries", 0, "count", 0, 20, "attempts after the first", "assumed: none unless given", (0, 0)),
    EdgeParam("backoff_s", 0.05, "s", 0.0, 3600.0, "wait before the first retry, doubled each time", "SDK"),
    EdgeParam("backoff_cap_s", 20.0, "s", 0.0, 86_400.0, "longest wait before a retry", "SDK"),
    EdgeParam("jitter", "full", "choice", 0, 4,
          "spread of the wait: none, equal (half to all), full (0 to all), exponential, or decorrelated "
          "(shortest to three times the last wait)",
          "SDK", choices=JITTERS),
    EdgeParam("retry_budget_ratio", 0.0, "ratio", 0.0, 10.0, "retries allowed per first try; 0 for no budget",
          "assumed: no budget unless given", (0.0, 0.0)),
    EdgeParam("retry_mode", "legacy", "choice", 0, 2,
          "legacy: as many retries as `retries` says. standard: like legacy, with a quota of 500 tokens per "
          "client. A retry takes 14 (5 after a refusal), and a call that succeeds at once gives one back. "
          "adaptive: like standard, with a rate limit at the client, which refusals lower",
          "SDK", choices=RETRY_MODES, needs=()),
    EdgeParam("deadline_s", 0.0, "s", 0.0, 86_400.0,
          "the caller needs the call within this time, retries and waits included. It waits no longer, and "
          "does not try again when too little time is left; 0 for none",
          "assumed: no deadline unless given", (0.0, 0.0), needs=()),
    EdgeParam("client_throttle_ratio", 0.0, "ratio", 0.0, 100.0,
          "adaptive throttling: maximum number of calls sent per recent successful call; "
          "0 for off (the SRE book has 2)",
          "assumed: off unless given", (0.0, 0.0), needs=()),
    EdgeParam("breaker_error_ratio", 0.0, "ratio", 0.0, 1.0,
          "circuit breaker: share of failed calls at which a client sends no more; 0 for no breaker",
          "assumed: no breaker unless given", (0.0, 0.0), needs=()),
    EdgeParam("breaker_window_count", 100, "count", 1, 100_000,
          "calls over which a closed breaker judges",
          "RESILIENCE4J", needs=BREAKER),
    EdgeParam("breaker_open_s", 60.0, "s", 0.001, 86_400.0,
          "how long an open breaker lets nothing through",
          "RESILIENCE4J", needs=BREAKER),
    EdgeParam("breaker_probes_count", 10, "count", 1, 100_000,
          "calls that a half-open breaker lets through, and judges before it closes or opens",
          "RESILIENCE4J", needs=BREAKER),
    EdgeParam("clients_count", 1, "count", 1, 1e9,
          "client objects that share the calls, each with its own retry quota, rate limit and breaker",
          "assumed: one unless given", (1, 1), needs=("retry_mode", "client_throttle_ratio", *BREAKER),
          divided=True),
    EdgeParam("priority", "normal", "choice", 0, 2,
          "whom the callee refuses first when it has to refuse: low, then normal, then high",
          "assumed: all alike unless given", choices=PRIORITIES, needs=()),
    EdgeParam("delay_s", 0.0, "s", 0.0, 86_400.0, "extra time until the caller knows the outcome",
          "assumed: none beyond a tick", (0.0, 0.0)),
    EdgeParam("connections_count", 2000, "count", 1, 1e9,
          "connections, or cached entries, of all callers together",
          "assumed: only shares matter", (500.0, 1e5), modes=("cached", "new_connections"), divided=True),
    EdgeParam("drain_per_s", 0.0, "1/s", 0.0, 1e12,
          "maximum calls per second from an asynchronous caller; 0 for no limit",
          "assumed: no limit unless given", (0.0, 0.0), modes=("async",), divided=True),
    EdgeParam("bound", False, "switch", 0, 1,
          "work that waits is bound to a part of the callee, and is done when that part works again. "
          "Only as counts",
          "assumed: whoever is free takes it", modes=("async",)),
    EdgeParam("utilisation_ratio", 0.0, "ratio", 0.0, 1.0,
          "share of the callee's capacity that this caller needs at the peak of the day. If the "
          "callee has less capacity left than this share, some calls fail; 0 switches this off",
          "assumed: not limited by the callee's capacity unless given", (0.0, 0.0)),
    EdgeParam("times", 1, "count", 1, 10_000,
          "calls to the callee for each request that makes any, one after "
          "the other, or all at once in a parallel group",
          "assumed: one", (1, 1)),
    EdgeParam("weight", 1.0, "ratio", 0.0, 1e6,
          "in a group of alternatives (one_of): how often this one is chosen",
          "assumed: all alike", (1.0, 1.0)),
    EdgeParam("failover_count", 0, "count", 0, 100,
          "in a group of alternatives: how many others are tried "
          "after a failure",
          "assumed: none unless given", (0, 0)),
    EdgeParam("fail_fast", False, "switch", 0, 1,
          "in a parallel group: the first failure ends the group; else "
          "all calls are waited for",
          "assumed: all are waited for"),
    EdgeParam("initial_connections_count", 1e9, "count", 0, 1e9,
          "connections that are open at the start, at most "
          "connections_count",
          "assumed: all of them", (1e9, 1e9), modes=("new_connections",)),
    EdgeParam("new_connection_ratio", 0.0, "ratio", 0.0, 1.0,
          "share of requests that opens a connection of its "
          "own in any case: cold starts, growth of the pool",
          "assumed: none unless given", (0.0, 0.0), modes=("new_connections",)),
    EdgeParam("keys_count", 1000, "count", 1, 1e7, "keys that are asked for",
          "assumed: a thousand", (1000, 1000), modes=("cached",)),
    EdgeParam("popularity", "uniform", "choice", 0, 1,
          "how often a key is asked for: all alike (uniform), or key "
          "number k as 1 / k to the zipf_exponent",
          "assumed: all alike", choices=POPULARITIES, modes=("cached",)),
    EdgeParam("zipf_exponent", 1.0, "ratio", 0.0, 10.0, "popularity of keys",
          "assumed: Zipf's law", (1.0, 1.0), modes=("cached",)),
    EdgeParam("coalesce", False, "switch", 0, 1,
          "requests for a key that is being fetched wait for that fetch",
          "assumed: each fetches for itself", modes=("cached",)),
    EdgeParam("hit_s", 0.001, "s", 0.0, 3600.0, "time of an answer from the cache",
          "assumed: a millisecond", (0.001, 0.001), modes=("cached",)),
    EdgeParam("flush_ratio", 0.0, "ratio", 0.0, 1.0,
          "share of the entries that is lost at the moment at which "
          "this is set",
          "assumed: none unless a scenario says so", (0.0, 0.0), modes=("cached",)),
    EdgeParam("store_count", 1e12, "count", 1, 1e12, "work that the store between caller and callee holds",
          "assumed: unbounded unless given", (1e12, 1e12), modes=("async",), divided=True),
    EdgeParam("when_full", "fail", "choice", 0, 2,
          "a full store drops the work, fails the caller, or blocks it "
          "until there is room",
          "assumed: the caller gets an error", choices=WHEN_FULL, modes=("async",)),
    EdgeParam("breaker_failures_count", 0, "count", 0, 100_000,
          "circuit breaker: failures in a row that open "
          "it; 0 for none",
          "assumed: no breaker unless given", (0, 0), needs=()),
    EdgeParam("retry_budget_count", 0.0, "count", 0.0, 1e9,
          "most retries that the budget saves up, and what "
          "it has at the start; 0 for the first tries of ten seconds",
          "assumed: ten seconds", (0.0, 0.0), needs=("retry_budget_ratio",), divided=True),
)  # fmt: skip
