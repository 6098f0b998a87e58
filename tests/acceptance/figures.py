"""The figures of the README: from a replay and a hold-out, between marks. ``make figures`` writes them.

``python -m tests.acceptance.figures`` prints them, ``--write`` puts them into the README. ``--numbers`` does
that for the count of numbers alone, without a run.
"""

from __future__ import annotations

import re
import sys
from pathlib import Path
from typing import Any

import twin
from twin.experiments.opened import StudySettings
from twin.experiments.pool import PoolSettings
from twin.model.scenario import Scenario
from twin.spec.numbers import books, count_line, how_many
from twin.validation.hold_out import HoldOut, hold_out, moment_of
from twin.validation.score import Scorecard, score
from twin.validation.score_text import off

ROOT = Path(__file__).resolve().parents[2]
README = ROOT / "README.md"
SCENARIO = ROOT / "scenarios" / "us-east-1-2025-10-20.yaml"
WORST = 4  # misses that the sample shows
HEAD = """\
| Predicted outcomes | happen | within 10 min | of these also without feedback | within 44 min \
| of these also without feedback | mean error | without feedback |
|---|---|---|---|---|---|---|---|"""
HELD = """\
| After the hold-out, {count} outcomes | fit to all | fit to the first part | without feedback |
|---|---|---|---|"""
_MARKED = "<!-- {name}: written by make figures -->\n\n(.*?)\n\n<!-- end -->"
SIDES = ("shipped", "held_out", "without_feedback")


def blocks(card: Scorecard, held: HoldOut) -> dict[str, str]:
    """Name of a mark → the text between it and its end."""
    return {"score": score_block(card), "hold-out": held_block(held), "misses": misses_block(card)}


def score_block(card: Scorecard) -> str:
    """The score of each phase."""
    twin_, baseline = card.summary(), card.baseline_summary()
    broken = f"{len(twin_['must_not']['broken'])} of {card.must_not_count}"
    return (
        "\n".join([HEAD, *(row(phase.as_json()) for phase in card.phases)])
        + f"\n\nWhat never happens counts as {card.never_min:.0f} minutes off. "
        f"That is the time from the first input to the last outcome. "
        f"Kendall's tau is {twin_['kendall_tau']:.2f}, without feedback {baseline['kendall_tau']:.2f}. "
        f"Of what must not happen, {broken} happen."
    )


def row(phase: dict[str, Any]) -> str:
    """A phase as a row of the table."""
    ours, theirs, also = phase["twin"], phase["without_feedback"], phase["also_without_feedback"]
    cells = [phase["title"], f"{ours['exist']} of {ours['count']}"]
    for window in ("within_10_min", "within_44_min"):
        cells += [f"{ours[window]}", f"{also[window]}"]
    mean = f"{theirs['mean_abs_error_min']:.0f} min, {theirs['exist']} happen"
    return "| " + " | ".join([*cells, f"{ours['mean_abs_error_min']:.0f} min", mean]) + " |"


def held_block(held: HoldOut) -> str:
    """What the fit to the first part predicts."""
    sums = held.sums(later=True)

    def line(name: str, key: str, unit: str = "") -> str:
        return "| " + " | ".join([name, *(f"{sums[side][key] or 0:.0f}{unit}" for side in SIDES)]) + " |"

    errors = sorted(held.prior_errors_min)
    return "\n".join([
        HELD.format(count=sums["shipped"]["count"]), line("happen", "exist"),
        line("within 10 min", "within_10_min"), line("within 44 min", "within_44_min"),
        line("mean error", "mean_abs_error_min", " min"), "",
        f"Over {len(errors)} places of the prior, the mean error of the second fit is "
        f"{errors[0]:.0f} to {errors[-1]:.0f} min, {errors[len(errors) // 2]:.0f} min in the middle.",
    ])  # fmt: skip


def misses_block(card: Scorecard) -> str:
    """The worst misses, as part 3 of the scorecard has them."""
    lines = [f"Missed: {len(card.misses)} of {len(card.predicted)} predicted outcomes"]
    for each in card.misses[:WORST]:
        lines += [f"  {each.outcome.id}: {off(each)}", f"      {each.outcome.what}"]
    return "\n".join(["```text", *lines, "```"])


def numbers_block() -> str:
    """How many numbers the replay uses, by class: the last line of twin numbers."""
    return count_line(how_many(books(twin.load(SCENARIO), SCENARIO)))


def between(text: str, name: str) -> str:
    """What a document has between two marks."""
    (found,) = re.findall(f"(?s){_MARKED.format(name=name)}", text)
    return str(found)


def replaced(text: str, name: str, block: str) -> str:
    """The document with another text between two marks."""
    begin, end = _MARKED.format(name=name).split("(.*?)")
    return re.sub(f"(?s){begin}.*?{end}", lambda _: begin + block + end, text, count=1)


def measured(scenario: Scenario) -> dict[str, str]:
    """The blocks of a replay and a hold-out made here."""
    inline = StudySettings(pool=PoolSettings("inline"))
    after = next(phase.through for phase in scenario.scoring.phases if phase.through)
    held = hold_out(scenario, moment_of(scenario, after), settings=inline)
    return blocks(score(scenario, twin.run(scenario)), held) | {"numbers": numbers_block()}


def main(arguments: list[str]) -> None:
    only_numbers = "--numbers" in arguments
    found = {"numbers": numbers_block()} if only_numbers else measured(twin.load(SCENARIO))
    text = README.read_text()
    for name, block in found.items():
        text = replaced(text, name, block)
        print(block, end="\n\n")  # noqa: T201
    if "--write" in arguments:
        README.write_text(text)


if __name__ == "__main__":
    main(sys.argv[1:])
