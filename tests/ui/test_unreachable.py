"""The graph shows a service that is well but cannot be reached as such, and says how it is reached."""

from twin.api.run import Run

WELL = {"state": "ok", "error_ratio": 0.0, "latency_ratio": 1.0, "unreached_ratio": 0.0}


def test_a_node_is_unreachable_and_says_for_how_many_calls(run: Run) -> None:
    import dependencies

    states = dict.fromkeys(run.services, WELL)
    states["store"] = {**WELL, "state": "unreachable", "unreached_ratio": 0.6}
    drawn = dependencies.option(run, dependencies.node_places(run), states, {})
    (series,) = drawn["series"]
    (node,) = (n for n in series["data"] if n["name"] == "store")
    assert series["categories"][node["category"]]["name"] == "unreachable"
    assert "60% of the calls to it fail before they reach it" in node["tooltip"]["formatter"]


def test_an_inherited_dependency_says_so() -> None:
    import dependencies

    way = {
        "caller": "a",
        "callee": "names",
        "mode": "new_connections",
        "for": "its name",
        "inherited_from": "b",
    }
    said = dependencies._link(way, "ok")["tooltip"]["formatter"]
    assert said.startswith("a → names (new connections, inherited from b)")
