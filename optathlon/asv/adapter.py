"""A suite as asv sees it: each cell is solved once, and asv reads its score and its seconds.

asv runs every function with every parameter combination in a process of its own, which would import torch hundreds of times.
So one process solves all cells of a suite, each in a fork with limits, in the suite's ``setup_cache``; its working directory,
which asv shares among the suite's numbers and deletes in the end, holds the records that they read. The same records go to
``results/history/<commit>/``, a results folder like any other, where `optathlon compare` finds each commit's seeds again.

What asv prescribes, and why the classes in ``benchmarks/`` look as they do:

* ``setup_cache`` is known by its file and line, so each class writes its own two lines; an inherited one would be shared by all.
* A parameter combination is passed to an older commit by its position, so the parameters are literal in ``benchmarks/`` and never
  computed from a suite: a commit that lacks a cell gives n/a instead of another cell's number under its name.
* Its numbers have no direction and are compared by ratio, so only non-negative lower-is-better ones are given.
"""

from __future__ import annotations

import contextlib
import hashlib
import math
import os
import subprocess
from collections.abc import Callable, Mapping
from dataclasses import replace
from itertools import product
from pathlib import Path
from typing import Any, TypeVar

import numpy as np

from optathlon import measure, store
from optathlon.judge import Thresholds
from optathlon.judge.intervals import mean_interval
from optathlon.measure import environment, plan_cell
from optathlon.registry import Registry
from optathlon.spec import Context, Method, MetricInfo, RunRecord, Status, Suite, Workload
from optathlon.threads import fix_threads

SEEDS = 5
# A solve of less seconds than `SHORT` is run on further seeds, `MOST` at most, until its mean seconds are known to this factor.
SHORT, MOST, KNOWN_TO = 0.05, 20, 1.2
DEVICES = ("cpu", "cuda")
PACKAGES = ("baselines", "optathlon", "suites")
_ABSENT = (Status.NEEDS_DATA, Status.NEEDS_DEVICE)
_Function = TypeVar("_Function", bound=Callable[..., Any])


class WrongCommit(RuntimeError):
    """The imported package is not the commit that asv measures; the message names the first file that differs."""


def cells(workloads: Mapping[str, tuple[str, ...]]) -> list[str]:
    """Return ``"workload/method"`` for each method of each workload: asv's first parameter."""
    return [f"{workload}/{method}" for workload, methods in workloads.items() for method in methods]


def _unit(name: str) -> Callable[[_Function], _Function]:
    """Give a ``track_`` function its unit, which asv reads from the function itself."""

    def mark(function: _Function) -> _Function:
        function.unit = name  # type: ignore[attr-defined]
        return function

    return mark


class SuiteCells:
    """Scores and seconds of a suite's quick cells; ``benchmarks/bench_<suite>.py`` derives one class from it.

    Attributes
    ----------
    suite : str
        The suite's name.
    version : str
        The suite's version for which the numbers are meant; a commit with another one gives n/a.
    params : tuple
        The cells (`cells`) and the devices (`DEVICES`).
    seeds : int
        Solves of each cell, each in a fork of its own and, unless the workload is free of chance, of an instance of its own:
        enough for `optathlon compare` to tell a change from noise. Short cells get more.
    """

    suite: str
    version: str
    seeds = SEEDS
    params: tuple[list[str], tuple[str, ...]]
    param_names = ("cell", "device")
    timeout = 600.0

    def solve(self) -> None:
        """Refuse a package that is not the measured commit, then solve every cell: the body of ``setup_cache``."""
        require_measured_commit()
        for cell, device in product(*self.params):
            with contextlib.suppress(NotImplementedError):
                self._runs_of(cell, device)

    def setup(self, cell: str, device: str) -> None:
        """Read the cell's records; NotImplementedError makes asv show n/a."""
        self.runs = self._runs_of(cell, device)
        if any(run.status in _ABSENT for run in self.runs):
            raise NotImplementedError(self.runs[0].reason)

    def _runs_of(self, cell: str, device: str) -> list[RunRecord]:
        """Return the runs of a cell, solved now if they are not here yet."""
        suite = _load(self.suite, self.version)
        workload, method = _find(suite, cell, device)
        runs = _runs(suite, workload, method, device, self.seeds)
        while _is_unsettled(runs):
            runs = _runs(suite, workload, method, device, min(len(runs) + self.seeds, MOST))
        return runs

    @_unit("error")
    def track_error(self, cell: str, device: str) -> float:
        """Return the mean over seeds of the suite's first metric; 1 minus it where it is a fraction to be maximised."""
        metric = _successful(self.runs)[0].cell.metrics[0]
        return _as_cost(metric, float(np.mean([run.scores[metric.name] for run in self.runs])))

    @_unit("s")
    def track_seconds(self, cell: str, device: str) -> float:
        """Return the median over seeds of the method's seconds, CPU seconds on the CPU."""
        return float(np.median([_clock(run) for run in _successful(self.runs)]))


class Kernels:
    """Solves under a second, sampled by asv itself: many repetitions for the time, one for the peak memory.

    Attributes
    ----------
    params : tuple of str
        ``"suite/workload/method"``; seed 0, on the CPU.
    """

    version = "1"
    params: tuple[str, ...]
    param_names = ("kernel",)
    rounds = 1
    repeat = (3, 10, 1.0)
    warmup_time = 0.05
    timeout = 120.0

    def setup(self, kernel: str) -> None:
        """Make the instance."""
        name, _, cell = kernel.partition("/")
        suite = _load(name)
        workload, self.method = _find(suite, cell, "cpu")
        fix_threads()
        self.problem = workload.make(np.random.default_rng(0), "cpu")
        fix_threads()  # again, for what the generator imported

    def time_solve(self, kernel: str) -> None:
        """Solve it."""
        self.method.run(self.problem, Context(rng=np.random.default_rng(0)), **self.method.settings)

    def peakmem_solve(self, kernel: str) -> None:
        """Solve it."""
        self.method.run(self.problem, Context(rng=np.random.default_rng(0)), **self.method.settings)


def require_measured_commit() -> None:
    """Refuse to measure a package that is not the commit which asv checked out: called in every ``setup_cache``.

    A stale wheel or a package found elsewhere on the path would be recorded under the wrong commit. In an environment that asv
    does not manage there is no commit to compare with, and nothing is checked.

    Raises
    ------
    WrongCommit
        A file of the package differs from the commit's, is missing, or is not in it.
    """
    commit = os.environ.get("ASV_COMMIT")
    if not commit:
        return
    repository = Path(os.environ["ASV_CONF_DIR"])
    root = Path(__file__).resolve().parents[1]
    expected = _committed_files(repository, commit)
    found = {str(path.relative_to(root)) for package in PACKAGES for path in (root / package).rglob("*.py")}
    wrong = sorted(found ^ set(expected)) + sorted(path for path in found & set(expected) if _blob(root / path) != expected[path])
    if wrong:
        raise WrongCommit(
            f"asv measures commit {commit}, but {root / wrong[0]} is not that commit's ({len(wrong)} files differ): "
            f"remove {repository / '.asv'} and run again"
        )


def gpu() -> str:
    """Return the GPU's model; empty without a driver, which is seen without importing torch."""
    return environment.gpu_model() if Path("/dev/nvidiactl").exists() else ""


def _committed_files(repository: Path, commit: str) -> dict[str, str]:
    """Return the Python files of our packages in a commit, with git's digest of each."""
    command = ["git", "-C", str(repository), "ls-tree", "-r", "-z", commit, "--", *PACKAGES]
    try:
        listing = subprocess.run(command, capture_output=True, text=True, timeout=60, check=True).stdout
    except (OSError, subprocess.SubprocessError) as error:
        raise WrongCommit(f"git cannot list commit {commit} in {repository}: {error}") from error
    entries = (entry.split("\t", 1) for entry in listing.split("\0") if entry)
    return {path: fields.split()[2] for fields, path in entries if path.endswith(".py")}


def _blob(path: Path) -> str:
    """Return git's digest of a file's content."""
    content = path.read_bytes()
    return hashlib.sha1(b"blob %d\0" % len(content) + content, usedforsecurity=False).hexdigest()


def _load(name: str, version: str | None = None) -> Suite:
    """Import a suite of the measured commit; n/a where that commit has none, or another version of it."""
    try:
        suite = Registry().load(name)
    except KeyError as error:
        raise NotImplementedError(f"this commit has no suite {name}") from error
    if version not in (None, suite.version):
        raise NotImplementedError(f"this commit has version {suite.version} of {name}, not {version}")
    return suite


def _find(suite: Suite, cell: str, device: str) -> tuple[Workload, Method]:
    """Return workload and method of a cell; n/a where the commit lacks one, they do not meet, or the device is absent."""
    try:
        workload, method = suite.workload(cell.partition("/")[0]), suite.method(cell.partition("/")[2])
    except KeyError as error:
        raise NotImplementedError(str(error)) from error
    if not workload.invites(method) or device not in method.devices:
        raise NotImplementedError(f"{method.name} does not run on {workload.name} on {device}")
    if device == "cuda" and not gpu():
        raise NotImplementedError("no CUDA device on this machine")
    return workload, method


def _runs(suite: Suite, workload: Workload, method: Method, device: str, seeds: int) -> list[RunRecord]:
    """Return the runs of a cell: those that this asv run left here, or new ones."""
    here = Path.cwd()
    cell = plan_cell(suite, workload, method, device)
    done = store.load_runs(here, cell)
    if len(done) < seeds:
        jobs = [
            measure.Job(suite, workload, method, cell, seed, workload.budget, workload.memory)
            for seed in range(seeds)
            if seed not in done
        ]
        for run in measure.run_jobs(jobs):
            done[run.seed] = run
            store.save(here, run)
        _keep(list(done.values()))
    return [done[seed] for seed in sorted(done)]


def _is_unsettled(runs: list[RunRecord]) -> bool:
    """Return whether a cell is so short that the scatter of its seconds may hide a change, and more runs are to be had."""
    if len(runs) >= MOST or any(run.status is not Status.OK for run in runs):
        return False
    seconds = np.array([_clock(run) for run in runs])
    if np.median(seconds) >= SHORT:
        return False
    mean, low, _ = mean_interval(np.log(np.maximum(seconds, Thresholds().floor)))
    return len(runs) == 1 or mean - low > math.log(KNOWN_TO)


def _clock(run: RunRecord) -> float:
    """Return CPU seconds on the CPU, which a busy machine disturbs least, else seconds."""
    return (run.cpu_seconds if run.cell.device == "cpu" else run.seconds) or 0.0


def _keep(runs: list[RunRecord]) -> None:
    """Put the runs, without traces and exhibits, into the history of their commit; a changed working tree has no place there."""
    root = os.environ.get("ASV_CONF_DIR")
    if not root or not runs[0].commit or any(run.dirty or run.status in _ABSENT for run in runs):
        return
    folder = store.history_of(Path(root) / "results", runs[0].commit)
    for run in runs:
        store.save(folder, replace(run, trace=(), exhibits={}))
    store.discard(folder, runs[0].cell, runs[0].finished)


def _successful(runs: list[RunRecord]) -> list[RunRecord]:
    """Return the runs if all went well; asv shows the cell as failed otherwise, and the reason on the error stream."""
    for run in runs:
        if run.status is not Status.OK:
            raise RuntimeError(f"{run.cell.method} on {run.cell.workload}, seed {run.seed}: {run.status}. {run.reason}")
    return runs


def _as_cost(metric: MetricInfo, value: float) -> float:
    """Return a non-negative number that falls as the metric gets better, NaN (n/a) where there is none."""
    if metric.better == "higher":
        return 1.0 - value if metric.unit == "fraction" else float("nan")
    return value if value >= 0 else float("nan")
