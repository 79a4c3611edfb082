"""What is recorded: a cell (everything that runs share but the seed) and a run."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any, Literal

from optathlon.spec.names import require_name
from optathlon.spec.scale import Scale, Status

Better = Literal["lower", "higher"]
TracePoint = tuple[float, ...]  # step, seconds, score of the ranking metric, scores of further traced metrics


ARITHMETICS = ("native", "portable", "pinned")
QUIET = 1.25  # a probe slower than this, against the machine's best, and seconds are those of a busy machine


@dataclass(frozen=True, kw_only=True)
class Environment:
    """Where and with what a run was made.

    Attributes
    ----------
    machine, cpu, gpu, os, python : str
        Stable machine name, processor and GPU model (GPU empty on the CPU), operating system, interpreter.
    versions : mapping
        Installed versions of the numerical libraries.
    threads : int
        BLAS and torch threads of a cell.
    arithmetic : str
        ``"native"`` (each library chose its kernels by the processor), ``"portable"`` (AVX2 in all of them) or ``"pinned"``
        (another choice by hand). Part of the address.
    kernels : mapping
        What each library really ran: each BLAS's kernel, the instruction level of numpy, torch, oneDNN and MKL, numba's target.
        Empty in records from before it was kept.
    cores : int
        Cores that the process could use, affinity and cgroup considered; 0 in records from before it was kept.
    """

    machine: str
    cpu: str
    gpu: str
    os: str
    python: str
    versions: Mapping[str, str] = field(hash=False)
    threads: int
    arithmetic: str = "native"
    kernels: Mapping[str, str] = field(default_factory=dict, hash=False)
    cores: int = 0

    @property
    def place(self) -> str:
        """The machine, with the arithmetic where it is not native: what never mixes on a board or in a verdict."""
        return self.machine if self.arithmetic == "native" else f"{self.machine}+{self.arithmetic}"


@dataclass(frozen=True, kw_only=True)
class MetricInfo:
    """What a record keeps of a metric, so that tables need nothing but records."""

    name: str
    unit: str
    better: Better
    tolerance: float = 0.0
    traced: bool = False


@dataclass(frozen=True, kw_only=True)
class Cell:
    """What a group of runs shares: everything but the seed.

    Attributes
    ----------
    suite, suite_version, workload, scale, method, settings, device
        The address, and the declaration at that address.
    metrics : tuple of MetricInfo
        The suite's metrics in order; the first ranks.
    reference_method : str
        The suite's yardstick for seconds.
    target : float or None
        Value of the first metric that counts as solved.
    exact : bool
        Free of chance: ranked by value.
    yardstick : bool
        Shown, not ranked.
    trials : int
        How many independent trials one run averages.
    code : str
        Digest of the method's code, comments and docstrings aside.
    data : mapping
        Name of each data set to its checksum.
    environment : Environment
        Machine, versions and threads.
    key : str
        Digest of all that decides the result but the seed; equal keys and seeds are the same measurement.
    """

    suite: str
    suite_version: str
    workload: str
    scale: Scale
    method: str
    settings: Mapping[str, Any] = field(default_factory=dict, hash=False)
    device: str = "cpu"
    metrics: tuple[MetricInfo, ...]
    reference_method: str = ""
    target: float | None = None
    exact: bool = False
    yardstick: bool = False
    trials: int = 1
    code: str = ""
    data: Mapping[str, str] = field(default_factory=dict, hash=False)
    environment: Environment
    key: str = ""

    def __post_init__(self) -> None:
        for kind in ("suite", "workload", "method", "device"):
            require_name(kind, getattr(self, kind))
        require_name("machine", self.environment.machine)
        if self.environment.arithmetic not in ARITHMETICS:
            raise ValueError(f"arithmetic must be {', '.join(ARITHMETICS)}, got {self.environment.arithmetic!r}")
        if self.environment.machine.rpartition("+")[2] in ARITHMETICS and "+" in self.environment.machine:
            raise ValueError(f"machine name must not end as an arithmetic does, got {self.environment.machine!r}")
        for metric in self.metrics:
            require_name("metric", metric.name)

    @property
    def traced(self) -> tuple[str, ...]:
        """Names of the metrics along a trace, the ranking one first."""
        return (self.metrics[0].name, *(metric.name for metric in self.metrics[1:] if metric.traced))


@dataclass(frozen=True, kw_only=True)
class RunRecord:
    """What one cell gave with one seed.

    Attributes
    ----------
    cell : Cell
        The address and the conditions.
    seed : int
        The instance.
    status : Status
        How it ended.
    scores : mapping
        Metric name to value; finite, a metric that does not apply is left out. Empty unless `status` is ok.
    seconds, cpu_seconds : float or None
        The method's own wall and CPU seconds, `observe` excluded; None where it never finished.
    peak_memory, gpu_memory : int or None
        Highest resident memory above the start, and highest allocation on the GPU, in bytes.
    sections : mapping
        Seconds per named section of the method.
    trace : tuple of (step, seconds, score, ...)
        At most 200 points along the run, on the method's clock: the first metric, then the cell's traced metrics in their order.
    exhibits : mapping
        What people want to see besides scores, at most 64 KiB as JSON: a curve as a list of numbers, a picture as the base64
        text of a PNG under a name that ends in ``.png``.
    reason : str
        Why it failed, last lines of stderr included.
    limit : float or None
        The limit, in seconds or bytes, that ended it.
    jobs : int or None
        Cells at a time when it was measured.
    busy, load : float or None
        Seconds of a small fixed kernel beside the cell over the machine's best (1 when quiet), and the system's load.
    commit, dirty, finished : str, bool, str
        Commit of the working tree, whether it had changes, and when the cell ended (UTC, ISO 8601).
    """

    cell: Cell
    seed: int
    status: Status
    scores: Mapping[str, float] = field(default_factory=dict, hash=False)
    seconds: float | None = None
    cpu_seconds: float | None = None
    peak_memory: int | None = None
    gpu_memory: int | None = None
    sections: Mapping[str, float] = field(default_factory=dict, hash=False)
    trace: tuple[TracePoint, ...] = ()
    exhibits: Mapping[str, str | Sequence[float]] = field(default_factory=dict, hash=False)
    reason: str = ""
    limit: float | None = None
    jobs: int | None = None
    busy: float | None = None
    load: float | None = None
    commit: str = ""
    dirty: bool = False
    finished: str = ""
