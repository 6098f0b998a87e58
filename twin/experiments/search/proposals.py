"""What to try next, from what has been tried: Optuna's tree-structured Parzen estimator.

A set has SLOTS slots, each empty or with one part. A part with knobs has the values of its file, or is turned
to others. The sampler has a seed, is used in a fixed order, and keeps nothing on disk. So the same answers
bring the same proposals, and a search can go on after an interruption.
"""

from __future__ import annotations

import warnings
from typing import Any

from twin.base.extras import require_extra
from twin.experiments.search.choices import Choice, ChoiceSpace

SLOTS = 3
EMPTY = ""
AS_WRITTEN, TURNED = "as written", "turned"


class Proposals:
    """Small sets that may be cheap and meet the goal."""

    def __init__(self, space: ChoiceSpace) -> None:
        require_extra("search", "twin search")
        import optuna

        optuna.logging.set_verbosity(optuna.logging.ERROR)
        self.space = space
        self.names = [EMPTY, *(part.name for part in space.parts)]
        with warnings.catch_warnings():
            warnings.simplefilter("ignore", optuna.exceptions.ExperimentalWarning)
            sampler = optuna.samplers.TPESampler(seed=space.base.seed % 2**32, multivariate=True)
        self._study = optuna.create_study(sampler=sampler)
        self._failed = optuna.trial.TrialState.FAIL

    def learn(self, choice: Choice, cost: int, lacks: float) -> None:
        """Learn from a tried set: a low ``cost`` is better, with ``lacks`` at most 0. A set of more than
        SLOTS parts teaches nothing."""
        if len(choice.parts) > SLOTS:
            return
        self._study.enqueue_trial(self._parameters(choice))
        trial = self._study.ask()
        self._read(trial)
        trial.set_constraint("goal", lacks)
        self._study.tell(trial, float(cost))

    def propose(self) -> Choice:
        """Another set; it may have been tried."""
        trial = self._study.ask()
        choice = self._read(trial)
        self._study.tell(trial, state=self._failed)  # it is learnt once it has been tried
        return choice

    def _parameters(self, choice: Choice) -> dict[str, Any]:
        empty = [EMPTY] * (SLOTS - len(choice.parts))
        given: dict[str, Any] = {_slot(k): name for k, name in enumerate([*choice.parts, *empty])}
        moved = {(part, knob): value for part, knob, value in choice.settings}
        for name in choice.parts:
            turned = any(part == name for part, _ in moved)
            given[name] = TURNED if turned else AS_WRITTEN
            if turned:
                knobs = self.space.by_name[name].knobs
                given |= {f"{name}.{k.name}": moved.get((name, k.name), k.value) for k in knobs}
        return given

    def _read(self, trial: Any) -> Choice:
        names = {trial.suggest_categorical(_slot(k), self.names) for k in range(SLOTS)} - {EMPTY}
        settings = []
        for name in sorted(names):
            knobs = self.space.by_name[name].knobs
            if knobs and trial.suggest_categorical(name, [AS_WRITTEN, TURNED]) == TURNED:
                for k in knobs:
                    value = trial.suggest_float(f"{name}.{k.name}", k.low, k.high, log=k.is_logarithmic)
                    settings.append((name, k.name, float(k.rounded(value))))
        return self.space.choice(names, settings)


def _slot(k: int) -> str:
    return f"slot {k + 1}"
