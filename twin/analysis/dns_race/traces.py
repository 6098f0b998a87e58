"""A trace of ``twin explore`` as a script for the simulator: ``twin run SCENARIO --trace FILE``.

The endpoint's automation does nothing until the trace begins. Then it makes exactly the moves of the trace,
one at a time, and afterwards it runs by itself again. Each move is a fault of the scenario, so the journal
contains the trace and every runner sees the same.
"""

from __future__ import annotations

from pathlib import Path
from typing import Annotated, Any, Literal

from pydantic import BaseModel, ConfigDict, Field, StrictBool, StrictInt, StrictStr

from twin.analysis.dns_race.explore import replay_moves
from twin.analysis.dns_race.narrate import Story, narration
from twin.base import units
from twin.base.units import Refused
from twin.kinds import about
from twin.mechanisms.dns_state import GUARDS, Config, config
from twin.model.scenario import Intervention, Quantity, Scenario
from twin.spec.overrides import fold
from twin.spec.problems import Problem, SpecError
from twin.spec.tree import Tree, read_tree
from twin.spec.validate import validate

MOVE_S = 10.0  # between two moves: a signal period, so that each shows before the next; order alone matters
FIRST_S = 600.0  # the first move, if the trace replaces no fault


class Trace(BaseModel):
    """The part of the document of ``twin explore --json`` that a script needs."""

    model_config = ConfigDict(frozen=True, extra="ignore")

    enactors: Annotated[StrictInt, Field(ge=1, le=8)]
    endpoints: Annotated[StrictInt, Field(ge=1, le=16)]
    plans: Annotated[StrictInt, Field(ge=1, le=40)]
    keep: Annotated[StrictInt, Field(ge=1, le=60)]
    guards: tuple[StrictStr, ...] = ()
    design: Literal["drifted", "original"] = "drifted"
    lock_steps: StrictBool = False
    moves: tuple[StrictStr, ...]


def load_trace(path: Path | str) -> Story:
    """The walk in a file, repeated by the machine. Raises SpecError."""
    problems: list[Problem] = []
    tree = read_tree(path, problems)
    trace = validate(Trace, tree.plain(), tree, problems) if tree is not None else None
    if tree is None or trace is None or problems:
        raise SpecError(problems)
    try:
        return _walked(trace, tree)
    except (Refused, ValueError) as error:
        found, expected, hint, at = _said(error)
        place = tree.get(*at) or tree
        raise SpecError([place.problem(".".join(map(str, at)), found, expected, hint)]) from None


class _Stuck(Refused):
    """A move that cannot be made."""

    def __init__(self, index: int, who: str, why: str) -> None:
        super().__init__("an actor that can move then", why, f"'{who}'")
        self.index = index


def _said(error: Exception) -> tuple[str, str, str, tuple[str | int, ...]]:
    if isinstance(error, _Stuck):
        return error.found, error.expected, error.hint, ("moves", error.index)
    if isinstance(error, Refused):
        return error.found, error.expected, error.hint, ("moves",)
    return "a machine that cannot be explored", "a size and guards that twin explore accepts", str(error), ()


def _walked(trace: Trace, tree: Tree) -> Story:
    if not trace.moves:
        raise Refused(
            "the moves of a trace", "no path leads to an empty endpoint, so there is nothing to run", "none"
        )
    cfg = config(
        enactors=trace.enactors, endpoints=trace.endpoints, plans=trace.plans, keep_last=trace.keep,
        guards=trace.guards, lock_steps=trace.lock_steps, design=trace.design,
    )  # fmt: skip
    story = replay_moves(cfg, trace.moves)
    made = len(story.moves)
    if made < len(trace.moves):
        raise _Stuck(made, trace.moves[made], f"move {made + 1} cannot be made after the {made} before it")
    return story


def script(scenario: Scenario, path: Path | str, at: str | None = None) -> Scenario:
    """``scenario`` with the trace in the file instead of the faults of its endpoint's automation.

    The automation has the trace's Enactors, endpoints, plans kept, guards and design. ``at``: time of the
    first move; without it, the last move is at the end of the replaced fault. Raises SpecError.
    """
    story = load_trace(path)
    service = _automation(scenario, path)
    kept = tuple(x for x in scenario.faults if not _only_of(service, x))
    replaced = [x for x in scenario.faults if _only_of(service, x)]
    first_s = _first_s(scenario, replaced, len(story.moves), at)
    parameters = _parameters(service, story.cfg, f"--trace {path}")
    return scenario.model_copy(update={
        "topology": fold(scenario.topology, parameters),
        "parameters": {**scenario.parameters, **parameters},
        "faults": kept + _moves(service, story, first_s, f"--trace {path}"),
    })  # fmt: skip


def _automation(scenario: Scenario, path: Path | str) -> str:
    names = sorted(name for name, s in scenario.topology.services.items() if about(s.kind).holds_event)
    if len(names) != 1:
        found = ", ".join(names) or "none"
        raise SpecError([Problem("trace", 0, 0, "", found, "a scenario with one service of kind dns")])
    return names[0]


def _only_of(service: str, x: Intervention) -> bool:
    return all(target.rpartition(".")[0] == service for target in x.set)


def _first_s(scenario: Scenario, replaced: list[Intervention], moves: int, at: str | None) -> float:
    """Seconds from the start to the first move. Raises SpecError unless all moves fit into the scenario."""
    length_s = MOVE_S * moves
    try:
        if at is not None:
            first_s = units.parse_moment(at, scenario.start)
        else:
            ends = [x.until_s for x in replaced if x.until_s is not None]
            first_s = max(ends) - MOVE_S * (moves - 1) if ends else FIRST_S
        if not 0 <= first_s <= scenario.duration_s - length_s:
            raise Refused(f"a first move with {units.format_duration(length_s)} of the scenario left to go")
    except Refused as refused:
        found = refused.found or f"'{at or units.format_duration(first_s)}'"
        raise SpecError([Problem("trace_at", 0, 0, "", found, refused.expected, refused.hint)]) from None
    return first_s


def _parameters(service: str, cfg: Config, why: str) -> dict[str, Quantity]:
    values: dict[str, Any] = {
        "scripted": True,
        "scripted_lock_steps": bool(cfg.lock_steps),
        "enactors_count": cfg.enactors,
        "endpoints_count": cfg.endpoints,
        "keep_count": cfg.keep_last,
        "original_design": bool(cfg.original),
    }
    values |= {"guard_" + name.replace("-", "_"): bool(cfg.guards & bit) for name, bit in GUARDS.items()}
    return {f"{service}.{name}": Quantity(value=value, assumed=why) for name, value in values.items()}


def _moves(service: str, story: Story, first_s: float, why: str) -> tuple[Intervention, ...]:
    """A fault for each move, and one that ends the script."""
    actors = story.moves[:, 0].tolist()
    moves = [
        Intervention(
            id=f"trace-{k + 1}", kind="fault", title=words, at_s=first_s + MOVE_S * k, assumed=why,
            set={f"{service}.scripted_actor": actors[k] + 1, f"{service}.scripted_move": k + 1},
        )
        for k, words in enumerate(narration(story))
    ]  # fmt: skip
    end_s = first_s + MOVE_S * len(moves)
    title = "The trace is at its end; Planner and Enactors move by themselves again"
    freed = Intervention(id="trace-end", kind="fault", title=title, at_s=end_s, assumed=why,
                         set={f"{service}.scripted": False})  # fmt: skip
    return (*moves, freed)
