"""twin explore: every interleaving of the DNS automation."""

from __future__ import annotations

import sys
import time
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import TYPE_CHECKING, Any

import click

from twin.cli import _show as show
from twin.cli._command import all_of, command, headed_option
from twin.cli._errors import INTERRUPTED, BadInput
from twin.cli._options import output_options
from twin.cli._rate import by_chance, habits, rate_options, run_rate
from twin.model.guards import GUARD_MEANINGS

if TYPE_CHECKING:
    from twin.analysis.dns_race.explore import Exploration
    from twin.mechanisms.dns_state import Config
    from twin.simulation.inline import Progress

COLUMNS = ("states", "empty", "shortest", "permanent", "stale overwrite", "rollback dangling")


search_options = all_of(
    headed_option("--enactors", type=click.IntRange(1, 8), default=3, show_default=True, metavar="N",
           help="Enactors that apply plans at the same time."),
    headed_option("--endpoints", type=click.IntRange(1, 16), default=2, show_default=True, metavar="N",
           help="Endpoints whose records a plan sets."),
    headed_option("--plans", type=click.IntRange(1, 40), default=4, show_default=True, metavar="N",
           help="Plans in all."),
    headed_option("--keep", type=click.IntRange(1, 126), default=2, show_default=True, metavar="N",
           help="How many of the newest plans the clean-up keeps."),
    headed_option("--guard", "guards", multiple=True, metavar="NAME",
           help="Switch on this guard (names below). Repeatable."),
    headed_option("--all-guards", is_flag=True, help="Show a table of all guards, alone and combined."),
    headed_option("--lock-steps", is_flag=True,
           help="Treat 'read the lock' and 'take the lock' as two steps, so more orders are possible."),
    headed_option("--no-symmetry", is_flag=True,
           help="Count two states as different even if only the numbers of Enactors or endpoints differ."),
    headed_option("--design", type=click.Choice(["drifted", "original"]), default=None,
           help="Explore the original design, or the one after later changes (drifted). "
                "Say which change makes the race possible.  [default: drifted]"),
    headed_option("--mermaid", type=click.Path(dir_okay=False, path_type=Path), metavar="FILE",
           help="Write the shortest trace as a sequence diagram."),
    headed_option("--memory-mb", type=click.FloatRange(min=5), default=2000, show_default=True, metavar="MB",
           help="Refuse a search that would take more memory."),
)  # fmt: skip


@command(
    "explore",
    "twin explore",
    "twin explore --guard cas",
    "twin explore --all-guards --keep 1",
    "twin explore --design original",
    "twin explore --rate --backoff-cap 60s",
    "twin explore --json > race.json && twin run us-east-1-2025-10-20 --trace race.json",
    note="\b\nGuards:\n" + "\n".join(f"  {name:<17} {meaning}" for name, meaning in GUARD_MEANINGS.items()),
)
@search_options
@rate_options
@output_options
@click.pass_context
def explore_command(
    ctx: click.Context, /, guards: tuple[str, ...], all_guards: bool, lock_steps: bool, no_symmetry: bool,
    design: str | None, mermaid: Path | None, memory_mb: float, as_json: bool, **numbers: Any,
) -> None:  # fmt: skip
    """Try every order of the DNS automation's steps, and find those that empty a name.

    Shows by which steps, and for how long. Ctrl-C prints the result so far. The simulator runs the trace in
    the JSON document: twin run SCENARIO --trace FILE.

    A tree is the set of records that one plan makes. The root of an endpoint points at one tree. A guard is a
    check or a rule that the real automation did not have.

    --rate does not search. It estimates how often the race happens by chance. Options without a value then
    use the defaults of the kind dns, also --keep and --endpoints.
    """
    if by_chance(ctx, numbers):
        run_rate(habits(numbers), numbers["seed"], as_json)
        return
    size = {name: numbers[name] for name in ("enactors", "endpoints", "plans")}
    size["keep_last"] = numbers["keep"]
    if all_guards and (guards or design or mermaid):
        raise BadInput("--all-guards chooses the guards and designs: leave out --guard, --design, --mermaid")
    searcher = Searcher(not no_symmetry, memory_mb)
    if all_guards:
        tabulate(searcher, size, lock_steps, as_json)
        return
    cfg = explored_config(size, guards, lock_steps, design or "drifted")
    found = searcher(cfg)
    if mermaid:
        write_diagram(found, mermaid)
    if as_json:
        show.document(searcher.document(cfg, found))
    else:
        show_exploration(found, searcher.seconds[cfg])
    if not as_json and design and found.complete:
        compare_designs(searcher, size)
    _end_if_interrupted(found)


def _end_if_interrupted(found: Exploration) -> None:
    if not found.complete:
        show.say("interrupted: this is the result so far")
        sys.exit(INTERRUPTED)


def explored_config(size: dict[str, int], guards: tuple[str, ...], lock_steps: bool, design: str) -> Config:
    """The machine that was asked for. Raises BadInput."""
    from twin.mechanisms.dns_state import config

    try:
        return config(**size, guards=guards, lock_steps=lock_steps, design=design)
    except ValueError as error:
        raise BadInput(str(error)) from None


class Searcher:
    """`explore` with the options given; remembers how long each search took."""

    def __init__(self, symmetry: bool, memory_mb: float) -> None:
        self.symmetry, self.memory_mb = symmetry, memory_mb
        self.seconds: dict[Config, float] = {}

    def __call__(self, cfg: Config) -> Exploration:
        from twin.analysis.dns_race import explore

        if not self.seconds:
            explore.make_ready()
        began = time.perf_counter()
        try:
            with search_progress() as tick:
                found = explore.explore(cfg, symmetry=self.symmetry, memory_mb=self.memory_mb, progress=tick)
        except (explore.TooLarge, ValueError) as error:
            raise BadInput(str(error)) from None
        self.seconds[cfg] = time.perf_counter() - began
        return found

    def document(self, cfg: Config, found: Exploration) -> dict[str, Any]:
        """What --json prints of one search."""
        from twin.analysis.dns_race.compare import guard_names

        return {
            "enactors": cfg.enactors,
            "endpoints": cfg.endpoints,
            "plans": cfg.plans,
            "keep": cfg.keep_last,
            "guards": list(guard_names(cfg)),
            "design": "original" if cfg.original else "drifted",
            "lock_steps": bool(cfg.lock_steps),
            "symmetry": self.symmetry,
            "complete": found.complete,
            "states": found.states,
            "transitions": found.transitions,
            "empty_states": found.empty_states,
            "empty_reachable": found.empty_states > 0,
            "shortest": found.shortest,
            "permanent": found.permanent,
            "permanent_states": found.permanent_states,
            "stale_overwrite": found.stale_overwrites > 0,
            "rollback_dangling": found.dangling_states > 0,
            "seconds": round(self.seconds[cfg], 6),
            "trace": list(found.trace),
            "moves": list(found.story.actors),
        }


@contextmanager
def search_progress() -> Iterator[Progress | None]:
    """How many states have been found, on stderr; nothing if it is no terminal."""
    if not sys.stderr.isatty():
        yield None
        return
    from rich.console import Console

    with Console(stderr=True).status("exploring") as status:
        yield lambda done, found: status.update(f"{found:,} states, {found - done:,} of them to step on")


def write_diagram(found: Exploration, path: Path) -> None:
    """Write the shortest trace as a Mermaid diagram. Raises BadInput if there is none."""
    from twin.analysis.dns_race.diagram import mermaid

    if not found.trace:
        raise BadInput(f"{path}: not written, for there is no trace: no endpoint is ever empty")
    path.write_text(mermaid(found.story))
    show.say(f"{path}: a sequence diagram of {len(found.trace)} steps")


def show_exploration(found: Exploration, seconds: float) -> None:
    """What was found, for people."""
    counts = (
        ("states", found.states), ("transitions", found.transitions), ("empty states", found.empty_states),
        ("… for ever", found.permanent_states), ("stale overwrites", found.stale_overwrites),
        ("dangling rollbacks", found.dangling_states), ("seconds", round(seconds, 3)),
    )  # fmt: skip
    show.table(("", "count"), counts, numbers=["count"])
    if found.rootless_states > found.empty_states:
        click.echo("\nNo answer is empty, but a root can point at a tree that is gone: then all are wedged.")
    elif found.trace:
        click.echo("\nThe shortest way to an empty endpoint:")
    else:
        click.echo("\nNo endpoint is ever empty.")
    for n, step in enumerate(found.trace, 1):
        click.echo(f"{n:3}  {step}")
    if found.permanent:
        click.echo("It stays empty, though plans are still to come: no step leads back to an answer.")


def row(found: Exploration) -> tuple[Any, ...]:
    """A search as a line of a table, in the order of COLUMNS."""
    words = {True: "yes", False: "no"}
    return (
        found.states, words[found.empty_states > 0], found.shortest, words[found.permanent],
        words[found.stale_overwrites > 0], words[found.dangling_states > 0],
    )  # fmt: skip


def tabulate(searcher: Searcher, size: dict[str, int], lock_steps: bool, as_json: bool) -> None:
    """All guards beside each other."""
    from twin.analysis.dns_race.compare import by_guards, guard_names

    found = list(by_guards(searcher, size, lock_steps))
    if as_json:
        show.document([searcher.document(cfg, result) for cfg, result in found])
        return
    rows = [(" + ".join(guard_names(cfg)) or "none", *row(result)) for cfg, result in found]
    show.table(("guards", *COLUMNS), rows, numbers=("states", "shortest"))


def compare_designs(searcher: Searcher, size: dict[str, int]) -> None:
    """The designs between the original and the one that failed, and which drift matters."""
    from twin.analysis.dns_race.compare import by_drifts, which_drift_matters

    found = list(by_drifts(searcher, size))
    click.echo()
    show.table(("design", *COLUMNS), [(drift.name, *row(result)) for drift, _, result in found],
               numbers=("states", "shortest"))  # fmt: skip
    show.prose(which_drift_matters(found))
