"""A trace as a Mermaid sequence diagram, for a page or a pull request."""

from twin.analysis.dns_race.narrate import Story, enactor_name, narrate
from twin.mechanisms import dns_state as st

AT_THE_ZONE = {st.SYNCED, st.RECHECKED, st.APPLIED, st.FINISHED, st.ABORTED_STALE, st.ABORTED_MISSING}


def mermaid(story: Story) -> str:
    """The diagram's text: each step with its actor and its target, and a note for each empty endpoint."""
    cfg, lines = story.cfg, ["sequenceDiagram", "    autonumber", "    participant plans as Planner's plans"]
    lines += [f"    participant {enactor_name(e)} as Enactor {enactor_name(e)}" for e in range(cfg.enactors)]
    lines += [f"    participant z{j + 1} as endpoint {j + 1}" for j in range(cfg.endpoints)]
    lines.append("    participant trees as trees of records")
    for k, (actor, code) in enumerate(story.moves.tolist()):
        before, after = story.states[k], story.states[k + 1]
        who = "plans" if actor < 0 else enactor_name(actor)
        deed, _, ends = narrate(before, after, cfg, actor, code).partition("; ")
        words = deed.partition(" ")[2]
        lines.append(f"    {who}->>{target(before, story, actor, code)}: {words}")
        lines += [f"    Note over {zone(end)}: zero records" for end in ends.split("; ") if end]
    return "\n".join(lines) + "\n"


def target(before, story: Story, actor: int, code: int) -> str:
    """The target of a step."""
    if actor < 0 or code == st.PICKED:
        return "plans"
    if code in AT_THE_ZONE and st.pc(before, story.cfg, actor) != st.IDLE:
        return f"z{st.endpoint(before, story.cfg, actor) + 1}"
    return "z1" if code == st.FINISHED else "trees"


def zone(words: str) -> str:
    """'endpoint 2 has zero records' → z2."""
    return "z" + words.split()[1]
