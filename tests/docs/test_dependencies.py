"""The examples of docs/dependencies.md load without a doubt, and run."""

import re
from pathlib import Path

import pytest

import twin
from twin.mechanisms.arrays import MODES
from twin.model.sdk import SDK_DEFAULTS
from twin.model.signals import WATCHED
from twin.spec.doubts import doubts_about_scenario

PAGE = Path(__file__).resolve().parents[2] / "docs" / "dependencies.md"
TEXT = PAGE.read_text(encoding="utf-8")
EXAMPLES = dict(re.findall(r"(?ms)^```yaml dependency (\w+)\n(.*?)^```$", TEXT))
HEAD = "scenario: example\nassumed: example\nstart: 2030-01-01T00:00:00Z\nduration: 2m\nservices:\n"
USERS = "  users:\n    kind: workload\n    parameters: {rate_per_s: 5/s}\n"


def scenario(example: str) -> str:
    """An example with users in front, and a plain station for each service that it calls."""
    first = example.partition(":")[0]
    named = re.findall(r"(?m)^([\w-]+):", example)
    callees = dict.fromkeys(name for name in re.findall(r"on: ([\w-]+)", example) if name not in named)
    stations = "".join(f"  {name}: {{kind: queueing, parameters: {{work_s: 10ms}}}}\n" for name in callees)
    own = "".join(f"  {line}\n" for line in example.splitlines())
    return f"{HEAD}{own}{stations}{USERS}    dependencies: [{{on: {first}, mode: hard}}]\n"


def write(folder: Path, text: str) -> Path:
    path = folder / "example.yaml"
    path.write_text(text, encoding="utf-8")
    return path


@pytest.mark.parametrize("name", EXAMPLES)
def test_an_example_leaves_no_doubt_and_serves_its_users(tmp_path: Path, name: str) -> None:
    path = write(tmp_path, scenario(EXAMPLES[name]))
    assert doubts_about_scenario(path) == []
    run = twin.run(twin.load(path))
    query = (
        "select sum(offered_per_s) as came, sum(goodput_per_s) as good from samples where service = 'users'"
    )
    (total,) = run.sql(query).to_pylist()
    assert total["came"] > 0 and total["good"] > 0.9 * total["came"]


def test_the_faults_of_the_page(tmp_path: Path) -> None:
    (faults,) = re.findall(r"(?ms)^```yaml faults\n(.*?)^```$", TEXT)
    web = "web:\n  kind: queueing\n  parameters: {servers_count: 4, work_s: 50ms, slow_s: 1s}\n"
    web += "  dependencies:\n"
    edges = "    - {on: db, mode: hard}\n    - {on: cache, mode: soft}\n"
    path = write(tmp_path, scenario(web + edges).replace("2m", "20m", 1) + faults)
    assert doubts_about_scenario(path) == []
    scenario_ = twin.load(path)
    assert [x.id for x in scenario_.interventions] == ["flap", "blips", "leak", "more"]


def test_every_mode_and_every_signal_of_an_alarm_is_on_the_page() -> None:
    assert set(MODES) <= set(EXAMPLES)
    assert [signal for signal in WATCHED if f"`{signal}`" not in TEXT] == []


def test_the_table_of_clients_is_fresh() -> None:
    (shown,) = re.findall(r"(?ms)^<!-- sdk table -->\n(.*?)^<!-- end -->$", TEXT)
    header, _, *rows = shown.splitlines()
    numbers = [cell.strip().strip("`") for cell in header.strip("|").split("|")][2:]
    due = []
    for name, client in SDK_DEFAULTS.items():
        cells = [f"`{name}`", client.about, *(str(client.numbers.get(number, "")) for number in numbers)]
        due.append("| " + " | ".join(cells) + " |")
    assert rows == due, "\n".join(due)
    assert {number for client in SDK_DEFAULTS.values() for number in client.numbers} == set(numbers)
