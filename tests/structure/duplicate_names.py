"""Public names that two modules of twin/ or ui/ define: name → how many modules may.

The rule ``public_names`` reads this. An entry goes when its name is unique; none is ever added.
"""

DUPLICATE_NAMES: dict[str, int] = {}
