"""Public names that two modules of twin/ or ui/ define: name → how many modules may.

The rule ``public_names`` reads this. An entry goes when its name is unique; none is ever added.
"""

DUPLICATE_NAMES: dict[str, int] = {
    "Effect": 2,
    "Judged": 2,
    "Plan": 2,
    "Question": 3,
    "Search": 2,
    "World": 2,
    "effect": 2,
    "interval": 2,
    "most_runs": 2,
    "order": 2,
    "patience_s": 2,
    "recoveries": 2,
    "runs": 2,
    "tally": 2,
    "told": 2,
}
