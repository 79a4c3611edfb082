"""Which kernels decide the last bits of a result, and how a process is started that runs those of a record.

OpenBLAS, numpy, torch, oneDNN, MKL and numba each choose code by the processor they find, so the same cell gives other last bits,
and now and then another score, elsewhere. Each reads an environment variable when it is loaded: ``portable`` sets all of them to
AVX2, which any x86-64 of the last decade has. MKL, which multiplies torch's matrices, takes that from an Intel processor only: on
one of AMD it says CNR:AUTO, and what has gone through it differs in its last digits.
"""

from __future__ import annotations

import hashlib
import json
import os
import platform
import signal
import subprocess
import sys
import tempfile
from collections.abc import Mapping
from functools import cache
from pathlib import Path

from optathlon.data import cache_folder
from optathlon.measure.machine import cpu_flags, cpu_model
from optathlon.measure.versions import versions

NATIVE, PORTABLE, PINNED = "native", "portable", "pinned"
# What numpy calls its loops beyond AVX2; the names changed with its version 2.4.
_BEYOND_AVX2 = "X86_V4 AVX512F AVX512CD AVX512_SKX AVX512_CLX AVX512_CNL AVX512_KNL AVX512_KNM AVX512_ICL AVX512_SPR"
AVX2 = {
    "OPENBLAS_CORETYPE": "Haswell",
    "NPY_DISABLE_CPU_FEATURES": _BEYOND_AVX2,
    "ATEN_CPU_CAPABILITY": "avx2",
    "ONEDNN_MAX_CPU_ISA": "AVX2",
    "MKL_CBWR": "AVX2",
    "NUMBA_CPU_NAME": "haswell",
    "NUMBA_CPU_FEATURES": "",  # none beyond those of the name
}
VARIABLES = tuple(AVX2)
_PROBE_SECONDS = 120


def name() -> str:
    """Return the arithmetic of this process: native, portable, or pinned by hand to something else."""
    pins = pins_here()
    return NATIVE if not pins else PORTABLE if pins == AVX2 else PINNED


def pins_here() -> dict[str, str]:
    """Return the pins that this process was started with."""
    return {variable: os.environ[variable] for variable in VARIABLES if variable in os.environ}


def environment_under(pins: Mapping[str, str]) -> dict[str, str]:
    """Return this process's environment with exactly these pins: what a process of that arithmetic is started with."""
    return {key: value for key, value in os.environ.items() if key not in VARIABLES} | dict(pins)


def kernels(pins: Mapping[str, str] | None = None) -> dict[str, str]:
    """Return what each library runs under the pins, by default those of this process; empty where that cannot be run here.

    A process of its own is asked, once for each processor and set of versions: an answer is kept in the cache folder.
    """
    return dict(_kernels(tuple(sorted((pins_here() if pins is None else pins).items()))))


def pins_for(recorded: Mapping[str, str]) -> dict[str, str] | None:
    """Return the pins under which this machine runs the recorded kernels, or most of them; None where it has not one.

    Parameters
    ----------
    recorded : mapping
        `Environment.kernels` of a record.
    """
    if not recorded:
        return None
    safe = (pins_here(), {}, AVX2)
    for pins in (*safe, _guess(recorded)):
        if runs(recorded, kernels(pins)):
            return dict(pins)
    alike = [len(recorded.items() & kernels(pins).items()) for pins in safe]
    return dict(safe[alike.index(max(alike))]) if any(alike) else None


def runs(recorded: Mapping[str, str], here: Mapping[str, str]) -> bool:
    """Return whether every library named by both runs the recorded kernel, and none that was recorded is missing."""
    return bool(recorded) and all(here.get(library) == kernel for library, kernel in recorded.items())


def _guess(recorded: Mapping[str, str]) -> dict[str, str]:
    """Return the pins that recorded kernels suggest; whether they do it is seen by trying."""
    pins = {"OPENBLAS_CORETYPE": recorded["numpy"]} if "numpy" in recorded else {}
    native = kernels({})
    if recorded.get("numpy-simd") not in (None, native.get("numpy-simd")):
        pins["NPY_DISABLE_CPU_FEATURES"] = _BEYOND_AVX2
    if recorded.get("torch") not in (None, native.get("torch")):
        pins["ATEN_CPU_CAPABILITY"] = recorded["torch"].lower()
    if recorded.get("onednn") not in (None, native.get("onednn")):
        pins["ONEDNN_MAX_CPU_ISA"] = recorded["onednn"].split()[0].replace("-", "_").upper()
    if "CNR:OFF" not in recorded.get("mkl", "CNR:OFF"):
        pins["MKL_CBWR"] = recorded["mkl"].rpartition("CNR:")[2]
    if recorded.get("numba") not in (None, native.get("numba")):
        pins |= {"NUMBA_CPU_NAME": recorded["numba"].removesuffix("+host")}
        pins |= {} if recorded["numba"].endswith("+host") else {"NUMBA_CPU_FEATURES": ""}
    return pins


@cache
def _kernels(pins: tuple[tuple[str, str], ...]) -> tuple[tuple[str, str], ...]:
    decisive = [sys.executable, platform.python_version(), cpu_model(), cpu_flags(), versions(), pins]
    note = cache_folder() / "kernels" / f"{hashlib.sha256(json.dumps(decisive).encode()).hexdigest()[:32]}.json"
    try:
        known = json.loads(note.read_text())
    except (OSError, ValueError):
        known = None
    if not isinstance(known, dict) or not all(isinstance(text, str) for pair in known.items() for text in pair):
        known = _ask(dict(pins))
        if known is None:  # by a busy machine's fault: the next process asks again
            return ()
        _remember(note, known)
    return tuple(sorted(known.items()))


def _ask(pins: dict[str, str]) -> dict[str, str] | None:
    """Start a process under the pins and ask it; it may die of an instruction unknown here. None if it was stopped."""
    command = [sys.executable, "-P", str(Path(__file__).with_name("kernels.py"))]
    environment = environment_under(pins) | {"OMP_NUM_THREADS": "1", "OPENBLAS_NUM_THREADS": "1"}
    try:
        said = subprocess.run(
            command, env=environment, capture_output=True, text=True, timeout=_PROBE_SECONDS, check=True, stdin=subprocess.DEVNULL
        ).stdout
        return dict(json.loads(said.strip().splitlines()[-1]))
    except (OSError, subprocess.TimeoutExpired):
        return None
    except (subprocess.CalledProcessError, ValueError, IndexError) as error:
        return None if getattr(error, "returncode", 0) in (-signal.SIGKILL, -signal.SIGTERM, -signal.SIGINT) else {}


def _remember(note: Path, found: dict[str, str]) -> None:
    """Keep an answer; a cache that cannot be written only costs time."""
    try:
        note.parent.mkdir(parents=True, exist_ok=True)
        handle, temporary = tempfile.mkstemp(dir=note.parent)
        with os.fdopen(handle, "w") as stream:
            json.dump(found, stream)
        os.replace(temporary, note)
    except OSError:
        pass
