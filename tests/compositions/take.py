"""Instances of the event simulation's own format become compact files in expected/.

python -m tests.compositions.take C01-a.json ...
"""

from __future__ import annotations

from pathlib import Path

import click

from .instance import EXPECTED, compact, read_instance


@click.command(help=__doc__)
@click.argument(
    "files", nargs=-1, required=True, type=click.Path(exists=True, dir_okay=False, path_type=Path)
)
def main(files: tuple[Path, ...]) -> None:
    for path in files:
        instance = read_instance(path)
        (EXPECTED / f"{instance.id}.json").write_text(compact(instance), encoding="utf-8")


if __name__ == "__main__":
    main()
