"""`optathlon worker`: take part in runs of other machines."""

from __future__ import annotations

from typing import Annotated

import typer

from optathlon.cli.common import SUITE_PATHS, UsageError, cluster_room


def worker(
    address: Annotated[str, typer.Argument(help="The scheduler, tcp://HOST:PORT.")],
    slots: Annotated[
        int | None, typer.Option(min=1, help="Cells at a time; by default one for each group of cores, or for each GPU.")
    ] = None,
    gpu: Annotated[bool, typer.Option("--gpu", help="Take cells for cuda; each slot has a GPU of its own.")] = False,
    wait: Annotated[float, typer.Option(min=0, help="Seconds to wait for a scheduler before giving up.")] = 60.0,
    with_parent: Annotated[bool, typer.Option("--with-parent", hidden=True, help="End with the process that starts it.")] = False,
) -> None:
    """Run cells for whoever asks through a scheduler (``dask scheduler`` starts one), until it is gone.

    Code, suites and plug-ins must be those of the machine that asks. Whoever reaches the scheduler can run code here: keep both
    inside a network that you trust.
    """
    from optathlon.measure.guardian import end_with_parent
    from optathlon.measure.machine import cores
    from optathlon.threads import threads

    if "://" not in address:
        raise UsageError(f"ADDRESS must be that of a scheduler, tcp://HOST:PORT, got {address!r}")
    if slots is None:
        slots = _gpus() if gpu else max(1, cores() // threads())
    if with_parent:
        end_with_parent()
    paths = [str(path.resolve()) for path in SUITE_PATHS]
    cluster_room("worker").keep_slots(address, slots, gpu=gpu, wait=wait, paths=paths)


def _gpus() -> int:
    """Return how many GPUs are to be seen here, asked of the driver's own tool."""
    import subprocess

    try:
        listed = subprocess.run(["nvidia-smi", "-L"], capture_output=True, text=True, timeout=30, check=True).stdout
    except (OSError, subprocess.SubprocessError):
        raise UsageError("--gpu: nvidia-smi finds no GPU here; say how many with --slots") from None
    return max(1, len(listed.strip().splitlines()))
