"""twin replay."""

from __future__ import annotations

from dataclasses import replace
from typing import TYPE_CHECKING, Any

import click

from twin.cli import _show as show
from twin.cli._command import command, headed_option
from twin.cli._errors import BadInput, Missed
from twin.cli._execute import execute
from twin.cli._options import change_options, changed_scenario, run_options, study_option, worlds_option
from twin.cli._study import settings_of
from twin.cli._summary import losses, require, summary

if TYPE_CHECKING:
    from twin.api.run import Run
    from twin.experiments.opened import StudySettings
    from twin.model.scenario import Scenario
    from twin.simulation.run import FinishedRun
    from twin.validation.score import Scorecard


@command(
    "replay",
    "twin replay scenarios/us-east-1-2025-10-20.yaml",
    "twin replay us-east-1-2025-10-20 --runner ray --actors 2",
    "twin replay us-east-1-2025-10-20 --worlds 64 --json > score.json",
)
@click.argument("scenario")
@worlds_option()
@headed_option(
    "--fail-under",
    type=click.FloatRange(0, 100),
    metavar="PERCENT",
    help="Exit code 1 unless this share of the predicted outcomes is within 44 minutes (5 % of the event).",
)
@change_options
@study_option
@run_options
def replay_command(
    scenario: str, as_json: bool, worlds: int | None, fail_under: float | None, **options: Any
) -> None:
    """Run SCENARIO and compare its times with those that AWS published.

    \b
    The scorecard puts every published outcome into a class:
      imposed    it follows directly from an input
      fitted     a number was fitted to it
      predicted  the model computed it

    It also shows the scenario without feedback: the same graph, without queues, caches, leases and retries.
    --worlds adds ranges: how much each time changes with the uncertain inputs.

    The exit code is 1 if an expect: of the scenario was not met, or if the score is below --fail-under.
    """
    loaded = changed_scenario(scenario, options)
    if loaded.published is None:
        raise BadInput(f"{scenario}: no published: timeline to score against; use twin run")
    done = execute(loaded, options)
    from twin.results.expectations import check_expected
    from twin.results.losses import losses_of
    from twin.validation import score_text
    from twin.validation.score import write_scorecard

    expected = check_expected(loaded, done)
    card = score_of(loaded, done, _without_feedback(loaded), worlds or 0, settings_of(options))
    write_scorecard(card, done)
    if as_json:
        show.document({**card.as_json(), "losses": losses_of(done, loaded).as_json()})
    else:
        score_text.render_head(card, show.console())
        summary(done, expected)
        losses(done, loaded)
        click.echo()
        score_text.render(card, show.console())
    require(expected)
    _require_score(card.summary()["predicted"]["within_44_min_share"], fail_under)


def _without_feedback(scenario: Scenario) -> FinishedRun:
    from twin.validation.score import baseline_run

    return baseline_run(scenario, scenario.seed)


def score_of(
    scenario: Scenario, run: Run, baseline: FinishedRun, draws: int, settings: StudySettings
) -> Scorecard:
    """The scorecard, with an ensemble of ``draws`` if that is not 0."""
    from twin.validation.ensemble import ensemble
    from twin.validation.score import score

    card = score(scenario, run, baseline=baseline)
    if not draws:
        return card
    predicted = [row.outcome.id for row in card.rows if row.outcome_class == "predicted"]
    return replace(card, ensemble=ensemble(scenario, draws, predicted=predicted, settings=settings))


def _require_score(share: float | None, fail_under: float | None) -> None:
    """``share`` of the predicted outcomes is within 44 minutes; None if there are no predicted outcomes."""
    if fail_under is None:
        return
    if share is None:
        raise BadInput("--fail-under: no predicted outcome lies within this run, so it holds for nothing")
    if 100 * share < fail_under:
        found = f"{100 * share:.0f} % of the predicted outcomes are within 44 minutes"
        raise Missed(f"{found}, wanted {fail_under:g} %")
