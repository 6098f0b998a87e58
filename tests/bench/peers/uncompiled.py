"""A scenario of the twin, stepped with the environment that is given: without Numba's compiler, for one."""

import json
import sys
from pathlib import Path

sys.path.insert(0, str(Path(__file__).parents[3]))

from tests.bench.scenarios import engine_s
from twin.model.scenario import Scenario
from twin.simulation.run import simulate


def main() -> None:
    asked = json.loads(sys.argv[1])
    scenario = Scenario.model_validate_json(Path(asked["path"]).read_text())
    seconds = engine_s(scenario)
    sys.stdout.write(json.dumps({"seconds": seconds, "version": "", "digest": simulate(scenario).digest}))


if __name__ == "__main__":
    main()
