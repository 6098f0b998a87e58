"""Exit codes, and what a user reads when something is wrong: never a traceback unless asked for."""

from __future__ import annotations

import errno
import os
import re
import shlex
import sys
import traceback

import click

OPTIONS = {"with_files": "--with"}  # argument of a function → option, where the name is another
DONE, MISSED, BAD_INPUT, INVARIANT, INTERNAL, INTERRUPTED, CLOSED = 0, 1, 2, 3, 70, 130, 141
EXIT_CODES = {
    DONE: "done",
    MISSED: "an expectation was not met (expect:, --fail-under or --strict)",
    BAD_INPUT: "bad input",
    INVARIANT: "an internal check of the model failed; this is a bug, please report it",
    INTERNAL: "internal error",
    INTERRUPTED: "interrupted",
    CLOSED: "the reader of the output has gone, as in twin list kinds | head -1",
}

# Where the errors of bad input are defined. An error can only come from a module that has been imported, so
# nothing need be imported to recognise it.
REFUSALS = (
    ("twin.spec.problems", "SpecError"),
    ("twin.simulation.journal", "DamagedRun"),
    ("twin.simulation.queries", "QueryError"),
    ("twin.simulation.fork", "ForkError"),
    ("twin.simulation.world", "Outgrown"),
    ("twin.base.units", "Refused"),
    ("twin.base.extras", "MissingExtra"),
    ("twin.experiments.store", "OtherStudy"),
    ("twin.experiments.pool", "WorkerLost"),
    ("twin.experiments.screening", "NoWorlds"),
    ("twin.experiments.search.plans", "BudgetTooSmall"),
)


class BadInput(Exception):
    """What the user asked for is not there or makes no sense; the message says what to do."""


class Missed(Exception):
    """An expectation or a threshold was missed; the message says which."""


def report_error(error: BaseException, ctx: click.Context) -> int:
    """Say on stderr what was wrong; returns the exit code."""
    if ctx.meta.get("twin.debug"):
        click.echo("".join(traceback.format_exception(error)), err=True, nl=False)
    if isinstance(error, KeyboardInterrupt):
        click.echo("twin: interrupted", err=True)
        return INTERRUPTED
    if isinstance(error, Missed):
        click.echo(f"twin: missed: {error}", err=True)
        return MISSED
    if isinstance(error, BadInput) or any(_is(error, module, name) for module, name in REFUSALS):
        click.echo(_prefixed(error, _options(ctx)), err=True)
        return BAD_INPUT
    if isinstance(error, OSError):
        click.echo(f"twin: {_about_disk(error, _options(ctx))}", err=True)
        return BAD_INPUT
    if _is(error, "twin.simulation.inline", "InvariantBroken"):
        click.echo(f"twin: {error}\nThis command shows it again:\n  {again(ctx)}", err=True)
        return INVARIANT
    click.echo(
        f"twin: internal error: {type(error).__name__}: {str(error).splitlines()[0] if str(error) else ''}\n"
        "This is a fault of the twin and not of your input. Please report it with your files and what this "
        f"prints:\n  {again(ctx)}",
        err=True,
    )
    return INTERNAL


def reader_gone() -> int:
    """End quietly, as other tools do: what Python still has to write goes nowhere. Returns the exit code."""
    nowhere = os.open(os.devnull, os.O_WRONLY)
    for stream in (1, 2):
        os.dup2(nowhere, stream)
    return CLOSED


def again(ctx: click.Context) -> str:
    """The command line of this process, with --debug."""
    args = list(ctx.find_root().meta.get("twin.args", []))
    return "twin " + shlex.join(args if "--debug" in args else [*args, "--debug"])


def _is(error: BaseException, module: str, name: str) -> bool:
    found = sys.modules.get(module)
    return found is not None and isinstance(error, getattr(found, name))


def _prefixed(error: BaseException, options: set[str]) -> str:
    """Each line begins with its place: file:line:column, an option, an argument; or with 'twin'."""
    problems = getattr(error, "problems", None)
    if problems is None:
        return f"{'' if str(error).startswith('--') else 'twin: '}{error}"
    return "\n".join([*(as_option(str(problem), options) for problem in problems), *in_all(len(problems))])


def in_all(problems: int) -> list[str]:
    """The last line of several problems; nothing for one."""
    return [f"twin: {problems} problems"] if problems > 1 else []


def as_option(problem: str, options: set[str]) -> str:
    """A problem of an argument as one of its option: ``set["a.b"]: …`` is ``--set a.b: …``."""
    match = re.match(r'(\w+)(?:\["(.*?)"\])?(?=:)', problem)
    if match is None:
        return problem
    name = OPTIONS.get(match[1], "--" + match[1].replace("_", "-"))
    key = f" {match[2]}" if match[2] else ""
    return f"{name}{key}{problem[match.end() :]}" if name in options else problem


def _options(ctx: click.Context) -> set[str]:
    """The options of the command that was called."""
    group = ctx.command
    found = group.get_command(ctx, ctx.invoked_subcommand or "") if isinstance(group, click.Group) else None
    return {name for p in found.params for name in p.opts} if found else set()


def _about_disk(error: OSError, options: set[str]) -> str:
    """What was wrong, and which option chooses another place. A study keeps what was run."""
    what = f"{error.filename}: " if error.filename else ""
    where = next((name for name in ("--study", "--out") if name in options), None)
    elsewhere = f" with {where}" if where else ""
    hint = ""
    if error.errno in (errno.ENOSPC, errno.EDQUOT):
        kept = "what was run before is kept" if where == "--study" else "nothing was written"
        hint = f"; {kept}: make room, or choose another disk{elsewhere}"
    elif error.errno in (errno.EACCES, errno.EROFS, errno.EPERM):
        hint = f"; choose another folder{elsewhere}"
    return f"{what}{error.strerror or error}{hint}"
