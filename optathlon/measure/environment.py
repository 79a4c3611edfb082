"""Machine, device, versions, threads and commit: the conditions of a measurement."""

from __future__ import annotations

import os
import platform
import subprocess
from collections.abc import Iterable
from functools import cache
from pathlib import Path

from optathlon.measure import arithmetic
from optathlon.measure.machine import cores, cpu_model, cpu_slug, gpu_model, name_of
from optathlon.measure.versions import versions
from optathlon.spec import Environment
from optathlon.threads import threads


def machine_name(device: str = "cpu") -> str:
    """Return a stable name of this machine: ``OPTATHLON_MACHINE``, else what decides its results and seconds.

    The processor's model, the kernel that the BLAS runs when nobody pins it, the usable cores, and for ``"cuda"`` the GPU that
    torch uses. A host name would change with every container or CI runner, and records of one kind of machine would never meet.
    """
    if given := os.environ.get("OPTATHLON_MACHINE"):
        return given
    kernel = arithmetic.kernels({}).get("numpy", "")
    return name_of(cpu_slug(), kernel, cores(), gpu_model() if device == "cuda" else "")


def describe(device: str, machine: str | None = None, modules: Iterable[str] = ()) -> Environment:
    """Return the conditions for cells on `device` whose code imports `modules`."""
    return Environment(
        machine=machine or machine_name(device),
        cpu=cpu_model(),
        gpu=gpu_model() if device == "cuda" else "",
        os=f"{platform.system()} {platform.release()}",
        python=platform.python_version(),
        versions=versions(modules),
        threads=threads(),
        arithmetic=arithmetic.name(),
        kernels=arithmetic.kernels(),
        cores=cores(),
    )


@cache
def commit() -> tuple[str, bool]:
    """Return the commit of the working tree that this package lies in, and whether it has changes outside `results`.

    The commit is empty where the package is not at the top of a git working tree (an installed wheel), but for asv, which says
    what it has installed.
    """
    if measured := os.environ.get("ASV_COMMIT"):
        return measured, False
    top = Path(__file__).resolve().parents[2]

    def git(*arguments: str) -> str:
        command = ["git", "-c", f"safe.directory={top}", "-C", str(top), *arguments]  # whoever owns it
        return subprocess.run(command, capture_output=True, text=True, timeout=20, check=True).stdout.strip()

    try:
        if Path(git("rev-parse", "--show-toplevel")).resolve() != top:
            return "", False
        return git("rev-parse", "HEAD"), bool(git("status", "--porcelain", "--", ":(top)", ":(top,exclude)results"))
    except (OSError, subprocess.SubprocessError):
        return "", False
