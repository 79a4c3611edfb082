"""Where a run's workers are: a scheduler that is there, processes of this machine, or a SLURM array."""

from __future__ import annotations

import contextlib
import os
import shlex
import subprocess
import sys
import tempfile
from collections.abc import Iterator, Sequence
from pathlib import Path

from optathlon.measure.guardian import end_with_parent

_PATIENCE = 30.0  # seconds that a worker waits for its scheduler


@contextlib.contextmanager
def place(on: str, *, workers: int, sbatch: Path | None, gpu: bool, machine: str | None, paths: Sequence[str]) -> Iterator[str]:
    """Yield the address of a scheduler with workers; what was started for it is ended afterwards.

    Parameters
    ----------
    on : str
        ``"local"``, ``"slurm"``, or the address of a scheduler, ``tcp://host:port``.
    workers : int
        How many slots to start, for the first two.
    sbatch : Path, optional
        A file whose ``#SBATCH`` lines and other commands stand at the head of the array's script.
    gpu : bool
        Slots with a GPU each.
    machine : str, optional
        Name of this machine in the records (``"local"`` alone).
    paths : sequence of str
        Files and folders of suites that nobody has packaged.
    """
    if on not in ("local", "slurm"):
        yield on
        return
    with contextlib.ExitStack() as started:
        address = started.enter_context(_scheduler("127.0.0.1" if on == "local" else ""))
        if on == "local":
            started.enter_context(_local(address, workers, gpu, machine, paths))
        else:
            started.enter_context(_array(address, workers, sbatch, gpu, paths))
        yield address


@contextlib.contextmanager
def _scheduler(host: str) -> Iterator[str]:
    command = [sys.executable, "-m", "optathlon.cluster.places", host]
    process = subprocess.Popen(command, stdout=subprocess.PIPE, text=True)
    try:
        assert process.stdout is not None
        address = process.stdout.readline().strip()
        if not address:
            raise OSError("the scheduler did not start")
        yield address
    finally:
        process.kill()
        process.wait()


def _command(address: str, slots: int, gpu: bool, paths: Sequence[str]) -> list[str]:
    suites = [part for path in paths for part in ("--suite", str(Path(path).resolve()))]
    options = ["--slots", str(slots), "--wait", str(_PATIENCE), *(["--gpu"] if gpu else [])]
    return [sys.executable, "-m", "optathlon", *suites, "worker", address, *options]


@contextlib.contextmanager
def _local(address: str, workers: int, gpu: bool, machine: str | None, paths: Sequence[str]) -> Iterator[None]:
    environ = os.environ | ({"OPTATHLON_MACHINE": machine} if machine else {})
    process = subprocess.Popen([*_command(address, workers, gpu, paths), "--with-parent"], env=environ)
    try:
        yield
    finally:
        process.terminate()
        with contextlib.suppress(subprocess.TimeoutExpired):
            process.wait(10)
        process.kill()
        process.wait()


@contextlib.contextmanager
def _array(address: str, workers: int, sbatch: Path | None, gpu: bool, paths: Sequence[str]) -> Iterator[None]:
    """Keep a SLURM array of workers, one slot each; its jobs end by themselves should nobody cancel them."""
    head = sbatch.read_text(encoding="utf-8") if sbatch else "#!/bin/sh\n"
    with tempfile.TemporaryDirectory() as folder:
        script = Path(folder) / "worker.sh"
        script.write_text(f"{head.rstrip()}\nexec {shlex.join(_command(address, 1, gpu, paths))}\n", encoding="utf-8")
        options = ["--parsable", "--requeue", f"--array=1-{workers}", "--job-name=optathlon"]
        if "--output" not in head:
            options.append("--output=/dev/null")
        if gpu and "--gres" not in head and "--gpus" not in head:
            options.append("--gres=gpu:1")
        submitted = subprocess.run(["sbatch", *options, str(script)], capture_output=True, text=True, check=False)
    if submitted.returncode:
        raise OSError(f"sbatch refused the workers: {submitted.stderr.strip()[:300]}")
    job = submitted.stdout.strip().split(";")[0]
    try:
        yield
    finally:
        subprocess.run(["scancel", job], capture_output=True, check=False)


def main() -> None:
    """Be the scheduler of a run: say where, and serve until whoever started it ends."""
    import asyncio
    import signal

    from dask import config
    from distributed import Scheduler

    end_with_parent()
    signal.signal(signal.SIGINT, signal.SIG_IGN)
    signal.signal(signal.SIGTERM, signal.SIG_DFL)
    config.set({"distributed.scheduler.worker-ttl": "60s", "distributed.scheduler.allowed-failures": 0})

    async def serve() -> None:
        async with Scheduler(host=sys.argv[1] or None, port=0, dashboard=False) as scheduler:
            print(scheduler.address, flush=True)
            await scheduler.finished()

    asyncio.run(serve())


if __name__ == "__main__":
    main()
