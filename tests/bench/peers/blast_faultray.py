"""Static blast radius in FaultRay: each service down alone, then pairs."""

import importlib.metadata
import json
import logging
import sys
import time
from itertools import combinations
from statistics import median

from faultray.model.components import Component, ComponentType, Dependency
from faultray.model.graph import InfraGraph
from faultray.simulator import engine
from faultray.simulator.scenarios import Fault, FaultType, Scenario

KIND = {"soft": "optional", "async": "async"}


def graph_of(names: list[str], edges: list[list[str]]) -> InfraGraph:
    graph = InfraGraph()
    for name in names:
        graph.add_component(Component(id=name, name=name, type=ComponentType.APP_SERVER))
    for caller, callee, mode in edges:
        kind = KIND.get(mode, "requires")
        graph.add_dependency(Dependency(source_id=caller, target_id=callee, dependency_type=kind))
    return graph


def scenario(loss: tuple[str, ...]) -> Scenario:
    faults = [Fault(target_component_id=name, fault_type=FaultType.COMPONENT_DOWN) for name in loss]
    return Scenario(id="-".join(loss), name=" and ".join(loss), description="lost", faults=faults)


def main() -> None:
    logging.disable(logging.CRITICAL)
    asked = json.loads(sys.argv[1])
    names = asked["names"]
    losses = [(name,) for name in names] + [*combinations(names, 2)]
    made = losses[: asked["most"]]
    graph = graph_of(names, asked["edges"])
    spent = []
    for _ in range(asked["repeats"]):
        began = time.process_time()
        report = engine.SimulationEngine(graph).run_scenarios([scenario(loss) for loss in made], len(made))
        spent.append(time.process_time() - began)
    found = {r.scenario.id: {e.component_id for e in r.cascade.effects} for r in report.results}
    alike = [found[name] == graph.get_all_affected(name) | {name} for name in names if name in found]
    answer = {
        "seconds": median(spent), "version": importlib.metadata.version("faultray"), "made": len(found),
        "most_scenarios": engine.MAX_SCENARIOS, "alike": sum(alike) / len(alike),
    }  # fmt: skip
    sys.stdout.write(json.dumps(answer))


if __name__ == "__main__":
    main()
