"""A small registry of kinds, and files to load with it."""

from collections.abc import Callable
from pathlib import Path
from types import SimpleNamespace

import pytest

from twin.model.parameter import Param
from twin.spec import SpecError

KINDS = {
    "queueing": SimpleNamespace(
        PARAMETERS=(
            Param("capacity_per_s", 100.0, "1/s", 0.0, 1e6, "calls served a second", "PES"),
            Param("servers_count", 1, "count", 1, 10_000, "servers", "PES"),
            Param("service_s", 0.1, "s", 0.001, 3600.0, "time of a call", "PES"),
            Param("throttle_ratio", 1.0, "ratio", 0.0, 1.0, "share let in", "PES"),
            Param("order", "fifo", "choice", 0, 1, "who is served first", "PES", choices=("fifo", "lifo")),
            Param("drop_late", False, "switch", 0, 1, "drop calls past their deadline", "PES"),
        )
    ),
    "relay": SimpleNamespace(PARAMETERS=()),
}

TOPOLOGY = """\
topology: small
signal_period: 10s
"""
SERVICES = """\
services:
  web:
    kind: queueing
    title: The web
    domain: front
    parameters:
      capacity_per_s: {value: 120/min, assumed: for the test, range: [60/min, 10/s]}
      order: {value: lifo, assumed: for the test}
    dependencies:
      - on: db
        for: rows
        mode: hard
        timeout_s: {value: 1m30s, source: SDK}
        share: {value: 50%, assumed: for the test, range: [0.1, 1]}
        evidence: {source: PES, confidence: published}
  db:
    kind: queueing
    visible: false
"""
SCENARIO = """\
scenario: small
title: A small one
question: Does it load?
topology: topology
published: published.csv
start: 2025-10-19T22:00:00-07:00
duration: 1h30m
seed: 7
parameters:
  web.service_s: {value: 200ms, fitted_to: [db-impaired], range: [100ms, 1s]}
  web->db.retries: {value: 2, source: SDK}
faults:
  - id: slow
    title: db gets slow
    at: 2025-10-20T05:15:00Z
    until: +30m
    set: {db.capacity_per_s: 3/h}
    source: PES
actions:
  - id: throttle
    when: {signal: db.error_ratio, above: 5%, for: 5m}
    after: 10m
    over: 20m
    set: {web.throttle_ratio: 10%, web->db.timeout_s: 1s}
    assumed: for the test
expect:
  - {subject: db, signal: backlog_s, above: 1m, is: never, after: +1h}
"""
PUBLISHED = """\
id,subject,what,signal,direction,level,published,source
db-impaired,db,"rows, all of them, fail",error_ratio,rising,0.05,2025-10-19T22:16:00-07:00,PES
"""
MUST_NOT = """\
id,subject,signal,direction,level,from,to,source
quiet,web,latency_ratio,rising,3,2025-10-19T22:00:00-07:00,2025-10-19T22:05:00-07:00,PES
"""


class Files:
    """A folder with a good scenario, to be spoilt. ``problems(load, …)``: what is said, without folder."""

    def __init__(self, folder: Path) -> None:
        self.folder = folder
        self.scenario = self.write("scenario.yaml", SCENARIO)
        self.topology = self.write("topology/topology.yaml", TOPOLOGY).parent
        self.write("topology/services.yaml", SERVICES)
        self.write("published.csv", PUBLISHED)
        self.write("published-must-not.csv", MUST_NOT)

    def write(self, name: str, content: str | bytes) -> Path:
        path = self.folder / name
        path.parent.mkdir(exist_ok=True, parents=True)
        path.write_bytes(content.encode() if isinstance(content, str) else content)
        return path

    def spoil(self, name: str, old: str, new: str) -> None:
        text = (self.folder / name).read_text()
        assert text.count(old) == 1, f"{old!r} is in {name} {text.count(old)} times"
        self.write(name, text.replace(old, new))

    def spoil_marked(self, name: str, old: str, new: str, expected: str) -> str:
        """Spoil; ``expected`` with the place of the mark ¦ in ``new`` before it, if there is one."""
        self.spoil(name, old, new)
        text = (self.folder / name).read_text()
        if "¦" not in text:
            return expected
        before = text[: text.index("¦")]
        line, column = before.count("\n") + 1, len(before) - before.rfind("\n")
        self.spoil(name, "¦", "")
        return f"{name}:{line}:{column}: {expected}"

    def problems(self, load: Callable, *arguments: object, **options: object) -> list[str]:
        with pytest.raises(SpecError) as caught:
            load(*arguments, **options)
        return [str(problem).replace(f"{self.folder}/", "") for problem in caught.value.problems]


@pytest.fixture
def files(tmp_path: Path) -> Files:
    return Files(tmp_path)
