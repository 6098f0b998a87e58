"""A scenario in which two things break, and mitigations of which one knows what they do.

Every break costs its site about ten minutes. ``mend-a`` and ``mend-b`` each take one of them away; ``both``
takes both and is dear; ``decoy-…`` do nothing; ``against-a`` contradicts what takes the first away.
"""

from __future__ import annotations

from pathlib import Path

import pytest

import twin
from twin.model.scenario import Scenario

SCENARIO = """\
scenario: two-breaks
title: Two stores break, one after the other
question: What does each of them cost?
start: 2025-10-19T22:00:00-07:00
duration: 40m
seed: 7
requests: counted
services:
  store-a: {kind: relay, title: The first store}
  store-b: {kind: relay, title: The second store}
  site-a: {kind: relay, title: The first site, dependencies: [{on: store-a, for: rows, mode: hard}]}
  site-b: {kind: relay, title: The second site, dependencies: [{on: store-b, for: rows, mode: hard}]}
  people:
    kind: workload
    visible: false
    dependencies: [{on: site-a, for: pages, mode: hard}, {on: site-b, for: pages, mode: hard}]
faults:
  - {id: a-breaks, title: one, at: +5m, for: 10m, set: {store-a.fault_ratio: 50%}, assumed: a test}
  - {id: b-breaks, title: two, at: +20m, for: 10m, set: {store-b.fault_ratio: 50%}, assumed: a test}
"""

MITIGATION = """\
mitigation: {name}
title: {name}
does: what its name says
proposed_by: a test
assumed: a test
cost: {{class: {class_}, reason: a test}}
{change}
"""

FILES = {
    "mend-a": ("setting", "drop: [a-breaks]"),
    "mend-b": ("procedure", "drop: [b-breaks]"),
    "both": ("architecture", "drop: [a-breaks, b-breaks]"),
    "decoy-1": ("setting", "set: {people->site-a.timeout_s: 3s}"),
    "decoy-2": ("setting", "set: {people->site-b.timeout_s: 3s}"),
    "decoy-3": ("code", "set: {site-a->store-a.timeout_s: 3s}"),
    "against-a": ("setting", "move: {a-breaks: +6m}"),
}


@pytest.fixture(scope="session")
def base(tmp_path_factory: pytest.TempPathFactory) -> Scenario:
    path = tmp_path_factory.mktemp("two") / "two-breaks.yaml"
    path.write_text(SCENARIO)
    return twin.load(path)


def write(folder: Path, files: dict[str, tuple[str, str]]) -> Path:
    """Mitigations as files."""
    folder.mkdir(exist_ok=True)
    for name, (class_, change) in files.items():
        (folder / f"{name}.yaml").write_text(MITIGATION.format(name=name, class_=class_, change=change))
    return folder


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    return write(tmp_path / "mitigations", FILES)
