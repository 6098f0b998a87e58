"""Public names that two modules of twin/ or ui/ define: name → how many modules may.

The rule ``public_names`` reads this. An entry goes when its name is unique; none is ever added.
"""

DUPLICATE_NAMES: dict[str, int] = {
    "Effect": 2,
    "Found": 2,
    "Judged": 2,
    "Plan": 3,
    "Question": 3,
    "Search": 2,
    "World": 2,
    "document": 4,
    "draw": 2,
    "effect": 2,
    "execute": 2,
    "interval": 2,
    "load": 2,
    "most_runs": 2,
    "open_run": 2,
    "order": 2,
    "patience_s": 2,
    "picture": 2,
    "progress": 2,
    "recoveries": 2,
    "report": 2,
    "runs": 2,
    "say": 2,
    "services": 2,
    "table": 4,
    "tally": 2,
    "tell": 3,
    "told": 2,
    "write": 2,
}
