"""twin what-if: questions that people asked, answered by the model."""

from __future__ import annotations

import math
from collections.abc import Iterator, Sequence
from typing import TYPE_CHECKING, Any

import click

from twin.cli import _show as show
from twin.cli._command import command, headed_option
from twin.cli._errors import BadInput, Missed
from twin.cli._options import (
    changed_scenario,
    changes_with,
    output_options,
    replicates_option,
    study_options,
    variants_option,
    worlds_option,
)
from twin.cli._study import settings_of

if TYPE_CHECKING:
    from twin.experiments.whatif import EffectResult, Share, WhatIfAnswer, WhatIfs

COLUMNS = ("no", "question", "case", "lost min", "change", "peak", "last recovery", "expected")


@command(
    "what-if",
    "twin what-if",
    "twin what-if 15 19 --json",
    "twin what-if 19 --worlds 64",
    "twin what-if 18 --variants none",
)
@click.argument("which", nargs=-1, metavar="[NUMBER|FILE]…")
@worlds_option()
@replicates_option("1")
@variants_option
@headed_option("--strict", is_flag=True, help="Exit code 1 if the model disagrees with an expectation.")
@changes_with("modelled; with several runs, drawn")
@study_options
@output_options
def what_if_command(
    which: tuple[str, ...], replicates: int | None, worlds: int | None, variants: str, strict: bool,
    as_json: bool, **options: Any,
) -> None:  # fmt: skip
    """Answer the questions of scenarios/what-if.

    Runs all questions, or those given by NUMBER or FILE. Compares each with its baseline: the unchanged
    scenario. Says how each changes the blast radius (which services fail, and for how long), and whether the
    model agrees with the expectation in the file of the question. A disagreement is a finding and no failure,
    unless --strict.

    Changes to the scenario are part of the baseline and of every case.
    """
    from twin.experiments.whatif import common_variants, find_questions, what_if

    if worlds and replicates:
        raise BadInput("--replicates: not with --worlds, each of which has noise of its own")
    drawn = worlds or (replicates or 1) > 1
    questions = find_questions(
        *which, with_files=options["with_files"],
        change=lambda base: changed_scenario(base, {**options, "responders": None}),
    )  # fmt: skip
    models = common_variants([q.base for q in questions], show.say, variants)
    beside = f", in the shipped model and in {show.counted(len(models), 'variant')}" if models else ""
    show.say(show.counted(len(questions), "question") + beside)
    answers = what_if(
        *questions, variants=models.values(), worlds=worlds or 0,
        replicates=replicates or 1, responders=options["responders"] or ("drawn" if drawn else "modelled"),
        settings=settings_of(options),
    )  # fmt: skip
    if as_json:
        show.document([_document(answer) for answer in answers])
    else:
        _table(answers)
    against = [f"{a.question.what_if.number}" for a in answers if a.agrees is False]
    if strict and against:
        raise Missed(f"the model disagrees with what was expected of {', '.join(against)}")


def _table(answers: WhatIfs) -> None:
    """One line a case, in the middle of its worlds; below it what the model disagrees with."""
    rows = [row for answer in answers for row in _rows(answer)]
    show.table(COLUMNS, rows, numbers=("no", "lost min", "change", "peak"))
    click.echo()
    put_in = [a for a in answers if a.question.what_if.puts_in]
    _count("question", list(answers))
    if put_in and len(put_in) < len(answers):
        _count("open question", [a for a in answers if not a.question.what_if.puts_in])
    for a in put_in:
        show.prose(f"  {a.question.what_if.number} puts the answer in: {a.question.what_if.puts_in}")
    for answer in answers:
        for about, says in answer.hangs_on.items():
            show.prose(f"  {answer.question.what_if.number} hangs on the model, on {about}: {says}")
        if answer.agrees is False:
            w = answer.question.what_if
            show.prose(f"  {w.number} expected: {w.expected}")
            for judged in _missed(answer):
                show.prose(f"     not so: {judged.words}")
            if w.note:
                show.prose(f"     note: {w.note}")


def _count(what: str, answers: Sequence[WhatIfAnswer]) -> None:
    said = [a.agrees for a in answers]
    show.prose(
        f"{show.counted(len(said), what)}: the model agrees with {said.count(True)}, disagrees with "
        f"{said.count(False)}; nothing was expected of {said.count(None)}"
    )


def _rows(answer: WhatIfAnswer) -> Iterator[tuple[object, ...]]:
    from twin.experiments.arms import BASELINE

    w, worlds = answer.question.what_if, [r for r in answer.measured[BASELINE] if not r.variant]
    for n, case in enumerate(answer.cases):
        mine, base = answer.measured[case], answer.measured[BASELINE]
        lost = [mine[world]["service_minutes_lost"] or 0.0 for world in worlds]
        before = [base[world]["service_minutes_lost"] or 0.0 for world in worlds]
        changes = [(a - b) / b for a, b in zip(lost, before, strict=True) if b]
        yield (
            w.number if n == 0 else "", w.question if n == 0 else "", case, f"{_middle(lost):.0f}",
            f"{_middle(changes):+.0%}" if changes else "",
            f"{_middle([mine[world]['peak_impaired'] for world in worlds]):.0f}",
            _moment(answer, _middle([mine[world]["last_recovery"] for world in worlds])),
            _verdict(answer) + ("; put in" if w.puts_in else "") if n == 0 else "",
        )  # fmt: skip


def _middle(values: list[Any]) -> Any:
    """The median of numbers or moments; the lower of the two in the middle. What never comes is the earliest:
    there was nothing to recover from."""
    return sorted(values, key=lambda v: -math.inf if v is None else v)[(len(values) - 1) // 2]


def _moment(answer: WhatIfAnswer, at_s: float | None) -> str:
    if at_s is None or math.isinf(at_s):
        return "none needed" if at_s is None else "not by the end"
    base = answer.question.base
    clock = show.Clock({"start": base.start.isoformat(), "tick_s": 1.0})
    return clock.local(round(at_s))[:-3]


def _verdict(answer: WhatIfAnswer) -> str:
    """'agrees', 'disagrees', or in how much of the prior; and in how many variants of the model."""
    shares = answer.shares
    hangs = "; hangs on the model" if answer.hangs_on else ""
    if not shares:
        return "nothing expected" + hangs
    others = len(shares) - 1
    agreeing = sum(1 for name in answer.agreeing if name)
    beside = f"; in {agreeing} of {show.counted(others, 'variant')}" if others else ""
    return _share(shares[""]) + beside + (hangs or {None: "", True: "; robust", False: ""}[answer.robust])


def _share(share: Share) -> str:
    if share.worlds == 1:
        return "agrees" if share.held else "disagrees"
    low, high = share.interval
    return f"holds in {share.ratio:.0%} of {share.worlds} ({low:.0%} to {high:.0%})"


def _missed(answer: WhatIfAnswer) -> list[EffectResult]:
    """What did not come in most worlds of the shipped model."""
    missed = []
    for judged in answer.results:
        here = [held for world, held in judged.held.items() if not world.variant]
        if 2 * sum(here) <= len(here):
            missed.append(judged)
    return missed


def _document(answer: WhatIfAnswer) -> dict[str, Any]:
    """What --json prints of one question."""
    from twin.experiments.arms import BASELINE

    w = answer.question.what_if
    return {
        "number": w.number, "name": w.name, "question": w.question, "asked_by": w.asked_by,
        "puts_in": w.puts_in, "expected": w.expected, "why": w.why, "note": w.note, "agrees": answer.agrees,
        "robust": answer.robust, "hangs_on": answer.hangs_on,
        "shares": [
            {"variant": name, "held": s.held, "worlds": s.worlds, "share": round(s.ratio, 4),
             "ci95": [round(x, 4) for x in s.interval]}
            for name, s in answer.shares.items()
        ],
        "expect": [
            {"expect": j.words, "case": j.case, "held": sum(j.held.values()), "worlds": len(j.held)}
            for j in answer.results
        ],
        "baseline": _mean(answer, BASELINE),
        "cases": {case or "changed": _mean(answer, case) for case in answer.cases},
    }  # fmt: skip


def _mean(answer: WhatIfAnswer, case: str) -> dict[str, float | None]:
    """Measures of a case: means over worlds; null where a moment does not come, or end, in all of them."""
    worlds = list(answer.measured[case].values())
    found: dict[str, float | None] = {}
    for name in sorted(set().union(*worlds)):
        values = [m[name] for m in worlds]
        known = [v for v in values if v is not None and math.isfinite(v)]
        found[name] = round(sum(known) / len(known), 3) if len(known) == len(values) else None
    return found
