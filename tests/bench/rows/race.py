"""The DNS race: every interleaving, with and without the fix (compare and swap).

The explorer, Spin on a Promela model of our own (``models/race.pml``) and plain Python have to agree whether
a name can become empty, and how many states there are if Enactors are not interchangeable.
"""

from __future__ import annotations

import re
import resource
import shutil
import subprocess
from pathlib import Path
from statistics import median

from tests.bench.environments import Absent, ask, folder
from tests.bench.measure import Bench, Target, expect
from twin.analysis.dns_race.explore import Exploration, explore, make_ready
from twin.mechanisms.dns_state import config

MODEL = Path(__file__).parents[1] / "models" / "race.pml"
SIZE = {"enactors": 3, "endpoints": 2, "plans": 4}
SMALL = {"enactors": 2, "endpoints": 2, "plans": 3}
KEEP = 2
STATES = {False: 118_245, True: 11_684}  # an independent search found these
LARGE, LARGE_STATES = {"enactors": 3, "endpoints": 3, "plans": 6}, 1_300_272
RATE, LARGE_S = Target(least=2e6), Target(most=0.5)


def found_by(size: dict[str, int], fix: bool, symmetry: bool) -> Exploration:
    return explore(config(**size, keep_last=KEEP, guards=("cas",) if fix else ()), symmetry=symmetry)


def check(who: str, states: int, fix: bool, is_empty: bool) -> None:
    """Raises WrongAnswer."""
    expect(is_empty is not fix, f"{who}: an empty name is {'' if is_empty else 'not '}found, {fix=}")
    expect(states == STATES[fix], f"{who}: {states} states, expected {STATES[fix]}, {fix=}")


def measure(bench: Bench) -> None:
    make_ready()
    for fix in (False, True):
        size = SMALL if bench.is_small else SIZE
        work = f"race (3, 2, 4), {'with' if fix else 'without'} the fix"

        def right(all_of: list[Exploration], fix: bool = fix) -> None:
            for found in all_of:
                check("explorer", found.states, fix, found.shortest is not None)

        ours_s = bench.seconds(lambda n, fix=fix, size=size: found_by(size, fix, symmetry=False), right)
        bench.add(work, "twin, explorer", ours_s)
        python(bench, work, fix, size)
        if bench.has_peers and not bench.is_small:
            spin(bench, work, fix)
    if not bench.is_small:
        large(bench)


def large(bench: Bench) -> None:
    def right(all_of: list[Exploration]) -> None:
        states = {found.states for found in all_of}
        expect(states == {LARGE_STATES}, f"(3, 3, 6): {states} states, expected {LARGE_STATES}")

    seconds = bench.seconds(lambda n: found_by(LARGE, False, symmetry=True), right)
    work = "race (3, 3, 6), Enactors alike"
    bench.add(work, "twin, explorer", seconds, target=LARGE_S)
    bench.add(work, "twin, explorer, states", LARGE_STATES / seconds, "/s", RATE)


def python(bench: Bench, work: str, fix: bool, size: dict[str, int]) -> None:
    told = [ask("", "race_plain.py", **size, keep=KEEP, cas=fix) for _ in range(bench.repeats)]
    for one in () if bench.is_small else told:
        check("plain Python", one.answer["states"], fix, one.answer["shortest"] is not None)
    bench.add(work, "plain Python", median(one.seconds for one in told))


def spin(bench: Bench, work: str, fix: bool) -> None:
    try:
        verifier = built(fix)
    except Absent as absent:
        bench.add(work, "Spin", None, note=str(absent))
        return
    spent = [verified(verifier, fix) for _ in range(bench.repeats)]
    bench.add(work, "Spin, without its compilation", median(spent))


def built(fix: bool) -> Path:
    """The verifier that Spin writes for the model, compiled. Raises Absent."""
    for command in ("spin", "gcc"):
        if shutil.which(command) is None:
            raise Absent(f"{command} is not here (on Debian: apt-get install {command})")
    there = folder() / f"spin-{'cas' if fix else 'none'}"
    there.mkdir(parents=True, exist_ok=True)
    numbers = {"PLANS": SIZE["plans"], "KEEP": KEEP, "CAS": int(fix)}
    defined = [f"-D{name}={value}" for name, value in numbers.items()]
    shutil.copy(MODEL, there)
    for line in (["spin", "-o2", *defined, "-a", MODEL.name],
                 ["gcc", "-O2", "-DSAFETY", "-DNOREDUCE", "-o", "pan", "pan.c"]):  # fmt: skip
        subprocess.run(line, cwd=there, check=True, capture_output=True, timeout=300)
    return there / "pan"


def verified(verifier: Path, fix: bool) -> float:
    """Processor time of one search through all states; its verdict is checked. Raises WrongAnswer."""
    before = resource.getrusage(resource.RUSAGE_CHILDREN).ru_utime
    done = subprocess.run(
        [str(verifier), "-c0", "-m1000000"], cwd=verifier.parent, capture_output=True, text=True, timeout=600
    )
    errors = int(re.search(r"errors: (\d+)", done.stdout)[1])  # type: ignore[index]
    states = int(re.search(r"(\d+) states, stored", done.stdout)[1])  # type: ignore[index]
    # One state more: that in which Spin starts its processes.
    check("Spin", states - 1, fix, errors > 0)
    return resource.getrusage(resource.RUSAGE_CHILDREN).ru_utime - before
