"""What each program of a peer does: read what is asked, time it, and say the answer and the time as JSON."""

import json
import sys
import time
from collections.abc import Callable
from typing import Any


def told(answer: Callable[[dict[str, Any]], dict[str, Any]], library: Any = None) -> None:
    """``seconds``: processor time of the answer alone, imports left out. A program that sets up first gives
    its own, under the same key."""
    asked = json.loads(sys.argv[1])
    began = time.process_time()
    found = answer(asked)
    spent = time.process_time() - began
    version = getattr(library, "__version__", "")
    sys.stdout.write(json.dumps({"seconds": spent, "version": version, **found}))
