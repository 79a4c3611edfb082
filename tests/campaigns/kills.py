"""Runs that are killed: at random, and at the system calls that write; what was recorded stays, and the next run goes on."""

from __future__ import annotations

import os
import random
import shutil
import signal
import subprocess
import sys
import tempfile
import time
from collections.abc import Callable, Iterator
from contextlib import suppress
from functools import partial
from pathlib import Path

import campaign

from optathlon import store
from optathlon.cli.execute import execute
from optathlon.measure import Job, plan_cell
from optathlon.spec import Method, Metric, Scale, Suite, Workload

CELLS = 12
SIGNALS = (signal.SIGKILL, signal.SIGTERM, signal.SIGHUP, signal.SIGINT)
CALLS = ("rename", "openat", "write", "flock", "mkdir", "close")


def run(problem: float, context: object) -> float:
    """Work a little, with a child and a daemon beside."""
    subprocess.Popen(["sleep", "61"], start_new_session=True)
    if os.fork() == 0:
        if os.fork() == 0:
            os.setsid()
            time.sleep(61)
        os._exit(0)
    time.sleep(0.01)
    return problem


SUITE = Suite(
    name="killed",
    version="1",
    title="",
    source="",
    workloads=(Workload(name="w", make=lambda rng, device: float(rng.random()), scale=Scale.SMOKE),),
    methods=(Method(name="m", run=run),),
    metrics=(Metric(name="value", unit="1", better="lower", evaluate=lambda problem, answer: float(answer)),),
    reference_method="m",
)


def measure(results: Path) -> None:
    """Run what is missing, as the command line does."""
    workload, method = SUITE.workloads[0], SUITE.methods[0]
    cell = plan_cell(SUITE, workload, method, machine="here")
    execute([[Job(SUITE, workload, method, cell, s, 20.0, 2**28) for s in range(CELLS)]], results, parallel=2, force=False)


def _in_a_fork(act: Callable[[], None]) -> int:
    pid = os.fork()
    if pid == 0:
        os.dup2(os.open(os.devnull, os.O_WRONLY), 2)
        with suppress(BaseException):
            act()
            os._exit(0)
        os._exit(1)
    return pid


def recorded(results: Path) -> dict[int, tuple[str, ...]]:
    """Return when and how each seed ended; a refused file is a failure."""
    groups = list(store.scan(results))
    for group in groups:
        assert not isinstance(group, store.RecordError), group
    return {
        run["seed"]: (run["finished"], run["status"], run.get("reason", ""))
        for group in groups
        for run in group.runs  # type: ignore[union-attr]
    }


def _require_a_whole(results: Path, before: dict[int, tuple[str, ...]]) -> None:
    """Let a second run finish: it keeps what there was, and leaves no half-written file."""
    _, status = os.waitpid(_in_a_fork(partial(measure, results)), 0)
    assert status == 0
    after = recorded(results)
    assert set(after) == set(range(CELLS))
    again = {seed: (before[seed], after[seed]) for seed in before if before[seed] != after[seed]}
    assert not again, again
    assert not list((results / "records").rglob(".*"))


def kill_at_random(rng: random.Random) -> None:
    """Kill a run after a random while, with a random signal, and go on."""
    with tempfile.TemporaryDirectory() as folder:
        results = Path(folder)
        pid = _in_a_fork(partial(measure, results))
        time.sleep(rng.uniform(0.0, 0.5))
        with suppress(ProcessLookupError):
            os.kill(pid, rng.choice(SIGNALS))
        os.waitpid(pid, 0)
        campaign.require_nothing_left()
        _require_a_whole(results, recorded(results))


def kill_at_call(call: str, number: int) -> None:
    """Kill a run at the entry of its n-th system call of a kind, and go on."""
    with tempfile.TemporaryDirectory() as folder:
        results = Path(folder)
        trace = ["strace", "-qq", "-o", os.devnull, "-e", f"trace={call}", "-e", f"inject={call}:signal=SIGKILL:when={number}"]
        program = (
            f"import sys; sys.path.insert(0, {str(Path(__file__).parent)!r}); import kills; kills.measure(kills.Path({folder!r}))"
        )
        subprocess.run([*trace, sys.executable, "-c", program], check=False, capture_output=True, timeout=120)
        campaign.require_nothing_left()
        _require_a_whole(results, recorded(results))


def trials(count: int, seed: int) -> Iterator[campaign.Trial]:
    """Yield `count` kills at random, and three for each twenty at system calls."""
    rng = random.Random(seed)
    for number in range(count):
        yield f"random {number}", partial(kill_at_random, rng)
    if shutil.which("strace"):
        for number in range(3 * count // 20):
            call = CALLS[number % len(CALLS)]
            last = {"openat": 1500, "write": 60, "close": 1500}.get(call, 12)
            yield f"{call} {number}", partial(kill_at_call, call, rng.randrange(1, last))


if __name__ == "__main__":
    import kills  # so that the suite is the same in every process: its module's name is in the key

    campaign.main("kills", kills.trials, default=200)
