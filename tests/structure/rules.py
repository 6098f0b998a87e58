"""The rules of the house. Each takes the project's files and returns what is wrong, one line a problem.

A rule is a function in RULES; test_rules.py applies it to the project, and to a canary that it must catch.
"""

import ast
import csv
import re
import statistics
import subprocess
import sys
import tempfile
import tomllib
from collections.abc import Callable, Iterator
from datetime import UTC, datetime, timedelta
from functools import cache
from pathlib import Path

import yaml

from .plain import plain_words, sentence_length
from .tree import Tree, write_tree

FILE_LINES = 400
FUNCTION_LINES = 60
MEDIAN_FUNCTION_LINES = 20

LAYERS = 15

# Folders of tests/ that mirror no folder of twin/.
OTHER_TESTS = {
    "acceptance", "bench", "closed_forms", "compositions", "data", "docs", "scenarios", "structure", "ui",
}  # fmt: skip

# "path::function" → why it may be long. An entry that is no longer needed is a problem too.
LONG_FUNCTIONS: dict[str, str] = {}

# Names that every kind or mechanism defines: the contract of its module. And the start of a program.
SHARED_NAMES = {"step", "init", "cells", "check", "sizes", "configure", "capacity"}

# id of a fault or action of a scenario whose own time falls on a published outcome's minute → why it does.
COINCIDING_INPUTS: dict[str, str] = {
    "redshift-stop": "its time in PDT reads like the time in UTC at which ECS, EKS and Fargate were impaired",
}

# Places and people that a reader outside does not have.
STRANGERS = (
    r"(?<![\w.])/(?:root|home|Users|opt|mnt)/\w",
    r"/tmp/(?!ray)\w",
    r"--(?:extra-)?index-url|--find-links|/simple/",
)
MAY_NAME_STRANGERS = {
    "tests/structure/rules.py": "spells the patterns",
    "tests/structure/test_rules.py": "spells the canaries",
    "LICENSE": "somebody else's text",
}

PUBLISHED = "data/published/"
QUOTES = "data/sources.yaml"  # figures that sources have: no run reads them
PACIFIC = timedelta(hours=-7)  # PDT, in force on every date that is replayed


def layers(tree: Tree) -> list[str]:
    """The import contracts of pyproject.toml hold."""
    done = _tool(tree, "lint-imports", "--no-cache", "--no-logo")
    return [] if done.returncode == 0 else (done.stdout + done.stderr).splitlines()


def rooms(tree: Tree) -> list[str]:
    """The folders of twin/ show the architecture, and tests/ mirrors them."""
    folders = {name.split("/")[1] for name in tree if name.startswith("twin/") and name.count("/") > 1}
    contracts = tomllib.loads(tree["pyproject.toml"])["tool"]["importlinter"]["contracts"]
    count = max((len(c["layers"]) for c in contracts if c["type"] == "layers"), default=0)
    problems = [f"pyproject.toml: {count} layers, at most {LAYERS}"] if count > LAYERS else []
    for name in tree:
        top, _, rest = name.partition("/")
        if top == "twin" and re.fullmatch(r"(?!__init__|__main__)\w+\.py", rest):
            problems.append(f"{name}: a module beside the folders of twin/")
        if top == "tests" and "/" in rest and rest.split("/")[0] not in folders | OTHER_TESTS:
            problems.append(f"{name}: no folder of twin/ has this name")
        if top == "tests" and re.fullmatch(r"test_\w+\.py", rest):
            problems.append(f"{name}: a test beside the folders of tests/")
    return problems


def style(tree: Tree) -> list[str]:
    """Ruff agrees, with the settings of pyproject.toml."""
    return _tool(tree, "ruff", "check", "--no-cache", "-q", "--output-format=concise").stdout.splitlines()


def file_size(tree: Tree) -> list[str]:
    """No source file is too long to read in one go."""
    lengths = {name: len(text.splitlines()) for name, text in tree.items() if name.endswith((".py", ".sql"))}
    return [f"{name}: {n} lines, at most {FILE_LINES}" for name, n in lengths.items() if n > FILE_LINES]


def function_size(tree: Tree) -> list[str]:
    """Few functions fill a screen; those that do are listed, with the reason."""
    lengths = dict(_functions(tree))
    long = {name: n for name, n in lengths.items() if n > FUNCTION_LINES}
    problems = [
        f"{name}: {n} lines, at most {FUNCTION_LINES}"
        for name, n in long.items()
        if name not in LONG_FUNCTIONS
    ]
    problems += [f"{name}: listed as long, but it is not" for name in LONG_FUNCTIONS if name not in long]
    if lengths and (median := statistics.median(lengths.values())) >= MEDIAN_FUNCTION_LINES:
        problems.append(f"the median function has {median} lines, not fewer than {MEDIAN_FUNCTION_LINES}")
    return problems


def public_names(tree: Tree) -> list[str]:
    """A public function, class or type alias has one meaning: no two modules define the same name."""
    modules: dict[str, list[str]] = {}
    for path, name in _top_names(tree):
        modules.setdefault(name, []).append(path)
    return [f"{name}: defined in {', '.join(paths)}" for name, paths in modules.items() if len(paths) > 1]


def page(tree: Tree) -> list[str]:
    """The page asks the package, and never the command line, which prints."""
    imports = re.compile(r"(?m)^\s*(?:from|import) twin\.cli\b|^\s*from twin import .*\bcli\b")
    sources = {name: text for name, text in tree.items() if name.startswith("ui/") and name.endswith(".py")}
    return [f"{where}: {found}" for where, found in _matches(imports, sources)]


def kinds_unnamed(tree: Tree) -> list[str]:
    """Outside its own file nobody names a kind: what others ask about it, it says in its ABOUT."""
    kinds = {path.split("/")[2].removesuffix(".py") for path in tree if path.startswith("twin/kinds/")}
    problems = []
    for path, text in tree.items():
        if not path.endswith(".py") or not re.match(r"(?:ui|twin(?!/kinds))/", path):
            continue
        for node in ast.walk(ast.parse(text, filename=path)):
            if isinstance(node, ast.Constant) and isinstance(node.value, str) and node.value in kinds:
                problems.append(f"{path}:{node.lineno}: names the kind {node.value}")
            elif isinstance(node, ast.ImportFrom) and (node.module or "").startswith("twin.kinds."):
                problems.append(f"{path}:{node.lineno}: imports a kind, {node.module}")
    return problems


def strangers(tree: Tree) -> list[str]:
    """No file names a place or a person that a reader outside does not have."""
    pattern = re.compile("|".join(STRANGERS))
    texts = {name: text for name, text in tree.items() if name not in MAY_NAME_STRANGERS}
    return [f"{where}: {found}" for where, found in _matches(pattern, texts)]


def outcome_times(tree: Tree) -> list[str]:
    """The time of a published outcome stands in data/published, and where sources are quoted."""
    published = set(_published_clocks(tree, imposed=False))
    imposed = set(_published_clocks(tree, imposed=True))
    own = {clock for moment in _coinciding_inputs(tree) for clock in _clock_forms(moment)}
    problems = []
    for name, text in tree.items():
        if name.startswith(PUBLISHED) or name == QUOTES:
            continue
        # An imposed outcome is the direct end of an input, so a scenario has to name its time.
        allowed = imposed | own if name.startswith("scenarios/") else set()
        problems += [
            f"{where}: {clock} is the time of a published outcome"
            for where, clock in _matches(_clock_pattern(published - allowed), {name: text})
        ]
    return problems


def readme(tree: Tree) -> list[str]:
    """The quick start consists of targets of the Makefile, and has the two that do all the set-up."""
    commands = quick_start(tree.get("README.md", ""))
    targets = re.findall(r"(?m)^\.PHONY: (.*)", tree["Makefile"])[0].split()
    made = [command.removeprefix("make ") for command in commands if command.startswith("make ")]
    strange = [command for command in commands if command.split()[0] not in {"make", "git", "cd"}]
    return [
        *(f"README.md: make {target} is not in the Makefile" for target in made if target not in targets),
        *(f"README.md: {command!r} is more than make, git and cd" for command in strange),
        *(f"README.md: the quick start lacks make {t}" for t in ("replay", "test") if t not in made),
    ]


def quick_start(text: str) -> list[str]:
    """The commands in the ```sh blocks under '## Quick start'."""
    sections = re.findall(r"(?ms)^## Quick start$(.*?)(?=^## |\Z)", text)
    blocks = re.findall(r"(?ms)^```sh\n(.*?)^```", "".join(sections))
    lines = (line.split(" #")[0].strip() for block in blocks for line in block.splitlines())
    return [line for line in lines if line and not line.startswith("#")]


RULES: dict[str, Callable[[Tree], list[str]]] = {
    "layers": layers,
    "rooms": rooms,
    "style": style,
    "file_size": file_size,
    "function_size": function_size,
    "public_names": public_names,
    "page": page,
    "kinds_unnamed": kinds_unnamed,
    "strangers": strangers,
    "outcome_times": outcome_times,
    "readme": readme,
    "plain_words": plain_words,
    "sentence_length": sentence_length,
}


def _tool(tree: Tree, *command: str) -> subprocess.CompletedProcess[str]:
    """Run a tool of the environment on a copy of the Python sources and their settings."""
    sources = {name: text for name, text in tree.items() if name.endswith((".py", "pyproject.toml"))}
    tool = Path(sys.executable).with_name(command[0])
    with tempfile.TemporaryDirectory() as folder:
        write_tree(sources, Path(folder))
        return subprocess.run([tool, *command[1:]], cwd=folder, capture_output=True, text=True)


def _functions(tree: Tree) -> Iterator[tuple[str, int]]:
    """Name and length in lines, decorators and docstring included, of each function."""
    for path, text in tree.items():
        if path.endswith(".py"):
            yield from ((f"{path}::{name}", lines) for name, lines in _functions_in(text))


@cache
def _functions_in(text: str) -> list[tuple[str, int]]:
    found = []
    for node in ast.walk(ast.parse(text)):
        if isinstance(node, ast.FunctionDef | ast.AsyncFunctionDef):
            first = min([node.lineno, *(decorator.lineno for decorator in node.decorator_list)])
            found.append((node.name, (node.end_lineno or first) - first + 1))
    return found


def _top_names(tree: Tree) -> Iterator[tuple[str, str]]:
    """Path and name of each public function, class and type alias at the top of a module of twin/ or ui/."""
    for path, text in tree.items():
        if path.endswith(".py") and path.startswith(("twin/", "ui/")):
            shared = SHARED_NAMES if path.startswith(("twin/kinds/", "twin/mechanisms/")) else {"main"}
            yield from ((path, name) for name in _top_names_in(text) if name not in shared)


@cache
def _top_names_in(text: str) -> list[str]:
    names = []
    for node in ast.parse(text).body:
        if isinstance(node, ast.FunctionDef | ast.ClassDef) and not node.name.startswith("_"):
            names.append(node.name)
        elif isinstance(node, ast.Assign):  # an alias is spelled as a class: Value, not VALUE
            targets = [t.id for t in node.targets if isinstance(t, ast.Name)]
            names += [name for name in targets if re.fullmatch(r"[A-Z]\w*[a-z]\w*", name)]
    return names


def _matches(pattern: re.Pattern[str], texts: Tree) -> Iterator[tuple[str, str]]:
    for name, text in texts.items():
        for number, line in enumerate(text.splitlines(), 1):
            for match in pattern.finditer(line):
                yield f"{name}:{number}", match[0]


def _published_clocks(tree: Tree, *, imposed: bool) -> Iterator[str]:
    """Clock times, in UTC and in Pacific time, of the outcomes: of all of them, or of the imposed alone."""
    for name, text in tree.items():
        if name.startswith(PUBLISHED) and name.endswith(".csv"):
            for row in csv.DictReader(text.splitlines()):
                if "published" in row and (row.get("imposed") == "true" or not imposed):
                    yield from _clock_forms(datetime.fromisoformat(row["published"]).astimezone(UTC))


def _coinciding_inputs(tree: Tree) -> Iterator[datetime]:
    for name, text in tree.items():
        if name.startswith("scenarios/") and name.endswith(".yaml"):
            scenario = yaml.safe_load(text)
            for entry in [*scenario.get("faults", []), *scenario.get("actions", [])]:
                if entry.get("id") in COINCIDING_INPUTS:
                    yield from (entry[key].astimezone(UTC) for key in ("at", "until") if key in entry)


def _clock_forms(moment: datetime) -> set[str]:
    return {f"{moment:%H:%M}", f"{moment + PACIFIC:%H:%M}"}


def _clock_pattern(clocks: set[str]) -> re.Pattern[str]:
    """Finds the time by itself, with seconds and after a date, but not in file:line:column."""
    spelled = "|".join(sorted(re.sub(r"^0", "0?", clock) for clock in clocks)) or r"(?!)"
    return re.compile(rf"(?:(?<![\w:.])|(?<=\dT))(?:{spelled})(?::\d\d)?(?![\d:])")
