"""In a run with debug a step that breaks its contract is stopped, and told which clause it was."""

import os
import shutil
import subprocess
import sys
from pathlib import Path

import pytest

import twin
from twin.mechanisms.contract import CALLS, KEPT, called
from twin.simulation.inline import InvariantBroken

PACKAGE = Path(twin.__file__).parent

KIND = '''
"""A canary."""
from twin.base.jit import njit
from twin.base.rng import FAIL
from twin.mechanisms.calls import answer, depend, draw, expose, intake, tally
from twin.mechanisms.draws import declare

PARAMETERS, STATE, EVENTS, BREAKS = (), [], (), {{}}
DRAWS = declare(failed=FAIL)


def cells(p, callers, tick_s):
    return 0


def init(p, s, c, callers, tick_s):
    pass


@njit
def step(t, w, i, p, s, c):
    n = intake(t, w, i)
    ok, wait_s = depend(t, w, i, n)
    expose(w, i, 1.0, 0, 0.0)
    answer(w, i, ok, wait_s)
    failed = draw(t, w, i, DRAWS.failed, n, 1.0 - ok)
    tally(w, i, n - failed, failed)


@njit
def check(p, s, c):
    return True
'''

# Canary → (what it has in place of a line of the kind, what the message must say).
CANARIES = {
    "sound": ("", "", ""),
    "no_depend": (
        "    ok, wait_s = depend(t, w, i, n)\n",
        "    ok, wait_s = 1.0, 0.0\n",
        "depend is missing",
    ),
    "no_tally": ("    tally(w, i, n - failed, failed)\n", "", "tally is missing"),
    "early_answer": (
        "    expose(w, i, 1.0, 0, 0.0)\n    answer(w, i, ok, wait_s)\n",
        "    answer(w, i, ok, wait_s)\n    expose(w, i, 1.0, 0, 0.0)\n",
        "found intake, depend, answer, expose, tally",
    ),
    "twice": (
        "    n = intake(t, w, i)\n",
        "    n = intake(t, w, i)\n    n = intake(t, w, i)\n",
        "intake, intake",
    ),
    "capacity": ("expose(w, i, 1.0,", "expose(w, i, -1.0,", "exposes a capacity_per_s"),
    "nan_capacity": ("expose(w, i, 1.0,", "expose(w, i, wait_s * float('nan'),", "exposes a capacity_per_s"),
    "blame": ("0, 0.0)", "0, 1.5)", "an own_blame between 0 and 1"),
    "backlog": ("1.0, 0, 0.0", "1.0, -3, 0.0", "counts nothing below 0"),
    "counts": ("n - failed, failed)", "n - failed, failed - 1)", "counts nothing below 0"),
    "latency": ("answer(w, i, ok, wait_s)", "answer(w, i, ok, -1.0)", "answers with a latency_s"),
    "outcome": ("answer(w, i, ok, wait_s)", "answer(w, i, 1.5, wait_s)", "answers with a share ok"),
    "unsound": ("return True", "return False", "an invariant of canary broke"),
}
RUN = """
import sys
import twin
from twin.model.scenario import Dependency, Quantity, Scenario, Service, Topology
from twin.simulation.inline import InvariantBroken

calls = (Dependency(on="canary", mode="hard"),)
for kind in sys.argv[1:]:
    services = {
        "canary": Service(name="canary", kind=kind),
        "people": Service(name="people", kind="workload", dependencies=calls),
    }
    scenario = Scenario(
        name="cage", title="A canary", question="Does it sing?", start="2025-10-19T22:00:00Z",
        duration_s=20.0, seed=1, topology=Topology(name="cage", services=services),
    )
    try:
        twin.run(scenario, debug=True)
        print(kind, "nothing")
    except InvariantBroken as error:
        print(kind, error)
    twin.run(scenario)  # without debug nobody looks
"""


@pytest.fixture(scope="module")
def messages(tmp_path_factory: pytest.TempPathFactory) -> dict[str, str]:
    """What the twin says of each canary, in a copy of the package with these kinds, uncompiled."""
    folder = tmp_path_factory.mktemp("cage")
    package = shutil.copytree(PACKAGE, folder / "twin", ignore=shutil.ignore_patterns("__pycache__"))
    for name, (before, after, _) in CANARIES.items():
        text = KIND.replace("{{}}", "{}")
        assert before in text
        (package / "kinds" / f"{name}.py").write_text(text.replace(before, after) if before else text)
    surroundings = os.environ | {"NUMBA_DISABLE_JIT": "1", "PYTHONPATH": str(folder)}
    surroundings["TWIN_CACHE_DIR"] = str(folder / "cache")
    command = [sys.executable, "-c", RUN, *CANARIES]
    done = subprocess.run(command, cwd=folder, env=surroundings, capture_output=True, text=True)
    assert done.returncode == 0, done.stderr
    return dict(line.split(" ", 1) for line in done.stdout.splitlines())


@pytest.mark.parametrize("canary", [name for name in CANARIES if name != "sound"])
def test_a_broken_clause_is_named(messages: dict[str, str], canary: str) -> None:
    assert CANARIES[canary][2] in messages[canary]
    if canary != "unsound":
        assert f"the step of canary (kind {canary}) broke its contract at tick 0" in messages[canary]


def test_a_sound_kind_passes(messages: dict[str, str]) -> None:
    assert messages["sound"] == "nothing"


def test_the_calls_are_read_off_the_mark() -> None:
    assert called({"called": KEPT}) == list(CALLS)
    assert called({"called": 0}) == []


def test_the_message_survives_the_way_from_an_actor() -> None:
    import pickle

    error = InvariantBroken("gate", 5, "canary", 1, ("intake", "answer"))
    assert str(pickle.loads(pickle.dumps(error))) == str(error)
    assert "depend and expose and tally is missing" in str(error)
