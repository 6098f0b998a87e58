"""A transition in words, for people who read a trace."""

from dataclasses import dataclass

import numpy as np

from twin.mechanisms import dns_state as st
from twin.mechanisms.dns_state import Config


@dataclass(frozen=True)
class Story:
    """A walk of the machine: states (steps + 1, cells), and actor and code of each step (steps, 2).

    It is shorter than the requested walk if an actor could not move.
    """

    cfg: Config
    states: np.ndarray
    moves: np.ndarray

    @property
    def actors(self) -> tuple[str, ...]:
        """The actor of each step: "planner", "A", "B", …"""
        return tuple(actor_name(actor) for actor in self.moves[:, 0].tolist())


def narration(story: Story) -> tuple[str, ...]:
    """The steps of a walk in words."""
    states = story.states
    return tuple(
        narrate(states[k], states[k + 1], story.cfg, actor, code)
        for k, (actor, code) in enumerate(story.moves.tolist())
    )


def enactor_name(e: int) -> str:
    """A, B, C, …"""
    return chr(ord("A") + e)


def actor_name(actor: int) -> str:
    """'planner' for -1, else the Enactor's letter."""
    return "planner" if actor < 0 else enactor_name(actor)


def actor_number(name: str) -> int:
    """The inverse of `actor_name`. Raises ValueError."""
    if name == "planner":
        return -1
    if len(name) != 1 or not "A" <= name <= "Z":
        raise ValueError(f"'planner', or the letter of an Enactor; found {name!r}")
    return ord(name) - ord("A")


def narrate(before: np.ndarray, after: np.ndarray, cfg: Config, actor: int, code: int) -> str:
    """One line about the transition that `actor` (an Enactor, or -1 for the Planner) made."""
    if actor < 0:
        return f"Planner writes plan {after[st.LATEST]}"
    did = STORIES[code](before, after, cfg, actor)
    newly = [
        j for j in range(cfg.endpoints) if st.is_empty(after, cfg, j) and not st.is_empty(before, cfg, j)
    ]
    ends = "".join(f"; endpoint {j + 1} has zero records" for j in newly)
    return f"{enactor_name(actor)} {did}{ends}"


def picked(before: np.ndarray, after: np.ndarray, cfg: Config, e: int) -> str:
    newest = st.newest_root(before, cfg)
    return f"picks plan {st.version(after, cfg, e)} (newer than {newest}: the one check passes)"


def applied(before: np.ndarray, after: np.ndarray, cfg: Config, e: int) -> str:
    v = after[st.LATEST] if st.pc(before, cfg, e) == st.IDLE else st.version(before, cfg, e)
    changed = [j for j in range(cfg.endpoints) if st.root(after, j) != st.root(before, j)]
    stale = any(st.root(after, j) < st.root(before, j) for j in changed)
    where = " and ".join(str(j + 1) for j in changed) or str(st.endpoint(before, cfg, e) + 1)
    return f"applies plan {v} to endpoint {where}" + (" (stale overwrite)" if stale else "")


def cleaned(before: np.ndarray, after: np.ndarray, cfg: Config, e: int) -> str:
    gone = [v for v in range(before[st.LATEST] + 1) if deleted(before, after, cfg, v)]
    return f"cleans up behind plan {st.version(before, cfg, e)}: deletes " + (
        ", ".join(map(str, gone)) if gone else "nothing"
    )


def deleted(before: np.ndarray, after: np.ndarray, cfg: Config, v: int) -> bool:
    """Whether tree `v` went."""
    return st.tree_exists(before, cfg, v) and not st.tree_exists(after, cfg, v)


def about_plan(words: str):
    """A story that names nothing but the plan."""
    return lambda before, after, cfg, e: words.format(st.version(before, cfg, e))


def about_endpoint(words: str):
    """A story that names nothing but the endpoint."""
    return lambda before, after, cfg, e: words.format(st.endpoint(before, cfg, e) + 1)


STORIES = {
    st.PICKED: picked,
    st.SYNCED: about_endpoint("reads the lock of endpoint {}"),
    st.RECHECKED: about_plan("checks again that plan {} is newer"),
    st.APPLIED: applied,
    st.FINISHED: applied,
    st.ABORTED_STALE: about_plan("gives up plan {}: it is old"),
    st.ABORTED_MISSING: about_plan("gives up plan {}: its tree is gone"),
    st.LISTED: about_plan("lists what to delete behind plan {}"),
    st.CLEANED: cleaned,
}
