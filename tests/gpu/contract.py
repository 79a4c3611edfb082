"""What a cell on a device promises, checked with a suite of its own: no test runner is needed."""

from __future__ import annotations

import sys
import time
import traceback
from collections.abc import Callable
from dataclasses import replace
from typing import Any

import numpy as np

from optathlon.measure import Job, plan_cell, run_jobs
from optathlon.spec import Context, Method, Metric, RunRecord, Scale, Status, Suite, Workload


def make(rng: np.random.Generator, device: str) -> Any:
    import torch

    return torch.as_tensor(rng.normal(size=(512, 512)), dtype=torch.float32, device=device)


def multiplies(problem: Any, context: Context, repeats: int) -> Any:
    answer = problem
    for _ in range(repeats):
        answer = answer @ problem
        answer = answer / answer.norm()
    return answer


def draws(problem: Any, context: Context) -> Any:
    import torch

    rng = torch.Generator(device=problem.device).manual_seed(context.seed)
    return torch.randn(problem.shape, generator=rng, device=problem.device)


def allocates(problem: Any, context: Context, gibibytes: int) -> Any:
    import torch

    return torch.ones(gibibytes * 2**28, device=problem.device)


def norm(problem: Any, answer: Any) -> float:
    return float(answer.double().sum())


BOTH = ("cpu", "cuda")
SUITE = Suite(
    name="contract",
    version="1",
    title="What a device promises",
    source="none",
    workloads=(Workload(name="square", make=make, scale=Scale.SMOKE, seeds=1, budget=60.0, memory=2**31),),
    methods=(
        Method(name="few", run=multiplies, settings={"repeats": 10}, devices=BOTH, reference="none"),
        Method(name="many", run=multiplies, settings={"repeats": 1000}, devices=BOTH, reference="none"),
        Method(name="draws", run=draws, devices=BOTH, reference="none"),
        Method(name="allocates", run=allocates, settings={"gibibytes": 4096}, devices=BOTH, reference="none"),
    ),
    metrics=(Metric(name="norm", unit="1", better="lower", evaluate=norm),),
    reference_method="few",
)


def _run(name: str, device: str) -> RunRecord:
    workload, method = SUITE.workloads[0], SUITE.method(name)
    (record,) = run_jobs([Job(SUITE, workload, method, plan_cell(SUITE, workload, method, device), 0, 60.0, 2**31)])
    return record


def check_it_runs_at_all(device: str) -> None:
    record = _run("few", device)
    assert record.status is Status.OK, record.reason


def check_the_same_seed_gives_the_same_bits(device: str) -> None:
    for name in ("draws", "few"):
        first, second = _run(name, device), _run(name, device)
        assert first.scores == second.scores, (first.scores, second.scores, first.reason)


def check_the_clock_waits_for_the_device(device: str) -> None:
    few, many = _run("few", device), _run("many", device)
    assert few.seconds, few.reason
    assert many.seconds, many.reason
    assert many.seconds > 10 * few.seconds, (few.seconds, many.seconds)  # a hundred times the work


def check_memory_of_the_gpu_is_counted(device: str) -> None:
    record = _run("few", device)
    if device == "cuda":
        assert record.gpu_memory is not None
        assert record.gpu_memory >= 2 * 512 * 512 * 4, record.gpu_memory
    else:
        assert record.gpu_memory is None


def check_out_of_memory_is_a_status(device: str) -> None:
    record = _run("allocates", device)
    assert record.status is Status.OUT_OF_MEMORY, (record.status, record.reason)


def check_the_machine_has_the_gpu_in_its_name(device: str) -> None:
    from optathlon.measure.environment import machine_name
    from optathlon.measure.machine import gpu_model

    if device == "cuda":
        assert gpu_model(), "torch finds no GPU here"
        assert machine_name("cuda") != machine_name("cpu")


def check_nobody_needs_nvidia_smi(device: str) -> None:
    import os

    kept, os.environ["PATH"] = os.environ["PATH"], "/nonexistent"
    try:
        record = _run("few", device)
        assert record.status is Status.OK, record.reason
    finally:
        os.environ["PATH"] = kept


def check_a_missing_gpu_is_a_status(device: str) -> None:
    workload, method = SUITE.workloads[0], SUITE.method("few")
    cell = plan_cell(SUITE, workload, method, device)
    absent = replace(method, devices=("cpu",)) if device == "cuda" else method
    if device == "cpu":
        cell = replace(cell, device="cuda")
    (record,) = run_jobs([Job(SUITE, workload, absent, cell, 0, 60.0, 2**31)])
    if device == "cuda":
        assert record.status is Status.NEEDS_DEVICE, record.reason
    else:
        from optathlon.measure.machine import gpu_model

        assert gpu_model() or record.status is Status.NEEDS_DEVICE, record.reason


def main() -> int:
    """Run every check on the device, and return how many have failed."""
    device = sys.argv[1] if len(sys.argv) > 1 else "cuda"
    checks: list[Callable[[str], None]] = [value for name, value in globals().items() if name.startswith("check_")]
    failed = 0
    for check in checks:
        since = time.monotonic()
        try:
            check(device)
            how = "holds"
        except Exception:
            traceback.print_exc()
            failed, how = failed + 1, "FAILS"
        print(f"{check.__name__.removeprefix('check_').replace('_', ' ')}: {how} ({time.monotonic() - since:.1f} s)", flush=True)
    return min(failed, 100)


if __name__ == "__main__":
    sys.exit(main())
