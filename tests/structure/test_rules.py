"""The project keeps its rules, and each rule catches its canaries."""

from collections.abc import Callable
from functools import cache
from typing import NamedTuple

import pytest

from .rules import LAYERS, RULES
from .tree import Tree, read_tree


class Canary(NamedTuple):
    """An offence, and the file and text that commit it; the text is appended where the file exists."""

    rule: str
    offence: str
    path: str
    text: str


# An outcome that the project does not have, so that its time is forbidden in these tests alone.
PUBLISHED = {"data/published/canary.csv": "id,published\ncanary,2025-10-20T03:33:00-07:00\n"}
BRANCHES = "".join(f"    if x == {n}:\n        x += {n}\n" for n in range(12))
MIDDLING = "".join(f"def f{n}():\n" + "    pass\n" * 40 for n in range(6000))
LAYERS_CANARY = f"""
[[tool.importlinter.contracts]]
id = "canary"
type = "layers"
layers = {[f"layer_{n}" for n in range(LAYERS + 1)]}
"""

CANARIES = [
    Canary("layers", "the bottom imports the top", "twin/base/units.py", "\nimport twin.spec\n"),
    Canary("layers", "a kind imports a kind", "twin/kinds/canary.py", "import twin.kinds.queueing\n"),
    Canary("layers", "networkx elsewhere", "twin/model/scenario.py", "\nimport networkx\n"),
    Canary("layers", "ray elsewhere", "twin/model/scenario.py", "\nimport ray\n"),
    Canary("layers", "duckdb elsewhere", "twin/model/scenario.py", "\nimport duckdb\n"),
    Canary("layers", "pyarrow elsewhere", "twin/model/scenario.py", "\nimport pyarrow\n"),
    Canary("layers", "matplotlib elsewhere", "twin/model/scenario.py", "\nimport matplotlib\n"),
    Canary("layers", "the page in the package", "twin/model/scenario.py", "\nimport streamlit\n"),
    Canary("layers", "a module outside all layers", "twin/canary.py", ""),
    Canary("rooms", "a loose module", "twin/canary.py", ""),
    Canary("rooms", "a layer too many", "pyproject.toml", LAYERS_CANARY),
    Canary("rooms", "a folder of tests of nothing", "tests/canary/test_canary.py", ""),
    Canary("rooms", "a loose test", "tests/test_canary.py", ""),
    Canary("style", "wall clock", "twin/canary.py", "import time\n\nSTARTED = time.time()\n"),
    Canary("style", "global randomness", "twin/canary.py", "import random\n\nX = random.random()\n"),
    Canary("style", "unsorted imports", "twin/canary.py", "import sys\nimport os\n\nX = (os, sys)\n"),
    Canary("style", "a branching function", "twin/canary.py", "def f(x):\n" + BRANCHES),
    Canary("file_size", "a long file", "twin/canary.py", "X = 1\n" * 401),
    Canary("function_size", "a long function", "twin/canary.py", "def long():\n" + "    pass\n" * 60),
    Canary("function_size", "a long median", "twin/canary.py", MIDDLING),
    Canary("kinds_unnamed", "a kind's name", "twin/canary.py", "IS_STATION = 'queueing'.isalpha()\n"),
    Canary("kinds_unnamed", "a kind's file", "twin/cli/canary.py", "from twin.kinds.dns import PARAMETERS\n"),
    Canary("public_names", "a second class", "twin/canary.py", "class SpecError:\n    pass\n"),
    Canary("public_names", "a second function", "ui/canary.py", "def load_scenario():\n    pass\n"),
    Canary("public_names", "a second type alias", "twin/canary.py", "Scenario = dict[str, str]\n"),
    Canary("page", "the page imports a command", "ui/canary.py", "from twin.cli.replay import FIGURES\n"),
    Canary("page", "the page imports the command line", "ui/canary.py", "from twin import cli\n"),
    Canary("strangers", "a machine's path", "twin/canary.py", "# see /opt/twin/main\n"),
    Canary("strangers", "a home", "README.md", "cd /home/me/twin\n"),
    Canary("strangers", "notes", "README.md", "see /tmp/x/notes\n"),
    Canary(
        "strangers", "an address of packages", "constraints.txt", "--index-url https://example.org/simple\n"
    ),
    Canary("outcome_times", "as an input", "scenarios/canary.yaml", "at: 2025-10-20T03:33:30-07:00\n"),
    Canary("outcome_times", "in code, in UTC", "twin/canary.py", "RECOVERED = '10:33'\n"),
    Canary("outcome_times", "in prose", "README.md", "as seen at 3:33 PDT\n"),
    Canary("readme", "an unknown target", "README.md", "\n## Quick start\n```sh\nmake coffee\n```\n"),
    Canary("plain_words", "in a document", "CONTRIBUTING.md", "\nThe two cannot be told\napart.\n"),
    Canary("plain_words", "in a message", "twin/spec/canary.py", "raise ValueError('more than nought')\n"),
    Canary("plain_words", "in a topology", "topology/canary.yaml", "title: Whose doing the loss was\n"),
    Canary("sentence_length", "a long sentence", "docs/canary.md", "\n" + 26 * "word " + "\n"),
    Canary("readme", "a command of its own", "README.md", "\n## Quick start\n```sh\npip install twin\n```\n"),
]


@pytest.fixture(scope="module")
def tree() -> Tree:
    return read_tree()


@pytest.mark.parametrize("rule", RULES)
def test_the_project_keeps_the_rule(rule: str, tree: Tree) -> None:
    problems = RULES[rule](tree)
    assert not problems, "\n".join(problems)


@pytest.fixture(scope="module")
def problems_before(tree: Tree) -> Callable[[str], set[str]]:
    """What a rule says of the project without a canary; each is asked once."""
    return cache(lambda rule: set(RULES[rule](tree | PUBLISHED)))


@pytest.mark.parametrize("canary", CANARIES, ids=lambda canary: f"{canary.rule}: {canary.offence}")
def test_the_rule_catches_its_canary(
    canary: Canary, tree: Tree, problems_before: Callable[[str], set[str]]
) -> None:
    before = tree | PUBLISHED
    after = before | {canary.path: before.get(canary.path, "") + canary.text}
    assert set(RULES[canary.rule](after)) - problems_before(canary.rule)


def test_a_readme_without_quick_start_is_caught(tree: Tree) -> None:
    assert RULES["readme"](tree | {"README.md": "# The twin\n"})


def test_each_rule_has_a_canary() -> None:
    assert {canary.rule for canary in CANARIES} == set(RULES)
