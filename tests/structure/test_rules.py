"""The project keeps its rules, and each rule catches its canary."""

from collections.abc import Callable

import pytest

from .rules import RULES
from .tree import Tree, read_tree

Change = Callable[[Tree], Tree]


@pytest.fixture(scope="module")
def tree() -> Tree:
    return read_tree()


def add(path: str, text: str) -> Change:
    """Append text to a file, or make the file."""
    return lambda tree: tree | {path: tree.get(path, "") + text}


LONG_FUNCTION = "def long():\n" + "    pass\n" * 70
CLOCK_OF_CANARY = {"data/published/canary.yaml": "outcomes:\n  - {at: 2025-10-20T03:33:00-07:00}\n"}

# rule, what the canary is, how it alters the project
CANARIES: list[tuple[str, str, Change]] = [
    ("layers", "the bottom imports the top", add("twin/units.py", "\nimport twin.spec\n")),
    ("layers", "a kind imports a kind", add("twin/kinds/canary.py", "import twin.kinds.queueing\n")),
    ("layers", "networkx elsewhere", add("twin/model.py", "\nimport networkx\n")),
    ("layers", "ray elsewhere", add("twin/model.py", "\nimport ray\n")),
    ("layers", "duckdb elsewhere", add("twin/model.py", "\nimport duckdb\n")),
    ("layers", "pyarrow elsewhere", add("twin/model.py", "\nimport pyarrow\n")),
    ("layers", "the page in the package", add("twin/model.py", "\nimport streamlit\n")),
    ("layers", "a module outside all layers", add("twin/canary.py", "")),
    ("style", "wall clock", add("twin/canary.py", "import time\n\nSTARTED = time.time()\n")),
    ("style", "global randomness", add("twin/canary.py", "import random\n\nX = random.random()\n")),
    ("style", "unsorted imports", add("twin/canary.py", "import sys\nimport os\n\nX = (os, sys)\n")),
    ("style", "a branching function",
     add("twin/canary.py", "def f(x):\n" + "".join(f"    if x == {n}:\n        x += {n}\n" for n in range(12)))),
    ("file_size", "a long file", add("twin/canary.py", "X = 1\n" * 401)),
    ("function_size", "a long function", add("twin/canary.py", LONG_FUNCTION)),
    ("function_size", "a long median",
     add("twin/canary.py", "".join(f"def f{n}():\n" + "    pass\n" * 25 for n in range(2000)))),
    ("strangers", "a machine's path", add("twin/canary.py", "# see /work/main\n")),
    ("strangers", "a home", add("README.md", "cd /home/me/twin\n")),
    ("strangers", "notes", add("README.md", "see /tmp/notes/x\n")),
    ("strangers", "an address of packages", add("constraints.txt", "--index-url https://pypi.org/simple\n")),
    ("strangers", "how it was made", add("twin/canary.py", "# written by a helper agent in an earlier session\n")),
    ("outcome_times", "in a scenario, Pacific",
     lambda tree: tree | CLOCK_OF_CANARY | {"scenarios/canary.yaml": "faults: [{at: 2025-10-20T03:33:30-07:00}]\n"}),
    ("outcome_times", "in code, UTC",
     lambda tree: tree | CLOCK_OF_CANARY | {"twin/canary.py": "RECOVERED = '10:33'\n"}),
    ("outcome_times", "in prose",
     lambda tree: tree | CLOCK_OF_CANARY | {"twin/canary.py": "# as seen at 3:33 PDT\n"}),
    ("readme", "an unknown target", lambda tree: tree | {"README.md": "## Quick start\n```sh\nmake coffee\n```\n"}),
    ("readme", "no quick start", lambda tree: tree | {"README.md": "# The twin\n"}),
    ("readme", "a command of its own",
     lambda tree: tree | {"README.md": "## Quick start\n```sh\npip install twin\nmake replay\nmake test\n```\n"}),
]


@pytest.mark.parametrize("rule", RULES)
def test_the_project_keeps_the_rule(rule: str, tree: Tree) -> None:
    problems = RULES[rule](tree)
    assert not problems, "\n".join(problems)


@pytest.mark.parametrize(("rule", "change"), [(r, c) for r, _, c in CANARIES], ids=[f"{r}: {w}" for r, w, _ in CANARIES])
def test_the_rule_catches_its_canary(rule: str, change: Change, tree: Tree) -> None:
    assert set(RULES[rule](change(tree))) - set(RULES[rule](tree))


def test_each_rule_has_a_canary() -> None:
    assert {rule for rule, _, _ in CANARIES} == set(RULES)
