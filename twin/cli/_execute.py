"""Stepping a scenario for a command: what a person wants to see meanwhile, on stderr."""

from __future__ import annotations

import logging
import sys
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import TYPE_CHECKING, Any

from twin.cli import _show as show
from twin.cli._errors import BadInput
from twin.cli._options import is_debug

if TYPE_CHECKING:
    from twin.api.run import Run
    from twin.model.scenario import Scenario
    from twin.simulation.inline import Progress


def execute(scenario: Scenario, options: dict[str, Any], replicate: int = 0, write: bool = True) -> Run:
    """Run it and, with ``write``, write it."""
    import twin

    if options["address"] and options["runner"] != "ray":
        raise BadInput("--address: only with --runner ray")
    tell_of_ray()
    prepare(options["out"])
    compile_once(scenario)
    clock = show.Clock({"start": scenario.start.isoformat(), "tick_s": scenario.tick_s})
    with progress(round(scenario.duration_s / scenario.tick_s), "ticks", clock.local) as tick:
        return twin.run(
            scenario,
            replicate=replicate,
            runner=options["runner"],
            actors=options["actors"],
            address=options["address"],
            out=options["out"] if write else None,
            debug=is_debug(),
            progress=tick,
        )


def tell_of_ray() -> None:
    """Say how long Ray takes to start, when it does."""
    log = logging.getLogger("twin.simulation.on_ray")
    if not log.handlers:
        handler = logging.Handler(logging.INFO)
        handler.emit = lambda record: show.say(record.getMessage())  # type: ignore[method-assign]
        log.addHandler(handler)
        log.setLevel(logging.INFO)


def prepare(out: Path) -> None:
    """Clean up after interrupted runs, and find out now rather than at the end whether one can write here."""
    from twin.simulation import journal

    for name in journal.remove_unfinished(out):
        show.say(f"removed {name}, which an interrupted run had left")
    out.mkdir(parents=True, exist_ok=True)


def compile_once(scenario: Scenario) -> None:
    """Compile the engine, or fetch it from the cache, before anything is timed."""
    from twin.simulation import inline, kernels, levels, world

    is_counted = not levels.stepped_each(scenario)  # then its kinds say all that is to be compiled
    model = world.build(_one_of_each_kind(scenario) if is_counted else scenario, seed=scenario.seed)
    known = kernels.is_compiled(model)
    if not known:
        show.say("first run: compiling the engine for this machine, once; this takes half a minute or more")
    began = time.perf_counter()
    inline.advance(model, 0, 0)
    if not known:
        show.say(f"compiled in {time.perf_counter() - began:.0f} s; from now on it starts at once")


def _one_of_each_kind(scenario: Scenario) -> Scenario:
    """The same kinds, and few services: to build a large topology twice takes seconds."""
    alone = {s.kind: s.model_copy(update={"dependencies": ()}) for s in scenario.topology.services.values()}
    topology = scenario.topology.model_copy(update={"services": {s.name: s for s in alone.values()}})
    steps: dict[str, Any] = {"faults": (), "actions": (), "diagnoses": ()}
    return scenario.model_copy(update={"topology": topology, **steps})


@contextmanager
def progress(total: int, what: str, at: Callable[[int], str] = lambda n: "") -> Iterator[Progress | None]:
    """A bar on stderr: how many of ``total``, ``at`` that point, time left. Nothing if it is no terminal."""
    if not sys.stderr.isatty():
        yield None
        return
    from rich.console import Console
    from rich.progress import BarColumn, MofNCompleteColumn, Progress, TextColumn, TimeRemainingColumn

    text = TextColumn(what + "  {task.fields[at]}  left")
    columns = (BarColumn(), MofNCompleteColumn(), text, TimeRemainingColumn())
    with Progress(*columns, console=Console(stderr=True), transient=True) as bar:
        task = bar.add_task("", total=total, at=at(0))
        yield lambda n, _: bar.update(task, completed=n, at=at(n))
