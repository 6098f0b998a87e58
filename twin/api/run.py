"""``twin.run`` and ``twin.open_run``: a run that answers questions."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from pathlib import Path
from typing import TYPE_CHECKING

from twin.model.scenario import Scenario
from twin.report.notebook import run_html
from twin.results.causes import CauseChain, why_impaired
from twin.results.diff import RunDiff, diff_runs
from twin.results.impact import Impact, impact_of
from twin.results.keeps import Sustained, what_keeps_down
from twin.simulation.fork import fork, forked_scenario, joined
from twin.simulation.inline import Progress
from twin.simulation.run import FinishedRun, keep, read_run, simulate
from twin.spec.arguments import Moment, Name, Value, check_counts
from twin.spec.library import load
from twin.spec.problems import argument_problem, shown

if TYPE_CHECKING:  # needs scipy, which a run does not
    from twin.validation.score import Scorecard


class Run(FinishedRun):
    """A finished run.

    ``events``: Arrow table of what happened (tick, t, event_id, cause_id, service, event, subject, value,
    origin). ``samples``: Arrow table with a row for each service and sample interval (tick, t, service,
    offered_per_s, goodput_per_s, capacity_per_s, backlog_count, error_ratio, latency_s). ``manifest``:
    inputs, hashes, versions. Times are UTC without zone; units stand in the tables' schema metadata. ``sql``
    asks these tables and the views of ``twin/simulation/sql``.
    """

    def why(self, service: str, at: Moment | None = None) -> CauseChain:
        """The causes behind the last onset of ``service`` at or before ``at``, as in "07:50".

        Without ``at``, behind its first onset. Raises SpecError.
        """
        return why_impaired(self, service, at)

    def keeps_down(self, service: str, at: Moment | None = None) -> Sustained:
        """What keeps ``service`` down at a time: a backlog, a loop, a mechanism, or a fault in force.

        Without ``at``, at the end of the run. Raises SpecError, ForkError.
        """
        return what_keeps_down(self, service, at)

    def impact(self) -> Impact:
        """The minutes lost, and each service that was impaired: onset, recovery, minutes."""
        return impact_of(self)

    def diff(self, base: FinishedRun) -> RunDiff:
        """How the blast radius changed from ``base`` to this run."""
        return diff_runs(base, self)

    def score(self, draws: int = 0) -> Scorecard:
        """The run against its scenario's published timeline, beside a baseline without feedback.

        ``draws``: runs of an ensemble that gives the coverage. Raises SpecError without a timeline.
        """
        from twin.validation.score import score

        check_counts(0, draws=draws)
        if self.scenario.published is None:
            expected = "a scenario that names a published timeline"
            raise argument_problem("published", f"none in {self.scenario.name}", expected)
        return score(self.scenario, self, draws=draws)

    def fork(
        self, at: Moment, *, set: Mapping[str, Value] | None = None, drop: Name | Iterable[Name] = (),
        move: Mapping[str, Moment] | None = None, mitigate: Name | Iterable[Name] = (),
        add_action: Name | Iterable[Name] = (), until: Moment | None = None, out: Path | str | None = None,
    ) -> Run:  # fmt: skip
        """The run that leaves this one at a time, with changes from there on; its past is the same.

        The changes are those of ``twin.load``. Raises ForkError where one would change the past, SpecError.
        """
        point = fork(self, at)
        after = forked_scenario(
            point, set=set, drop=drop, move=move, mitigate=mitigate, add_action=add_action, until=until
        )
        done = joined(point, run(after, replicate=self.manifest["replicate"]))
        return done if out is None else keep(done, out)

    def _repr_html_(self) -> str:
        return run_html(self)


def run(
    scenario: str | Path | Scenario,
    *,
    set: Mapping[str, Value] | None = None,
    drop: Name | Iterable[Name] = (),
    move: Mapping[str, Moment] | None = None,
    with_files: Name | Iterable[Name] = (),
    until: Moment | None = None,
    sample: str | float | None = None,
    seed: int | None = None,
    mitigate: Name | Iterable[Name] = (),
    responders: str | None = None,
    add_action: Name | Iterable[Name] = (),
    replicate: int = 0,
    runner: str = "auto",
    actors: int = 2,
    address: str | None = None,
    out: Path | str | None = None,
    debug: bool = False,
    progress: Progress | None = None,
) -> Run:
    """Step a scenario to its end: by name, from a file, or one that has been loaded.

    Changes (``set`` to ``add_action``) are those of ``twin.load``; ``replicate``: which noise; the rest is
    that of ``twin.simulation.run.simulate``. Raises SpecError, InvariantBroken, OSError.
    """
    check_counts(0, replicate=replicate)
    check_counts(1, actors=actors)
    loaded = load(
        scenario, set=set, drop=drop, move=move, with_files=with_files, until=until, sample=sample, seed=seed,
        mitigate=mitigate, responders=responders, add_action=add_action,
    )  # fmt: skip
    done = simulate(
        loaded, replicate=replicate, runner=runner, actors=actors, address=address, out=out, debug=debug,
        progress=progress,
    )  # fmt: skip
    return _questionable(done)


def open_run(folder: Path | str) -> Run:
    """The run in a folder. Raises SpecError for anything but a path, twin.simulation.journal.DamagedRun."""
    if not isinstance(folder, str | Path):
        raise argument_problem("folder", shown(folder), "the path of a folder")
    return _questionable(read_run(folder))


def _questionable(done: FinishedRun) -> Run:
    return Run(**vars(done))
