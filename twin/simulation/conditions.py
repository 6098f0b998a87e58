"""Conditions that interventions wait for: their rows, and the event that lies behind one that holds."""

from __future__ import annotations

import numpy as np

from twin.base.event_ids import event_tick
from twin.mechanisms.arrays import CONDITION, NEVER, SIGN_SPELL, SIGNALS, SPELLS, State
from twin.model.responders import follows, waiting
from twin.model.scenario import FALLING, Scenario


def condition_rows(scenario: Scenario, names: tuple[str, ...]) -> np.ndarray:
    """CONDITION rows of what waits, as ``waiting`` numbers it. ``names``: the services by number."""
    steps = waiting(scenario)
    table, number = np.zeros(len(steps), CONDITION), {name: i for i, name in enumerate(names)}
    for row, step in zip(table, steps, strict=True):
        when = step.when
        assert when is not None
        row["service"], row["signal"] = number[when.service], SIGNALS.index(when.signal)
        row["above"] = when.above is not None
        level = when.below if when.above is None else when.above
        assert level is not None
        row["level"] = level
        row["hold_ticks"], row["since"] = round(when.for_s / scenario.tick_s), -1
        row["from_tick"] = round(when.from_s / scenario.tick_s)
        if follows(scenario, step) is not None:
            row["from_tick"] = NEVER
    return table


def event_behind(state: State, condition: np.void) -> int:
    """The trouble that is seen to begin. Where its end is waited for, what has to end: the mechanism at work,
    else the trouble; or the end, if that came since one waited. 0 where there is none."""
    panel = state.svc[condition["service"]]
    if bool(condition["above"]) != (SIGNALS[condition["signal"]] in FALLING):
        sign = state.spell[SPELLS * condition["service"] + SIGN_SPELL]
        sign["named"] = 1
        return int(panel["open_event"] or panel["own_event"] or sign["event"])
    since, ended = int(condition["from_tick"]), int(panel["trouble_end"])
    return int(panel["own_event"] or panel["open_event"] or (ended if event_tick(ended) >= since else 0))
