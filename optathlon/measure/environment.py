"""Machine, device, versions, threads and commit: the conditions of a measurement."""

from __future__ import annotations

import os
import platform
import re
import subprocess
from functools import cache
from importlib.metadata import PackageNotFoundError, version
from pathlib import Path

from optathlon.spec import Environment
from optathlon.threads import threads

LIBRARIES = ("numpy", "scipy", "torch", "cvxpy", "scs", "clarabel", "numba", "scikit-learn")


@cache
def cpu_model() -> str:
    """Return the processor's model name."""
    try:
        found = re.search(r"^model name\s*:\s*(.+)$", Path("/proc/cpuinfo").read_text(), re.MULTILINE)
    except OSError:
        found = None
    return found[1].strip() if found else platform.processor() or platform.machine()


@cache
def gpu_model() -> str:
    """Return the name of GPU 0, empty where torch finds none."""
    os.environ.setdefault("PYTORCH_NVML_BASED_CUDA_CHECK", "1")  # ask the driver without starting CUDA: cells are forked
    import torch

    if not torch.cuda.is_available():
        return ""
    query = ["nvidia-smi", "--query-gpu=name", "--format=csv,noheader"]
    try:
        names = subprocess.run(query, capture_output=True, text=True, timeout=20, check=True).stdout.splitlines()
    except (OSError, subprocess.SubprocessError):
        return "unknown GPU"
    return names[0].strip() if names else "unknown GPU"


def machine_name() -> str:
    """Return a stable name of this machine: ``OPTATHLON_MACHINE``, else made of processor model and core count.

    A host name would change with every container or CI runner, and records of one kind of machine would never meet.
    """
    given = os.environ.get("OPTATHLON_MACHINE")
    if given:
        return given
    words = re.findall(r"[a-z0-9]+", re.sub(r"\((r|tm)\)|cpu|processor|@.*", " ", cpu_model().lower()))
    return "-".join([*words[:4], f"{os.cpu_count() or 1}c"])


@cache
def versions() -> dict[str, str]:
    """Return the installed versions of the numerical libraries, without importing them."""
    found = {}
    for library in LIBRARIES:
        try:
            found[library] = version(library)
        except PackageNotFoundError:
            continue
    return found


def describe(device: str, machine: str | None = None) -> Environment:
    """Return the conditions for cells on `device`."""
    return Environment(
        machine=machine or machine_name(),
        cpu=cpu_model(),
        gpu=gpu_model() if device == "cuda" else "",
        os=f"{platform.system()} {platform.release()}",
        python=platform.python_version(),
        versions=dict(versions()),
        threads=threads(),
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
        command = ["git", "-C", str(top), *arguments]
        return subprocess.run(command, capture_output=True, text=True, timeout=20, check=True).stdout.strip()

    try:
        if Path(git("rev-parse", "--show-toplevel")).resolve() != top:
            return "", False
        return git("rev-parse", "HEAD"), bool(git("status", "--porcelain", "--", ":(top)", ":(top,exclude)results"))
    except (OSError, subprocess.SubprocessError):
        return "", False
