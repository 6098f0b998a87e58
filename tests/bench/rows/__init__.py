"""Each file measures one line of the table of ``python -m tests.bench``: ``measure(bench)``.

The order is that in which they run. The first one measures how fast this machine is.
"""

ROWS = (
    "storm",
    "queues",
    "systems",
    "replicates",
    "blast",
    "race",
    "chains",
    "incident",
    "region",
    "studies",
    "journal",
)
