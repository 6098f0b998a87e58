"""``python -m twin.spec schemas`` writes the JSON Schemas; ``python -m twin.spec FILE…`` checks scenarios."""

import sys

from twin.spec import SpecError, load_scenario
from twin.spec.schemas import write_schemas


def main(arguments: list[str]) -> int:
    """Exit code: 0, or 2 for bad input."""
    if arguments == ["schemas"]:
        write_schemas()
        return 0
    bad = False
    for name in arguments:
        try:
            load_scenario(name)
        except SpecError as error:
            bad = True
            sys.stderr.write(f"{error}\n")
    return 2 if bad or not arguments else 0


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
