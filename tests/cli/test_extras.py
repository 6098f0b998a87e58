"""A first replay needs the packages of the core alone; a command that needs more says so before it runs."""

import os
import subprocess
import sys
from pathlib import Path

import pytest

from twin.base.extras import EXTRAS, MissingExtra, require_extra

# Of the extras, what they bring, and what only tests use.
NOT_IN_THE_CORE = [
    *(name for names in EXTRAS.values() for name in names),
    "SALib", "PIL", "markupsafe", "pandas", "sqlalchemy", "tqdm",
]  # fmt: skip
# What a run on one core does without, although it is installed.
NOT_FOR_ONE_RUN = ["ray", "networkx", "scipy.stats", "scipy.optimize", "scipy.special"]
STORM = str(Path(__file__).parents[2] / "scenarios" / "examples" / "retry-storm.yaml")

WITHOUT = """
import sys
from importlib.machinery import PathFinder

class Without(PathFinder):
    @classmethod
    def find_spec(cls, name, path=None, target=None):
        return None if name in {names!r} else PathFinder.find_spec(name, path, target)

sys.meta_path[sys.meta_path.index(PathFinder)] = Without
from twin.cli import main
main()
"""


def twin_without(names: list[str], out: Path, *arguments: str) -> subprocess.CompletedProcess[str]:
    """The command line, where importing one of the packages fails as if it were not installed."""
    command = [sys.executable, "-c", WITHOUT.format(names=names), *arguments]
    environment = os.environ | {"TWIN_OUT": str(out)}
    return subprocess.run(command, capture_output=True, text=True, env=environment)


def test_a_run_and_the_questions_to_it_need_the_core_alone(tmp_path: Path) -> None:
    one = [*NOT_IN_THE_CORE, *NOT_FOR_ONE_RUN]
    for arguments in (
        ["check", STORM], ["run", STORM, "--until", "+3m"], ["why", "last", "front"],
        ["query", "last", "select count(*) from samples"], ["list", "runs"], ["list", "mitigations"],
    ):  # fmt: skip
        done = twin_without(one, tmp_path, *arguments)
        assert done.returncode == 0, done.stderr


def test_a_run_and_its_score_do_not_load_what_they_do_without() -> None:
    """Arrow loads pandas where it is installed, half a second, and scipy.stats takes a second."""
    script = (
        "import sys, twin\n"
        f"twin.run(twin.load({STORM!r}), replicate=1).sql('from impact')\n"
        "import twin.results.expectations, twin.validation.score_text\n"
        f"print(*[name for name in {['pandas', *NOT_FOR_ONE_RUN]!r} if name in sys.modules])"
    )
    done = subprocess.run([sys.executable, "-c", script], check=True, capture_output=True, text=True)
    assert done.stdout.strip() == ""


@pytest.mark.slow
def test_comparing_needs_the_core_alone(tmp_path: Path) -> None:
    arguments = ["compare", "us-east-1-2025-10-20", "--mitigate", "long-leases", "--until", "+3h"]
    more = ["--replicates", "2", "--runner", "inline", "--study", str(tmp_path / "study")]
    done = twin_without(NOT_IN_THE_CORE, tmp_path, *arguments, *more)
    assert done.returncode == 0, done.stderr


@pytest.mark.parametrize(
    ("arguments", "message"),
    [
        (["ui"], "twin ui needs streamlit and altair, not installed here"),
        (["compare", STORM, "--html", "x.html"], "twin compare --html needs matplotlib and jinja2"),
        (["search", STORM, "--goal", "peak_impaired < 2", "--budget", "99"], "twin search needs optuna"),
    ],
)
def test_a_command_says_which_extra_it_needs(arguments: list[str], message: str, tmp_path: Path) -> None:
    done = twin_without(NOT_IN_THE_CORE, tmp_path, *arguments)
    assert done.returncode == 2 and done.stdout == ""
    assert done.stderr.startswith(f"twin: {message}") and done.stderr.count("\n") == 1
    assert "pip install 'us-east-1-cascade-twin[" in done.stderr and "make extras" in done.stderr
    assert not any(tmp_path.iterdir()), "nothing has been run"


def test_what_is_installed_is_not_asked_for() -> None:
    for extra in EXTRAS:
        require_extra(extra, "a test")


def test_python_gets_the_same_message(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setitem(sys.modules, "optuna", None)
    with pytest.raises(MissingExtra, match=r"^a study needs optuna.*\[search\]"):
        require_extra("search", "a study")
