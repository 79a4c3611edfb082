"""`optathlon run`: measure what is not recorded yet."""

from __future__ import annotations

from typing import TYPE_CHECKING, Annotated

import typer

from optathlon.cli.common import (
    RESULTS,
    Ended,
    Machine,
    MethodNames,
    Results,
    UsageError,
    WorkloadNames,
    choose,
    load_suites,
    suite_names,
)
from optathlon.spec import Scale

if TYPE_CHECKING:
    pass


_UNITS = {"": 2**20, "b": 1, "k": 2**10, "m": 2**20, "g": 2**30, "kb": 10**3, "mb": 10**6, "gb": 10**9}
_UNITS |= {"kib": 2**10, "mib": 2**20, "gib": 2**30}


def _bytes(text: str) -> int:
    """Read ``"4GiB"``, ``"512MB"`` or a number of MiB."""
    digits = text.strip().rstrip("abcdefghijklmnopqrstuvwxyzABCDEFGHIJKLMNOPQRSTUVWXYZ")
    unit = text.strip()[len(digits) :].lower()
    try:
        amount = float(digits) * _UNITS[unit]
    except (KeyError, ValueError):
        raise UsageError(f"--memory must be a size such as 512MiB or 4GiB (a bare number is MiB), got {text!r}") from None
    if not 2**20 <= amount <= 2**50:
        raise UsageError(f"--memory must be from 1MiB to 1PiB, got {text!r}")
    return int(amount)


def run(
    names: Annotated[list[str], typer.Argument(help="Suites, globs accepted ('*' for all).", autocompletion=suite_names)],
    scale: Annotated[Scale, typer.Option(help="Which workloads.")] = Scale.SMALL,
    workload: WorkloadNames = None,
    method: MethodNames = None,
    device: Annotated[str, typer.Option(help="cpu or cuda.")] = "cpu",
    seeds: Annotated[
        int | None, typer.Option(min=1, help="Instances per workload; each workload's own number by default.")
    ] = None,
    jobs: Annotated[int, typer.Option(min=1, help="Cells at a time; seconds are only comparable at 1.")] = 1,
    timeout: Annotated[float | None, typer.Option(help="Seconds per cell instead of the workload's budget.")] = None,
    memory: Annotated[str | None, typer.Option(help="Memory per cell, such as 4GiB; a bare number is MiB.")] = None,
    results: Results = RESULTS,
    machine: Machine = None,
    arithmetic: Annotated[
        str | None,
        typer.Option(
            help="native: each library's own kernels; portable: AVX2 in all, the same bits on any x86-64. By default as it is."
        ),
    ] = None,
    force: Annotated[bool, typer.Option("--force", help="Measure again what is already recorded.")] = False,
) -> None:
    """Run suites and record every cell; what is recorded under the same code, data, versions and machine is not run again.

    Exit code 0 when all cells ended ok, 2 when one did not, 1 for a usage error.
    """
    from optathlon.cli.execute import execute
    from optathlon.cli.pinned import restart_under
    from optathlon.measure import plan_jobs

    if arithmetic is not None:
        restart_under(arithmetic)
    if device not in ("cpu", "cuda"):
        raise UsageError(f"--device must be cpu or cuda, got {device!r}")
    if timeout is not None and not 0 < timeout < float("inf"):
        raise UsageError(f"--timeout must be a positive number of seconds, got {timeout}")
    limit = None if memory is None else _bytes(memory)
    suites = load_suites(names)
    chosen = {"workloads": workload or ("*",), "methods": method or ("*",), "device": device, "machine": machine}
    limits = {"seeds": seeds, "timeout": timeout, "memory": limit}
    plan = [cell for suite in suites for cell in plan_jobs(suite, scale, **chosen, **limits)]
    workloads = [entry.name for suite in suites for entry in suite.workloads if entry.scale is scale]
    choose(workload or (), workloads, f"workload at scale {scale}")
    choose(method or (), [entry.name for suite in suites for entry in suite.methods], "method")
    if not plan:
        raise UsageError(f"no cell to run: no method chosen runs on {device} on a workload of scale {scale}")
    try:
        failed = execute(plan, results, parallel=jobs, force=force)
    except KeyboardInterrupt:
        typer.echo("stopped; finished cells are recorded, and the same command goes on from there", err=True)
        raise Ended(130) from None
    if failed:
        raise Ended(2)
