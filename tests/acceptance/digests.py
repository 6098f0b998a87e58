"""Digests of every scenario, for whoever moves code without meaning to change a result.

A digest holds for one build and one CPU family, so none is pinned in a test. Write them before the change,
compare after it, on the same machine:

    python -m tests.acceptance.digests --write before.json
    python -m tests.acceptance.digests --compare before.json      # exits with 1 and names the scenarios
    that differ
"""

from __future__ import annotations

import json
from collections.abc import Iterable
from pathlib import Path

import click

import twin

ROOT = Path(__file__).parents[2]
REPLAY = ROOT / "scenarios/us-east-1-2025-10-20.yaml"


def digests() -> dict[str, str]:
    """Name of a case → digest of its rows."""
    folders = ("scenarios", "scenarios/faults", "scenarios/examples")
    found = digests_of(sorted(p for folder in folders for p in (ROOT / folder).glob("*.yaml")))
    for mitigation in sorted((ROOT / "scenarios/mitigations").glob("*.yaml")):
        changed = twin.load(REPLAY, mitigate=[mitigation.stem], until="+6h")
        found[f"replay with {mitigation.stem}, to +6h"] = twin.run(changed).digest
    for responders in ("modelled", "drawn"):
        found[f"replay, responders {responders}"] = twin.run(twin.load(REPLAY, responders=responders)).digest
    return found


def digests_of(files: Iterable[Path]) -> dict[str, str]:
    """Name of each scenario among these files → digest of its rows."""
    return {p.stem: twin.run(twin.load(p)).digest for p in files if "scenario:" in p.read_text()}


@click.command(help=__doc__)
@click.option("--write", type=click.Path(dir_okay=False, path_type=Path))
@click.option("--compare", type=click.Path(exists=True, dir_okay=False, path_type=Path))
def main(write: Path | None, compare: Path | None) -> None:
    found = digests()
    if write:
        write.write_text(json.dumps(found, indent=1) + "\n")
    if compare:
        before = json.loads(compare.read_text())
        other = sorted(name for name in before.keys() | found.keys() if before.get(name) != found.get(name))
        click.echo(f"{len(found)} digests, {len(other)} differ" + "".join(f"\n  {name}" for name in other))
        raise SystemExit(bool(other))


if __name__ == "__main__":
    main()
