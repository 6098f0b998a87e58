"""Every command line that a document shows is one that `twin` takes. Nothing is run here.

A line of a code block has to parse as a whole. Of code within a sentence only the names are checked: the
command, its options, the target of `make`.
"""

import re
import shlex
from collections.abc import Iterator
from pathlib import Path

import click
import pytest

from twin.cli import cli

ROOT = Path(__file__).resolve().parents[2]
DOCUMENTS = sorted(
    path for pattern in ("*.md", "[dst]*/**/*.md") for path in ROOT.glob(pattern) if "runs" not in path.parts
)
CHECKED = (click.Choice, click.types.IntRange, click.types.FloatRange)  # types that need no file
OF_THE_PROJECT = re.compile(r"(?:scenarios|topology|data|docs|twin|tests|ui)/[\w./-]*\w")


def test_each_command_line_parses() -> None:
    problems = [problem for path in DOCUMENTS for line in blocks(path) for problem in wrong(path, line)]
    assert not problems, "\n".join(problems)


def test_each_name_in_a_sentence_exists() -> None:
    problems = [problem for path in DOCUMENTS for span in spans(path) for problem in unknown(path, span)]
    assert not problems, "\n".join(problems)


@pytest.mark.parametrize(
    ("line", "problem"),
    [
        ("twin rum us-east-1-2025-10-20", "no command 'rum'"),
        ("twin run us-east-1-2025-10-20 --sed 3", "No such option"),
        ("twin run", "SCENARIO is missing"),
        ("twin run us-east-1-2025-10-20 --responders asleep", "is not one of"),
        ("twin run scenarios/none.yaml", "scenarios/none.yaml does not exist"),
        ("twin run us-east-1-2025-10-20 --mitigate prayer", "no mitigation 'prayer'"),
        ("twin check scenarios/us-east-1-2025-10-20.yaml && twin rum", "no command 'rum'"),
    ],
)
def test_a_wrong_command_line_is_caught(line: str, problem: str) -> None:
    assert problem in "".join(wrong(ROOT / "README.md", line))


def blocks(path: Path) -> Iterator[str]:
    """Command lines of the code blocks that are no other language, continued lines joined."""
    for language, text in re.findall(r"(?ms)^```([^\n]*)\n(.*?)^```$", path.read_text(encoding="utf-8")):
        lines = text.replace("\\\n", " ").splitlines() if language in ("", "sh", "console") else []
        yield from (re.sub(r"(^|\s)#.*", "", line).strip() for line in lines)


def spans(path: Path) -> Iterator[str]:
    """Code within sentences."""
    text = re.sub(r"(?ms)^```.*?^```", "", path.read_text(encoding="utf-8"))
    return (" ".join(span.split()) for span in re.findall(r"(?s)`([^`]+)`", text))


def wrong(path: Path, line: str) -> Iterator[str]:
    where = f"{path.relative_to(ROOT)}: {line}"
    for part in re.split(r"&&|;|\|(?!\w)", line):
        name, *args = shlex.split(re.sub(r"\s>\s*\S+", "", part)) or [""]
        if name.endswith("twin"):
            yield from (f"{where}: {problem}" for problem in refused(args))


def refused(args: list[str]) -> Iterator[str]:
    """What is wrong with these arguments of twin."""
    command = cli.commands.get(args[0])
    if command is None:
        yield f"no command {args[0]!r}"
        return
    try:
        values = parsed(command, args[1:])
    except click.UsageError as error:
        yield error.format_message()
        return
    yield from (f"{word} does not exist" for word in args if named(word) and not (ROOT / word).exists())
    chosen = [name for text in values.get("mitigations") or () for name in str(text).split("+")]
    shipped = {file.stem for file in (ROOT / "scenarios" / "mitigations").glob("*.yaml")}
    yield from (f"no mitigation {name!r}" for name in chosen if name not in shipped and "." not in name)


def named(word: str) -> bool:
    return OF_THE_PROJECT.fullmatch(word) is not None


def parsed(command: click.Command, args: list[str]) -> dict[str, object]:
    """Values by parameter; files are not looked at. Raises click.UsageError."""
    context = click.Context(command, info_name=command.name)
    values, _, _ = command.make_parser(context).parse_args(args=list(args))
    for parameter in command.params:
        value = values.get(parameter.name)
        if parameter.required and (value is None or "UNSET" in repr(value)):
            raise click.UsageError(f"{parameter.make_metavar(context)} is missing")
        if isinstance(parameter.type, CHECKED) and isinstance(value, str):
            parameter.type.convert(value, parameter, context)
    return values


def unknown(path: Path, span: str) -> Iterator[str]:
    """'twin run --frok' names an option that twin run has not."""
    where = f"{path.relative_to(ROOT)}: `{span}`"
    words = span.split()
    if words[:1] == ["make"]:
        targets = re.findall(r"(?m)^\.PHONY: (.*)", (ROOT / "Makefile").read_text())[0].split()
        yield from (f"{where}: no target {word!r}" for word in words[1:2] if word not in targets)
    if words[:1] != ["twin"] or len(words) == 1 or not re.fullmatch(r"[a-z][a-z-]*", words[1]):
        return
    command = cli.commands.get(words[1])
    if command is None:
        yield f"{where}: no command {words[1]!r}"
        return
    options = {name for parameter in command.params for name in parameter.opts} | {"--help"}
    options_said = re.findall(r"(?<!\S)--[a-z-]+", span)
    yield from (f"{where}: no option {name}" for name in options_said if name not in options)


def test_each_link_leads_somewhere() -> None:
    broken = [
        f"{path.relative_to(ROOT)}: {to}" for path in DOCUMENTS for to in links(path) if not leads(path, to)
    ]
    assert not broken, "\n".join(broken)


def links(path: Path) -> list[str]:
    """Addresses of links within the project."""
    text = re.sub(r"(?ms)^```.*?^```$", "", path.read_text(encoding="utf-8"))
    return [to for to in re.findall(r"\]\(([^)\s]+)\)", text) if not to.startswith("http")]


def leads(path: Path, to: str) -> bool:
    """Whether the file is there, and its heading."""
    name, _, anchor = to.partition("#")
    target = (path.parent / name).resolve() if name else path
    return target.exists() and (not anchor or anchor in anchors(target))


def anchors(path: Path) -> set[str]:
    """The headings of a document as GitHub writes them in an address."""
    headings = re.findall(r"(?m)^#+ (.+)$", path.read_text(encoding="utf-8"))
    return {re.sub(r"[^\w\s-]", "", heading.lower()).strip().replace(" ", "-") for heading in headings}
