"""The one loop that steps a run: pure, compiled, no input or output, no Ray, no clock.

Which kinds exist is known only at run time, so the loop that calls their steps is written from the registry
and compiled once. Numba caches it on disk, but does not notice a change in another file. So the folder of the
compiled loop, the *kernel*, is named after a hash of the package's sources: a stale kernel cannot be loaded.
The kernels of the last few versions stay, so that two checkouts do not delete each other's.
"""

from __future__ import annotations

import hashlib
import importlib.util
import os
import re
import shutil
import sys
import tempfile
from collections.abc import Callable
from contextlib import suppress
from functools import cache
from pathlib import Path
from types import ModuleType

import numba
import numpy as np

from twin.base.places import PACKAGE
from twin.kinds import about, registry

KERNELS_KEPT = 3
OF_CALLS, OF_EVENTS = range(2)  # which arrays
GROW = -2  # what the loop returns where arrays have to grow before it goes on
IN_USE_S = 3600.0  # a kernel that was used in the last hour before another was compiled may still be in use

HEAD = '''"""Written by twin.simulation.loop from the registry of kinds. Do not edit."""
from twin.base.jit import borrowed, by_reference, njit
from twin.mechanisms.alarms import any_fired
from twin.mechanisms.arrays import (
    BLOCK, DEBUG, EVENTS_A_BLOCK, N_EVENTS, N_SAMPLES, PERIOD, SAMPLE_TICKS, SPARE_EVENTS,
)
from twin.mechanisms.blocks import block_end, close_block, open_block, rest
from twin.mechanisms.books import settle
from twin.mechanisms.contract import CONSERVATION, INVARIANT, broken_clause
from twin.mechanisms.detection import close_period, publish_all, publish_near
from twin.mechanisms.requests.books import conserves_calls
from twin.mechanisms.requests.engine import run_requests
from twin.mechanisms.requests.records import COUNTED, IS_ON, N_BOOKS
from twin.mechanisms.requests.report import write_books
'''

LOOP = '''
@njit(cache=True)
def advance(state, t0, t1, {arrays}):
    """Step the services of ``mine`` from tick t0 to t1. Stop early, after a period, if a condition has fired
    or a buffer is half full. Returns (the tick reached, the service that broke a clause of its contract or
    -1, the clause); only a run with debug looks for one. {grow} in place of the service: arrays must grow,
    in place of the clause: those of calls, or that of events."""
    w = by_reference(state)
{views}
    debug = w.clock[DEBUG] != 0
    room = EVENTS_A_BLOCK * len(w.mine) + SPARE_EVENTS
    t = t0
    while t < t1:
        if w.clock[N_EVENTS] + room > len(w.events):
            return t, {grow}, {of_events}
        w.clock[BLOCK], end = t, block_end(t, t1, w)
        boundary = end % w.clock[PERIOD] == 0
        if w.counters[IS_ON] != 0:
            for n in range(len(w.mine)):
                i = w.mine[n]
                panel = w.svc[i]
                k = panel.kind
                if w.stations[i].role != COUNTED:
{configured}
            if not run_requests(t, w):
                return t, {grow}, {of_calls}
        # First the services without a near dependency, each to the end of the block; then the others, tick by
        # tick, as they hear of each other.
        for lap in range(1 + (end - t) * (len(w.near) > 0)):
            first, after = (t, end) if lap == 0 else (t + lap - 1, t + lap)
            for n in range(len(w.mine) if lap == 0 else len(w.close)):
                i = w.mine[n] if lap == 0 else w.close[n]
                panel = w.svc[i]
                if lap == 0 and panel.is_near != 0:
                    continue
                if first == t:
                    open_block(t, end, w, i)
                a, b = panel.cell, panel.cell + panel.cells
                k = panel.kind
                tick = first
                while tick < after:
                    panel.called = panel.settled = 0
                    panel.most_at_rest = -1
{branches}
                    settle(tick, w, i)
                    if debug:
                        clause = broken_clause(w, i)
                        if clause != 0:
                            return tick, i, clause
                    panel.p_offered += panel.offered
                    panel.p_good += panel.good
                    panel.p_failed += panel.failed
                    panel.p_latency += panel.latency_s
                    tick += 1 + rest(tick + 1, after, w, i)
                if after == end:
                    close_block(end, w, i)
                    if boundary:
                        close_period(end - 1, w, i)
            if lap > 0 and (after < end or not boundary):
                publish_near(after - 1, w)
        t = end
        if boundary:
            publish_all(t - 1, w)
        if w.counters[IS_ON] != 0 and t % w.clock[SAMPLE_TICKS] == 0:
            write_books(t - 1, w)
        if boundary:
            if debug:
                for n in range(len(w.mine)):
                    i = w.mine[n]
                    panel = w.svc[i]
                    a, b = panel.cell, panel.cell + panel.cells
                    k = panel.kind
                    sound = True
{checks}
                    if not sound:
                        return t, i, INVARIANT
                    if w.stations[i].role != COUNTED and not conserves_calls(w, i):
                        return t, i, CONSERVATION
            if any_fired(t, w):
                break
            if w.clock[N_SAMPLES] + len(w.mine) > len(w.samples):
                break
            if 2 * w.clock[N_EVENTS] > len(w.events):
                break
            if w.counters[N_BOOKS] + len(w.edge) > len(w.books):
                break
    return t, -1, 0
'''


@cache
def kernel_hash() -> str:
    """Hash of what the compiled loop is made of: kinds, mechanisms, thresholds, random numbers, Numba."""
    digest = hashlib.sha256(f"{numba.__version__} {np.__version__} {sys.version_info[:2]}".encode())
    files = [p for name in ("kinds", "mechanisms") for p in (PACKAGE / name).rglob("*.py")]
    files += [PACKAGE / "base" / name for name in ("rng.py", "thresholds.py", "jit.py", "event_ids.py")]
    files += [PACKAGE / "model" / name for name in ("parameter.py", "dependency_parameters.py")]
    files += [PACKAGE / "simulation/loop.py"]
    for path in sorted(files):
        digest.update(path.relative_to(PACKAGE).as_posix().encode() + b"\0" + path.read_bytes() + b"\0")
    return digest.hexdigest()[:16]


def driver_source() -> str:
    """The text of the loop, with one branch a kind."""
    names = list(registry())
    imports = "".join(f"from twin.kinds import {n} as kind_{n}\nstep_{n} = kind_{n}.step\n" for n in names)
    imports += "".join(f"check_{n} = kind_{n}.check\n" for n in names)
    one_by_one = [n for n in names if about(n).one_by_one]
    imports += "".join(f"configure_{n} = kind_{n}.configure\n" for n in one_by_one)
    call = "{p}if k == {k}:\n{p}    {f}_{n}(tick, w, i, p_{n}[panel.slot], s_{n}[panel.slot], w.cells[a:b])"
    steps = "\n".join(call.format(p=" " * 20, k=k, n=n, f="step") for k, n in enumerate(names))
    checks = "\n".join(
        " " * 20
        + f"if k == {k}:\n"
        + " " * 24
        + f"sound = sound and check_{n}(p_{n}[panel.slot], s_{n}[panel.slot], w.cells[a:b])"
        for k, n in enumerate(names)
    )
    configured = "\n".join(
        f"{' ' * 20}if k == {k}:\n{' ' * 24}configure_{n}(w, i, p_{n}[panel.slot], w.stations[i])"
        for k, n in enumerate(names)
        if n in one_by_one
    )
    arrays = ", ".join(f"p_{n}, s_{n}" for n in names)
    views = "\n".join(f"    p_{n}, s_{n} = borrowed(p_{n}), borrowed(s_{n})" for n in names)
    names_of = {"grow": GROW, "of_calls": OF_CALLS, "of_events": OF_EVENTS, "arrays": arrays, "views": views}
    return HEAD + imports + LOOP.format(branches=steps, checks=checks, configured=configured, **names_of)


def cache_folder() -> Path:
    """Where compiled kernels are kept: TWIN_CACHE_DIR, else the user's cache folder."""
    base = os.environ.get("TWIN_CACHE_DIR") or os.environ.get("XDG_CACHE_HOME")
    return Path(base or Path.home() / ".cache") / "us-east-1-cascade-twin"


def is_compiled() -> bool:
    """Whether the loop for these sources has been compiled on this machine before."""
    return any((cache_folder() / kernel_hash()).rglob("*.nbc"))


@cache
def driver() -> Callable:
    """The compiled loop ``advance(world, t0, t1, *arrays)`` for this version of the kinds."""
    folder = cache_folder() / kernel_hash()
    path = folder / "twin_driver.py"
    with suppress(OSError):  # not there yet, or the folder is somebody else's
        os.utime(folder)
    if not path.exists():
        folder.mkdir(parents=True, exist_ok=True)
        with tempfile.NamedTemporaryFile("w", dir=folder, delete=False, suffix=".tmp") as handle:
            handle.write(driver_source())
        os.replace(handle.name, path)
        delete_old_kernels(folder)
    return _load(path).advance


def delete_old_kernels(newest: Path) -> None:
    """Delete all but the last kernels that were used, ``newest`` among them.

    Time is measured by the folders' own times of last use. A process that still reads a kernel while it is
    deleted compiles its own.
    """
    with suppress(OSError):  # another process does the same
        siblings = [p for p in newest.parent.iterdir() if re.fullmatch("[0-9a-f]{16}", p.name)]
        last_used_s = {p: p.stat().st_mtime for p in siblings}
        for old in sorted(siblings, key=last_used_s.__getitem__, reverse=True)[KERNELS_KEPT:]:
            if last_used_s[newest] - last_used_s[old] > IN_USE_S:
                shutil.rmtree(old, ignore_errors=True)


def _load(path: Path) -> ModuleType:
    spec = importlib.util.spec_from_file_location(f"twin_driver_{kernel_hash()}", path)
    assert spec is not None and spec.loader is not None
    module = importlib.util.module_from_spec(spec)
    sys.modules[spec.name] = module
    spec.loader.exec_module(module)
    return module
