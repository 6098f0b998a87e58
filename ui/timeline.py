"""The blast-radius timeline: what was put in, what every service went through, how many were hit.

Three charts over one span of time. They share the width of their left margin, so that a moment stands at the
same place in all of them. Every mark has a description, which screen readers and the tests read.
"""

from __future__ import annotations

from datetime import datetime
from typing import Any, NamedTuple

import altair as alt
import pandas as pd

LEVELS = (
    "well", "errors ≥ 1 %", "well, but not reached", "slow (latency ≥ 3×)", "errors ≥ 5 %", "errors ≥ 33 %",
    "errors ≥ 67 %", "errors ≥ 90 %",
)  # fmt: skip
COLOURS = ("#eef1f4", "#fbe7a1", "#c9b3e0", "#a9b8dc", "#fdbb6b", "#f4813f", "#d7402b", "#7a0f1f")
UNREACHED = 2  # the level of a service that is well but not reached
KINDS = {"fault": "#b0122b", "action": "#1f5f99", "mitigation": "#2a7d4f", "diagnosis": "#8a6d1f"}
STATES = {"degraded": "#fbe7a1", "impaired": "#f4813f", "down": "#7a0f1f"}
MARGIN = 172  # px left of the time axis
LANE = 19  # px
INK = "#31333f"


class Span(NamedTuple):
    """The time of a run, local, and what its zone is called."""

    begin: datetime
    end: datetime
    zone: str


def inputs_chart(inputs: pd.DataFrame, span: Span) -> alt.LayerChart:
    """Each fault and action: where it began, how long it lasted if it has an end, and what it was."""
    frame = inputs.copy()
    frame["label"] = frame["title"].where(frame["title"] != "", frame["id"])
    frame["words"] = [f"{r.kind} {r.id} at {r.begins:%H:%M}: {r.label}" for r in frame.itertuples()]
    middle = span.begin + (span.end - span.begin) * 0.5
    rows = alt.Y("id:N", sort=list(frame["id"]), axis=_names(), title=None)
    base = alt.Chart(frame).encode(y=rows, color=_kinds())
    lasting = base.transform_filter("isValid(datum.ends)").mark_bar(height=5, opacity=0.45, cornerRadius=2)
    frame["is_early"] = frame["begins"] < middle
    early, late = alt.datum.is_early, ~alt.datum.is_early
    text = {"baseline": "middle", "fontSize": 12, "limit": 620, "dy": 1}
    return alt.layer(
        lasting.encode(x=_time(span, labels=False), x2="ends:T"),
        base.mark_point(filled=True, size=70, opacity=1).encode(
            x=_moment(), shape=_shapes(), description="words:N", tooltip=_tip("words")
        ),
        base.transform_filter(early)
        .mark_text(align="left", dx=16, **text)
        .encode(x=_moment(), text="label:N"),
        base.transform_filter(late)
        .mark_text(align="right", dx=-10, **text)
        .encode(x=_moment(), text="label:N"),
    ).properties(height=LANE * len(frame), width="container")


def lanes_chart(
    lanes: pd.DataFrame, inputs: pd.DataFrame, published: pd.DataFrame, span: Span
) -> alt.LayerChart:
    """A lane a service, by first impact; rules where inputs begin; diamonds where outcomes were published."""
    order = lane_order(lanes, published)
    y = alt.Y("service:N", sort=order, scale=alt.Scale(domain=order), axis=_names(), title=None)
    return (
        alt.layer(_bars(lanes, y, span), _rules(inputs), _diamonds(published, y))
        .resolve_scale(color="independent", fill="independent")
        .properties(height=LANE * len(order), width="container")
    )


def lane_order(lanes: pd.DataFrame, published: pd.DataFrame) -> list[str]:
    """Services by first impact; then subjects of published outcomes that the run shows no trouble of."""
    return list(dict.fromkeys([*lanes.get("service", []), *published["subject"]]))


def blast_chart(blast: pd.DataFrame, inputs: pd.DataFrame, span: Span) -> alt.LayerChart:
    """How many customer-visible services are degraded or worse, impaired or worse, down."""
    folded = blast.melt(["begins", "ends"], var_name="state", value_name="services")
    colours = alt.Color("state:N", scale=_scale(STATES), legend=_legend("customer-visible services"))
    counts = alt.Y("services:Q", title=None, axis=_names(tickMinStep=1, tickCount=5))
    areas = alt.Chart(folded).mark_rect(strokeWidth=0.4).encode(
        x=_time(span), x2="ends:T", y=counts, y2=alt.datum(0), color=colours,
        stroke=alt.Stroke("state:N", scale=_scale(STATES), legend=None),
    )  # fmt: skip
    return (
        alt.layer(areas, _rules(inputs))
        .resolve_scale(color="independent")
        .properties(height=190, width="container")
    )


def _bars(lanes: pd.DataFrame, y: alt.Y, span: Span) -> alt.Chart:
    frame = lanes.copy()
    frame["state"] = [LEVELS[level] for level in frame["level"]]
    frame["words"] = [
        f"{r.service}: {r.state}, {r.begins:%H:%M}–{r.ends:%H:%M}, {_share(r)}" for r in frame.itertuples()
    ]
    colours = alt.Color("state:N", scale=alt.Scale(domain=LEVELS, range=COLOURS), legend=_legend(None))
    return (
        alt.Chart(frame)
        .mark_bar(height=LANE - 4)
        .encode(x=_time(span), x2="ends:T", y=y, color=colours, description="words:N", tooltip=_tip("words"))
    )


def _share(span: Any) -> str:
    """'error ratio 12%'; of a service that is well but not reached, the share of calls that fail before."""
    if span.state == LEVELS[UNREACHED]:
        return f"{span.unreached_ratio:.0%} of calls fail before they reach it"
    return f"error ratio {span.error_ratio:.0%}"


def _rules(inputs: pd.DataFrame) -> alt.Chart:
    frame = inputs.assign(words=[f"{r.kind} {r.id}, {r.begins:%H:%M}" for r in inputs.itertuples()])
    return (
        alt.Chart(frame)
        .mark_rule(strokeDash=[3, 3], strokeWidth=1.2, opacity=0.8)
        .encode(x=_moment(), color=_kinds(), description="words:N", tooltip=_tip("words"))
    )


def _diamonds(published: pd.DataFrame, y: alt.Y) -> alt.Chart:
    frame = published.rename(columns={"subject": "service", "at": "begins"})
    frame["published"] = frame["direction"].map({"rising": "published: begins", "falling": "published: ends"})
    frame["words"] = [f"published {r.begins:%H:%M}: {r.what} ({r.id})" for r in frame.itertuples()]
    scale = alt.Scale(domain=["published: begins", "published: ends"], range=["#111111", "#ffffff"])
    fill = alt.Fill("published:N", scale=scale, legend=_legend(None, symbolType="diamond"))
    marks = alt.Chart(frame).mark_point(shape="diamond", size=62, stroke=INK, strokeWidth=1.4, opacity=1)
    return marks.encode(x=_moment(), y=y, fill=fill, description="words:N", tooltip=_tip("words"))


def _moment() -> alt.X:
    """A time, on the axis that another layer of the chart gives."""
    return alt.X("begins:T")


def _time(span: Span, *, labels: bool = True) -> alt.X:
    """The time axis. Times carry no zone and are drawn as they are, which Vega calls UTC."""
    scale = alt.Scale(type="utc", domainMin=_utc(span.begin), domainMax=_utc(span.end), nice=False)
    words = "utchours(datum.value) == 0 ? utcFormat(datum.value, '%d %b') : utcFormat(datum.value, '%H:%M')"
    axis = alt.Axis(labels=labels, ticks=labels, domain=labels, labelExpr=words, tickCount=18, grid=True,
                    gridColor="#e4e7eb", labelFontSize=12, labelColor=INK, labelFlush=False,
                    titleAnchor="end", titleFontWeight="normal", titleColor=INK)  # fmt: skip
    return alt.X("begins:T", scale=scale, axis=axis, title=span.zone if labels else None)


def _utc(local: datetime) -> alt.DateTime:
    """A local time as Vega says it, taken for UTC."""
    return alt.DateTime(year=local.year, month=local.month, date=local.day, hours=local.hour,
                        minutes=local.minute, seconds=local.second, utc=True)  # fmt: skip


def _names(**more: object) -> alt.Axis:
    """The left axis, equally wide in every chart."""
    given = {"minExtent": MARGIN, "maxExtent": MARGIN, "labelLimit": MARGIN - 8, "labelFontSize": 12,
             "labelColor": INK, "ticks": False, "domain": False, "labelPadding": 8}  # fmt: skip
    return alt.Axis(**{**given, **more})


def _legend(title: str | None, **more: object) -> alt.Legend:
    return alt.Legend(title=title, titleOrient="left", orient="bottom", direction="horizontal", columns=9,
                      labelFontSize=12, labelLimit=240, symbolStrokeColor="#888", symbolStrokeWidth=0.8,
                      **more)  # fmt: skip


def _kinds() -> alt.Color:
    return alt.Color("kind:N", scale=_scale(KINDS), legend=None)


def _shapes() -> alt.Shape:
    shapes = alt.Scale(domain=list(KINDS), range=["triangle-down", "square", "circle"])
    return alt.Shape("kind:N", scale=shapes, legend=None)


def _scale(colours: dict[str, str]) -> alt.Scale:
    return alt.Scale(domain=list(colours), range=list(colours.values()))


def _tip(field: str) -> list[alt.Tooltip]:
    return [alt.Tooltip(f"{field}:N", title=" ")]
