"""Ask each numerical library which kernels it really runs; a script of its own, for a process whose environment pins them.

It prints one JSON object: ``numpy`` and ``scipy`` (and whoever else loads a BLAS) name the kernel of their BLAS, ``numpy-simd``,
``torch``, ``onednn`` and ``mkl`` an instruction level, ``numba`` the compiler's target. A level that the processor lacks kills
the process: then there is no answer, and that arithmetic is not to be had here. It imports nothing of ours.
"""

from __future__ import annotations

import contextlib
import ctypes
import json
import os
import re
import sys
import tempfile
from pathlib import Path


def blas() -> dict[str, str]:
    """Return the kernel of each BLAS that is loaded, under the name of the package that brought it; each has multiplied."""
    import numpy as np
    import scipy.linalg
    from threadpoolctl import threadpool_info

    square = np.ones((64, 64))
    scipy.linalg.solve(square @ square + np.eye(64), square)
    found = {}
    for pool in threadpool_info():
        if pool["user_api"] == "blas":
            owner = re.search(r"site-packages/(\w+?)(\.libs)?/", pool["filepath"])
            found[owner[1] if owner else pool["prefix"]] = str(pool.get("architecture") or pool["internal_api"])
    return found


def simd() -> dict[str, str]:
    """Return the highest instruction level among those that numpy's own loops were compiled for and may use."""
    import numpy as np
    from numpy._core import _multiarray_umath as core  # pyright: ignore[reportAttributeAccessIssue]

    np.exp(np.linspace(0, 1, 100))
    enabled = [*core.__cpu_baseline__, *(level for level in core.__cpu_dispatch__ if core.__cpu_features__.get(level))]
    return {"numpy-simd": enabled[-1] if enabled else "none"}


def torch() -> dict[str, str]:
    """Return the levels of torch's own loops, of oneDNN and of MKL; the latter two say theirs when asked to be verbose."""
    import torch

    with _captured() as said:
        square = torch.ones(64, 64)
        (square @ square).exp().sum().item()
        torch.nn.functional.conv2d(torch.ones(16, 32, 32, 32), torch.ones(64, 32, 3, 3)).sum().item()
        torch.backends.mkldnn.verbose(torch.backends.mkldnn.VERBOSE_OFF)
    text = said[0]
    found = {"torch": torch.backends.cpu.get_cpu_capability()}
    if level := re.search(r"info,cpu,isa:(.+)", text):
        found["onednn"] = " ".join(level[1].replace("Intel", "").split())
    if level := re.search(r"MKL_VERBOSE oneMKL .*? architecture (.+?), Lnx", text):
        mode = re.search(r"CNR:(\S+)", text)
        levels = dict.fromkeys(re.findall(r"SSE4\.\d|AVX-?\d*|AMX|INT8|BF16|FP16", level[1]))
        found["mkl"] = " ".join([*levels, f"CNR:{mode[1] if mode else '?'}"])
    return found


def numba() -> dict[str, str]:
    """Return the processor for which numba compiles; ``+host`` where it adds what else this one can do."""
    import llvmlite.binding as llvm

    name = os.environ.get("NUMBA_CPU_NAME")
    target = f"{name or llvm.get_host_cpu_name()}{'' if 'NUMBA_CPU_FEATURES' in os.environ else '+host'}"
    return {"numba": target}


@contextlib.contextmanager
def _captured():
    """Give what C libraries write to standard output inside the block, as a list of one text."""
    said = [""]
    sys.stdout.flush()
    with tempfile.TemporaryFile() as file:
        kept = os.dup(1)
        os.dup2(file.fileno(), 1)
        try:
            yield said
        finally:
            ctypes.CDLL(None).fflush(None)  # what C wrote is still in its buffer
            os.dup2(kept, 1)
            os.close(kept)
            file.seek(0)
            said[0] = file.read().decode(errors="replace")


if __name__ == "__main__":
    os.environ |= {"ONEDNN_VERBOSE": "1", "MKL_VERBOSE": "1"}
    if not Path("/proc/self/status").exists():
        sys.exit("only Linux tells which kernels are run")
    answer: dict[str, str] = {}
    for ask in (blas, simd, torch, numba):
        with contextlib.suppress(ImportError):
            answer |= ask()
    print(json.dumps(answer))
