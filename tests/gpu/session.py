"""What a quarter of an hour with a GPU is for, in the order of its worth: contract checks, small solves, then larger cells.

Resumable: what is recorded is not run again. Rehearsed without a GPU by ``--device cpu --dry``. Needs no test runner and no
installation: ``PYTHONPATH=. python tests/gpu/session.py`` with torch and the other libraries beside it.
"""

from __future__ import annotations

import argparse
import os
import signal
import subprocess
import sys
import time
from pathlib import Path
from typing import NamedTuple

MAINS = "random full-fifth craig glister grad-match"
HERE = Path(__file__).resolve().parent


class Step(NamedTuple):
    """A command with the share of the time that is left which it may take."""

    title: str
    command: tuple[str, ...]
    share: float


def cells(suite: str, scale: str, workload: str, methods: str, *options: str) -> tuple[str, ...]:
    """Return the command that runs cells."""
    chosen = [part for method in methods.split() for part in ("--method", method)]
    return (sys.executable, "-m", "optathlon", "run", suite, "--scale", scale, "--workload", workload, *chosen, *options)


def steps(device: str, results: Path, dry: bool) -> list[Step]:
    """Return what is to be done; dry, the smallest of each kind."""
    to = ("--device", device, "--results", str(results))
    checks = Step("contract", (sys.executable, str(HERE / "contract.py"), device), 0.25)
    if dry:
        one = ("--seeds", "1", *to)
        return [
            checks,
            Step("coresets", cells("coresets", "smoke", "digits-200", "random craig", *one), 0.5),
            Step("gans", cells("gans", "smoke", "digits-smoke", "adam", *one), 0.5),
            Step("low-bit nets", cells("quantized_training", "smoke", "digits-200", "binary-connect", *one), 1.0),
        ]
    return [
        checks,
        *(
            Step(f"solves under a second, {at}", cells("coresets", "small", "digits", MAINS, *to[2:], "--device", at), 0.15)
            for at in dict.fromkeys((device, "cpu"))
        ),
        Step("coresets, CIFAR-10's subset", cells("coresets", "medium", "cifar10-subset", MAINS, *to), 0.4),
        Step("coresets, MNIST as published", cells("coresets", "paper", "mnist", MAINS, "--seeds", "1", *to), 0.4),
        Step("GANs on MNIST", cells("gans", "medium", "mnist14-gan", "adam extra-adam lookahead-adam", "--seeds", "1", *to), 0.6),
        Step(
            "low-bit nets, CIFAR-10's subset",
            cells("quantized_training", "medium", "vgg11-quarter", "*", "--seeds", "1", *to),
            1.0,
        ),
    ]


def run(step: Step, seconds: float) -> str:
    """Run a step for at most so long, and return how it ended; an interrupted run keeps its finished cells."""
    process = subprocess.Popen(
        step.command, start_new_session=True, preexec_fn=lambda: signal.signal(signal.SIGINT, signal.SIG_DFL)
    )
    try:
        code = process.wait(seconds)
        return "done" if code == 0 else f"ended with exit code {code}"
    except subprocess.TimeoutExpired:
        process.send_signal(signal.SIGINT)
        try:
            process.wait(15)
        except subprocess.TimeoutExpired:
            os.killpg(process.pid, signal.SIGKILL)
            process.wait()
        return f"stopped after {seconds:.0f} s; what had finished is kept"


def main() -> int:
    """Do the steps until the time is over."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--device", choices=("cuda", "cpu"), default="cuda")
    parser.add_argument("--dry", action="store_true", help="the smallest cell of each kind: a rehearsal")
    parser.add_argument("--minutes", type=float, default=9.0)
    parser.add_argument("--results", type=Path, default=Path(os.environ.get("OUT", "results")))
    options = parser.parse_args()
    began = time.monotonic()
    ended = []
    for step in steps(options.device, options.results, options.dry):
        left = 60 * options.minutes - (time.monotonic() - began)
        if left < 5:
            ended.append((step.title, "not begun: the time is over"))
            continue
        print(f"== {step.title}: at most {left * step.share:.0f} of {left:.0f} s", flush=True)
        since = time.monotonic()
        how = run(step, left * step.share)
        ended.append((step.title, f"{how} ({time.monotonic() - since:.0f} s)"))
        print(f"== {step.title}: {ended[-1][1]}", flush=True)
    for title, how in ended:
        print(f"{title:<36} {how}")
    return 0 if all(how.startswith(("done", "stopped", "not begun")) for _, how in ended) else 1


if __name__ == "__main__":
    sys.exit(main())
