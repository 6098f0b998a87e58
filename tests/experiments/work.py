"""Work for pools. It is in a module that imports little: every worker that is started imports it."""

import os
import signal
from pathlib import Path


class Refused(Exception):
    """Of work that will not be done."""


def die_once(marks: Path, job: int) -> int:
    """A worker that dies the first time that it is given job 3; and each time, job 13."""
    mark = marks / "died"
    if job == 13 or (job == 3 and not mark.exists()):
        mark.touch()
        os.kill(os.getpid(), signal.SIGKILL)
    return job * job


def refuse(shared: object, job: int) -> None:
    raise Refused(f"no {job}")
