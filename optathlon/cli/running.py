"""`optathlon run`: measure what is not recorded yet."""

from __future__ import annotations

import contextlib
from collections.abc import Iterator, Sequence
from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

from optathlon.cli.common import (
    RESULTS,
    SUITE_PATHS,
    Ended,
    Machine,
    MethodNames,
    Results,
    UsageError,
    WorkloadNames,
    choose,
    cluster_room,
    load_suites,
    registry,
    suite_names,
)
from optathlon.spec import Scale

if TYPE_CHECKING:
    from optathlon.cluster.driver import Cluster
    from optathlon.spec import Suite


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
    timeout: Annotated[float | None, typer.Option(help="Seconds for a method, instead of the workload's budget.")] = None,
    memory: Annotated[str | None, typer.Option(help="Memory per cell, such as 4GiB; a bare number is MiB.")] = None,
    results: Results = RESULTS,
    machine: Machine = None,
    arithmetic: Annotated[
        str | None,
        typer.Option(
            help="native: each library's own kernels; portable: AVX2 in all, the same bits but for MKL's. By default as it is."
        ),
    ] = None,
    force: Annotated[bool, typer.Option("--force", help="Measure again what is already recorded.")] = False,
    on: Annotated[
        str | None, typer.Option("--on", help="Workers elsewhere: a scheduler tcp://HOST:PORT, slurm, or local.")
    ] = None,
    workers: Annotated[int, typer.Option(min=1, help="Workers to start, with --on slurm or local.")] = 2,
    sbatch: Annotated[
        Path | None, typer.Option(help="A script whose #SBATCH lines and commands begin each worker's job.", exists=True)
    ] = None,
) -> None:
    """Run suites and record every cell; what is recorded under the same code, data, versions and machine is not run again.

    With --on, --machine names the class of machine to use where the workers are of several.

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
        if on is None:
            failed = execute(plan, results, parallel=jobs, force=force)
        else:
            where = {"device": device, "machine": machine, "results": results, "reuse": not force}
            with _cluster(on, workers, sbatch, suites, where) as cluster:
                planned = cluster.plan(plan)
                failed = execute(planned, results, parallel=0, force=force, run=cluster.run_jobs, doing=cluster.doing)
    except KeyboardInterrupt:
        typer.echo("stopped; finished cells are recorded, and the same command goes on from there", err=True)
        raise Ended(130) from None
    if failed:
        raise Ended(2)


@contextlib.contextmanager
def _cluster(on: str, workers: int, sbatch: Path | None, suites: Sequence[Suite], where: dict[str, object]) -> Iterator[Cluster]:
    """Yield the workers that were asked for, started where that is this command's business, and ended with it."""
    if on not in ("local", "slurm") and "://" not in on:
        raise UsageError(f"--on must be local, slurm or the address of a scheduler (tcp://HOST:PORT), got {on!r}")
    from optathlon.store.spool import take_in

    driver, places = cluster_room("driver"), cluster_room("places")
    paths, results = [str(path) for path in SUITE_PATHS], Path(str(where["results"])).absolute()
    gpu, machine = where["device"] == "cuda", where["machine"] if on == "local" else None
    expect, wait = (1, 5.0) if "://" in on else (workers, 60.0)
    try:
        with places.place(on, workers=workers, sbatch=sbatch, gpu=gpu, machine=machine, paths=paths) as address:
            cluster = driver.Cluster(address, registry(), [s.name for s in suites], **where, expect=expect, wait=wait)
            try:
                yield cluster
            finally:
                cluster.close()
                take_in(results)  # what had finished in cells that were stopped
    except driver.ClusterError as error:
        raise UsageError(str(error)) from None
