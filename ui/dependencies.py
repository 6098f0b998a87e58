"""The dependency graph at a moment: foundations below, customers on top, colour and symbol by state."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from twin.api.run import Run
from twin.model.graph import layout
from twin.model.scenario import Dependency, Service

# state → colour, symbol: both, for colour-blind readers
STATES = {
    "ok": ("#9fb4c7", "circle"),
    "degraded": ("#f2c94c", "roundRect"),
    "unreachable": ("#8a63b8", "pin"),
    "impaired": ("#f4813f", "diamond"),
    "down": ("#7a0f1f", "triangle"),
}
LINES = {
    "hard": "solid", "lease": "solid", "soft": "dashed", "async": [2, 4], "cached": [8, 4],
    "new_connections": [8, 3, 2, 3],
}  # fmt: skip
WIDE, HIGH = 1250, 530  # px of the drawing; ECharts scales it to what there is
TROUBLE = ("unreachable", "impaired", "down")


def node_places(run: Run) -> dict[str, tuple[float, float]]:
    """Place of each service, (x, y) from 0 to 1, y upwards."""
    needs: dict[str, list[Dependency]] = {name: [] for name in run.services}
    for d in run.dependencies:
        needs[d["caller"]].append(Dependency.model_validate({"on": d["callee"], "mode": d["mode"]}))
    services = {
        name: Service(name=name, kind=about["kind"], dependencies=tuple(needs[name]))
        for name, about in run.services.items()
    }
    return layout(services)


def option(
    run: Run,
    at: Mapping[str, tuple[float, float]],
    states: Mapping[str, Mapping[str, Any]],
    callers: Mapping[str, int],
) -> dict[str, Any]:
    """The drawing for ECharts."""
    nodes = [_node(name, place, states[name], callers.get(name, 0)) for name, place in at.items()]
    return {
        "tooltip": {"confine": True},
        "legend": {"bottom": 0, "data": list(STATES), "textStyle": {"fontSize": 13}},
        "animation": False,
        "series": [{
            "type": "graph", "layout": "none", "roam": True,
            "left": 50, "right": 60, "top": 24, "bottom": 64,
            "categories": [
                {"name": name, "symbol": symbol, "itemStyle": {"color": colour}}
                for name, (colour, symbol) in STATES.items()
            ],
            "data": nodes,
            "links": [_link(d, states[d["callee"]]["state"]) for d in run.dependencies],
            "edgeSymbol": ["none", "arrow"], "edgeSymbolSize": 6,
            "emphasis": {"focus": "adjacency", "lineStyle": {"width": 2.5}},
            "labelLayout": {"hideOverlap": False},
        }],
    }  # fmt: skip


def _node(name: str, place: tuple[float, float], now: Mapping[str, Any], callers: int) -> dict[str, Any]:
    words = f"{now['state']}: error ratio {now['error_ratio']:.0%}, latency × {now['latency_ratio']:.3g}"
    if now["unreached_ratio"] > 0:
        words += f"<br>{now['unreached_ratio']:.0%} of the calls to it fail before they reach it"
    return {
        "name": name, "x": place[0] * WIDE, "y": (1 - place[1]) * HIGH,
        "category": list(STATES).index(now["state"]),
        "symbol": STATES[now["state"]][1],
        "symbolSize": min(14 + 2 * callers, 40),
        "itemStyle": {"borderColor": "#31333f", "borderWidth": 0.8},
        "label": {"show": True, "position": "bottom", "fontSize": 11, "color": "#31333f", "distance": 3,
                  "textBorderColor": "#ffffff", "textBorderWidth": 3},
        "tooltip": {"formatter": f"<b>{name}</b><br>{words}<br>called by {callers}"},
    }  # fmt: skip


def _link(dependency: Mapping[str, Any], callee_state: str) -> dict[str, Any]:
    is_trouble = callee_state in TROUBLE
    source = dependency.get("inherited_from")
    mode = dependency["mode"].replace("_", " ") + (f", inherited from {source}" if source else "")
    words = f"{dependency['caller']} → {dependency['callee']} ({mode})"
    return {
        "source": dependency["caller"], "target": dependency["callee"],
        "lineStyle": {
            "type": LINES[dependency["mode"]], "curveness": 0.08,
            "width": 1.6 if is_trouble else 1.0, "opacity": 0.75 if is_trouble else 0.45,
            "color": STATES[callee_state][0] if is_trouble else "#8a97a5",
        },
        "tooltip": {"formatter": f"{words}<br>{dependency['for']}"},
    }  # fmt: skip
