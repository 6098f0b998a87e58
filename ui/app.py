"""The page: finished runs, and the blast radius, graph, scorecard and causes of one of them.

It draws the answers of queries and the scorecard, and computes nothing. ``make ui`` or ``twin ui`` starts it.
"""

from __future__ import annotations

from datetime import timedelta
from pathlib import Path
from typing import Any

import altair as alt
import answers as ask
import dependencies
import pandas as pd
import streamlit as st
import timeline

from twin.simulation import journal


def _share(value: float | None) -> str:
    return "–" if value is None else f"{value:.0%}"


def _plain(value: float | None) -> str:
    return "–" if value is None else f"{value:.2g}"


# label, key of the scorecard's sums, how it is written
FIGURES = (
    ("Happen at all", "exist_share", _share),
    ("Within 10 min", "within_10_min_share", _share),
    ("Within 44 min", "within_44_min_share", _share),
    ("Order (Kendall's τ)", "kendall_tau", _plain),
    ("Mean error, min", "mean_abs_error_min", _plain),
)


def main() -> None:
    """The page, from top to bottom."""
    st.set_page_config(page_title="Cascade twin", page_icon="🌩️", layout="wide")
    st.html("<style>.stMainBlockContainer {padding-top: 2.2rem; padding-bottom: 3rem}</style>")
    runs = ask.folder()
    found, damaged = ask.manifests(runs)
    for problem in damaged:
        st.warning(problem)
    if not found:
        st.info(f"No finished run in {runs}. Make one: `make replay`, or `twin run SCENARIO`.")
        return
    manifest = found[choose(found)]
    try:
        facts = ask.page_answers(str(runs), manifest["run_id"])
    except journal.DamagedRun as error:
        st.error(str(error))
        return
    draw_run(runs, manifest, facts)


def choose(found: dict[str, dict[str, Any]]) -> str:
    """The run to look at, the newest unless another is chosen."""

    def words(run_id: str) -> str:
        m = found[run_id]
        return f"{m['scenario']} · seed {m['seed']} · {m['duration_s'] / 3600:g} h · run {run_id[:8]}"

    title, choice = st.columns([3, 2], vertical_alignment="bottom")
    label = f"Run ({len(found)} finished, newest first)"
    run_id = choice.selectbox(label, found, format_func=words, key="run")
    title.title(found[run_id]["title"] or found[run_id]["scenario"], anchor=False)
    return run_id


def draw_run(runs: Path, manifest: dict[str, Any], facts: ask.Answers) -> None:
    """Everything about one run."""
    clock = ask.LocalClock(manifest)
    card = ask.scorecard(runs, manifest["run_id"])
    key_figures(facts.totals, clock, card)
    blast_radius(manifest["run_id"], clock, facts)
    graph_at_a_moment(str(runs), manifest, facts)
    scorecard_section(manifest, card, clock)
    causes_section(str(runs), manifest, facts)


def key_figures(totals: dict[str, Any], clock: ask.LocalClock, card: dict[str, Any] | None) -> None:
    """The whole run in a few numbers."""
    last = totals["last_recovery_tick"]
    end = "none impaired" if last is None else f"{clock.at(last):%d %b %H:%M}"
    if totals["not_recovered"]:
        end = f"{totals['not_recovered']} not recovered"
    figures = {
        "Service-minutes lost": f"{totals['service_minutes_lost']:,.0f}",
        "Services impaired": totals["services_impaired"],
        "Impaired at the peak": totals["peak_impaired"],
        f"Last recovery ({clock.zone})": end,
    }
    if card:
        near = " / ".join(f"{p['twin']['within_44_min']} of {p['twin']['count']}" for p in phases_alone(card))
        figures["Predicted within 44 min, by phase"] = near
    for column, (label, value) in zip(st.columns(len(figures)), figures.items(), strict=True):
        column.metric(label, value)


def phases_alone(card: dict[str, Any]) -> list[dict[str, Any]]:
    """The scores of the phases, without that of all of them."""
    phases = card.get("phases", [])
    return [phase for phase in phases if phase["id"] != "all"] or phases


def blast_radius(run_id: str, clock: ask.LocalClock, facts: ask.Answers) -> None:
    """The timeline."""
    st.subheader("Blast radius", anchor=False)
    order = timeline.lane_order(facts.lanes, facts.published)
    st.caption(
        f"{len(order)} services by first impact, {len(facts.inputs)} faults and actions, "
        f"{len(facts.published)} published outcomes. Times are {clock.zone}. "
        "▼ fault ■ action · ◆ published start of an impairment ◇ published end"
    )
    with st.container(key="timeline", gap=None):
        for key, chart in charts(run_id, facts, clock).items():
            show(chart, key)


@st.cache_resource(max_entries=4, show_spinner=False)
def charts(run_id: str, _facts: ask.Answers, _clock: ask.LocalClock) -> dict[str, alt.LayerChart]:
    """The charts of the timeline, from top to bottom; the run's id stands for all that they show."""
    span = timeline.Span(_clock.at(0), _clock.at(_clock.ticks), _clock.zone)
    drawn = {"blast": timeline.blast_chart(_facts.blast, _facts.inputs, span)}
    if timeline.lane_order(_facts.lanes, _facts.published):
        drawn = {"lanes": timeline.lanes_chart(_facts.lanes, _facts.inputs, _facts.published, span), **drawn}
    if len(_facts.inputs):
        drawn = {"inputs": timeline.inputs_chart(_facts.inputs, span), **drawn}
    return drawn


def show(chart: alt.LayerChart, key: str) -> None:
    """Draw a chart in its own colours."""
    quiet = chart.configure(background="transparent", font="Source Sans", view=alt.ViewConfig(stroke=None))
    with st.container(key=key):
        st.altair_chart(quiet, theme=None, width="stretch")


@st.fragment
def graph_at_a_moment(runs: str, manifest: dict[str, Any], facts: ask.Answers) -> None:
    """The dependency graph, coloured by the state of each service at the slider's moment."""
    st.subheader("Dependencies at a moment", anchor=False)
    clock = ask.LocalClock(manifest)
    minute = timedelta(minutes=1)
    begin, end = clock.at(0).replace(second=0), clock.at(clock.ticks)
    peak = begin - (begin - clock.at(facts.peak_tick)) // minute * minute  # the end of that minute
    moment = st.slider(f"minute ({clock.zone})", begin, end, peak, minute, format="D MMM HH:mm", key="minute")
    states = ask.states(runs, manifest["run_id"], max(clock.tick(moment), 1))
    run = ask.opened(runs, manifest["run_id"])
    option = dependencies.option(run, dependencies.node_places(run), states, facts.callers)
    with st.container(key="graph"):
        st.echarts_chart(option, height=620, theme=None)
    st.caption(
        "Arrows point from caller to callee. A larger symbol has more callers. Lines: solid hard or lease, "
        "dashed soft, dotted asynchronous, long dashes cached, dash-dot new connections only. A line has a "
        "colour where its callee is impaired or unreachable. ● ok ▢ degraded ◆ impaired ▲ down. "
        "Unreachable (a pin): the service is well, but calls fail before they reach it"
    )


def scorecard_section(manifest: dict[str, Any], card: dict[str, Any] | None, clock: ask.LocalClock) -> None:
    """The scorecard, beside the baseline without feedback."""
    st.subheader("Scorecard", anchor=False)
    if card is None:
        st.caption(
            "This run has no scorecard. `twin replay` scores a scenario that has a published timeline."
        )
        return
    for warning in card.get("warnings", ()):
        st.warning(warning)
    if card.get("phases"):  # a run of an earlier version has none
        st.dataframe(phase_rows(card), hide_index=True, key="phases")
        st.caption(
            "Predicted outcomes of each phase. What is also right without feedback says nothing about the "
            f"twin. What never happens counts as {card['never_counts_as_min']:.0f} min off."
        )
    twin, baseline = ({**card[side], **card[side]["predicted"]} for side in ("summary", "baseline"))
    for column, (label, key, words) in zip(st.columns(len(FIGURES)), FIGURES, strict=True):
        other = f"without feedback {words(baseline[key])}"
        column.metric(label, words(twin[key]), other, delta_color="off", delta_arrow="off")
    st.caption(
        f"The figures cover the {twin['count']} predicted outcomes: none is fitted, none imposed. "
        f"Times are {clock.zone}."
    )
    columns = {
        "error, min": st.column_config.NumberColumn(format="%+.0f"),
        "without feedback, min": st.column_config.NumberColumn(format="%+.0f"),
        "what": st.column_config.TextColumn(width="large"),
    }
    with st.container(key="score"):
        rows = score_rows(manifest, card, clock)
        st.dataframe(rows, hide_index=True, height=min(460, 37 + 35 * len(rows)), column_config=columns)


def phase_rows(card: dict[str, Any]) -> pd.DataFrame:
    """A row a phase: how many are near, and how many of these without feedback, too."""

    def row(phase: dict[str, Any]) -> dict[str, Any]:
        ours, theirs, also = phase["twin"], phase["without_feedback"], phase["also_without_feedback"]
        return {
            "phase": phase["title"], "happen": f"{ours['exist']} of {ours['count']}",
            "within 10 min": ours["within_10_min"], "also without feedback": also["within_10_min"],
            "within 44 min": ours["within_44_min"], "also without feedback ": also["within_44_min"],
            "mean error, min": ours["mean_abs_error_min"],
            "mean error without feedback, min": theirs["mean_abs_error_min"],
        }  # fmt: skip

    return pd.DataFrame([row(phase) for phase in card["phases"]])


def score_rows(manifest: dict[str, Any], card: dict[str, Any], clock: ask.LocalClock) -> pd.DataFrame:
    """A row an outcome, as the scorecard has them."""
    timeline_ = manifest["inputs_scenario"].get("published") or {"outcomes": []}
    words = {o["id"]: o["what"] for o in timeline_["outcomes"]}

    def local(iso: str | None) -> str:
        return f"{clock.local(iso):%d %b %H:%M}" if iso else "never"

    return pd.DataFrame([{
        "outcome": o["id"], "what": words.get(o["id"], ""), "class": o["class"],
        "published": local(o["published"]), "twin": local(o["simulated"]), "error, min": o["error_min"],
        "without feedback, min": o["baseline_error_min"],
    } for o in card["outcomes"]])  # fmt: skip


@st.fragment
def causes_section(runs: str, manifest: dict[str, Any], facts: ask.Answers) -> None:
    """The chain of causes behind the first onset of a service, and its story."""
    st.subheader("Why?", anchor=False)
    services = ask.opened(runs, manifest["run_id"]).services
    names = list(dict.fromkeys([*facts.lanes.get("service", []), *sorted(services)]))
    titles = {name: about["title"] for name, about in services.items()}
    service = st.selectbox("Service", names, index=min(len(names) - 1, 15), key="why",
                           format_func=lambda n: n if titles[n] == n else f"{n} · {titles[n]}")  # fmt: skip
    st.code("\n".join(ask.causes(runs, manifest["run_id"], service)), language=None, wrap_lines=True)
    with st.expander(f"Everything that happened to {service}"):
        st.dataframe(ask.story(runs, manifest["run_id"], service), hide_index=True, key="story")


main()
