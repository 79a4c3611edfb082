"""A machine's name, how busy it is, and that both reach the records."""

from __future__ import annotations

import json
import subprocess
import sys
from collections.abc import Callable
from pathlib import Path

import pytest
import toy_suite as toys

from optathlon.cli.execute import execute
from optathlon.measure import Job, busy, environment, machine, plan_cell
from optathlon.spec import QUIET, RunRecord

RunToy = Callable[..., RunRecord]


def name_under(monkeypatch: pytest.MonkeyPatch, cpuinfo: str, **parts: str) -> str:
    monkeypatch.setattr(machine, "_cpuinfo", lambda: cpuinfo)
    return machine.name_of(machine.cpu_slug(), parts.get("kernel", "Haswell"), 4, parts.get("gpu", ""))


def intel(model: str) -> str:
    return f"vendor_id\t: GenuineIntel\ncpu family\t: 6\nmodel\t\t: 143\nmodel name\t: {model}\n"


def arm(part: str) -> str:
    return f"CPU implementer\t: 0x41\nCPU architecture: 8\nCPU part\t: {part}\n"


@pytest.mark.parametrize(
    ("cpuinfo", "name"),
    [
        (intel("12th Gen Intel(R) Core(TM) i5-12400"), "intel-i5-12400-haswell-4c"),
        (intel("12th Gen Intel(R) Core(TM) i7-12700K"), "intel-i7-12700k-haswell-4c"),
        (intel("Intel(R) Xeon(R) Platinum 8375C CPU @ 2.90GHz"), "intel-xeon-platinum-8375c-haswell-4c"),
        (intel("Intel(R) Xeon(R) Processor"), "intel-xeon-f6m143-haswell-4c"),
        (intel("AMD EPYC 7763 64-Core Processor"), "amd-epyc-7763-haswell-4c"),
        (intel("AMD EPYC"), "amd-epyc-f6m143-haswell-4c"),
        (intel("AMD Ryzen 7 5800H with Radeon Graphics"), "amd-ryzen-7-5800h-haswell-4c"),
        (arm("0xd0c"), "neoverse-n1-haswell-4c"),
        (arm("0xd40"), "neoverse-v1-haswell-4c"),
        (arm("0xfff"), "arm-41-fff-haswell-4c"),
    ],
)
def test_unlike_processors_have_unlike_names(monkeypatch: pytest.MonkeyPatch, cpuinfo: str, name: str) -> None:
    assert name_under(monkeypatch, cpuinfo) == name


def test_kernel_and_gpu_are_in_the_name(monkeypatch: pytest.MonkeyPatch) -> None:
    one = intel("AMD EPYC 7763 64-Core Processor")
    assert name_under(monkeypatch, one, kernel="SkylakeX") != name_under(monkeypatch, one, kernel="Zen")
    assert name_under(monkeypatch, one, gpu="NVIDIA H100 80GB HBM3").endswith("-4c-nvidia-h100-80gb-hbm3")
    monkeypatch.delenv("OPTATHLON_MACHINE", raising=False)
    monkeypatch.setattr(environment, "gpu_model", lambda: "NVIDIA A100")
    assert environment.machine_name("cuda") == f"{environment.machine_name('cpu')}-nvidia-a100"
    monkeypatch.setenv("OPTATHLON_MACHINE", "mine")
    assert environment.machine_name("cpu") == "mine"


@pytest.mark.parametrize(("limit", "allowed"), [("max 100000", 8), ("250000 100000", 2), ("50000 100000", 1), ("torn", 8)])
def test_a_quota_of_the_cgroup_counts(monkeypatch: pytest.MonkeyPatch, tmp_path: Path, limit: str, allowed: int) -> None:
    (tmp_path / "cpu.max").write_text(limit)
    monkeypatch.setattr(machine.os, "sched_getaffinity", lambda pid: set(range(8)))
    quota = machine._quota
    monkeypatch.setattr(machine, "_quota", lambda root: quota(tmp_path))
    assert machine.cores() == allowed


def test_affinity_counts() -> None:
    program = "import os; os.sched_setaffinity(0, {min(os.sched_getaffinity(0))})\n"
    program += "from optathlon.measure import machine; print(machine.cores())"
    assert subprocess.run([sys.executable, "-c", program], capture_output=True, text=True, check=True).stdout == "1\n"


def test_the_command_prints_the_name_first() -> None:
    command = [sys.executable, "-m", "optathlon", "machine"]
    said = subprocess.run(command, capture_output=True, text=True, check=True).stdout.splitlines()
    told = json.loads(subprocess.run([*command, "--json"], capture_output=True, text=True, check=True).stdout)
    assert said[0] == told["machine"]
    assert told["cores"] >= 1
    assert told["busy"] >= 1
    assert any(line.split()[0] == "busy" for line in said[1:])


def test_a_record_says_how_busy_the_machine_was(run_toy: RunToy, monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    monkeypatch.setenv("OPTATHLON_CACHE", str(tmp_path))
    monkeypatch.setattr(busy, "_latest", busy._Latest())
    monkeypatch.setattr(busy, "_seconds", lambda: 0.010)
    quiet = run_toy("halves")
    assert (quiet.jobs, quiet.busy) == (1, 1.0)
    assert quiet.load is not None
    monkeypatch.setattr(busy, "_latest", busy._Latest())
    monkeypatch.setattr(busy, "_seconds", lambda: 0.016)
    loud = run_toy("halves")
    assert loud.busy == 1.6
    assert loud.busy > QUIET


def test_a_long_cell_is_looked_at_beside(run_toy: RunToy, monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    monkeypatch.setenv("OPTATHLON_CACHE", str(tmp_path))
    monkeypatch.setattr(busy, "_latest", busy._Latest())
    monkeypatch.setattr(busy, "EVERY", 0.1)
    monkeypatch.setattr(busy, "cores", lambda: 2)
    seconds = iter([0.010, 0.010, 0.030, *[0.010] * 100])
    monkeypatch.setattr(busy, "_seconds", lambda: next(seconds))
    monkeypatch.setattr(busy.due, "__defaults__", (0.1,))
    assert run_toy("sleeps", timeout=1.0).busy == 3.0


def test_no_look_is_taken_where_no_core_is_free(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(busy, "_latest", busy._Latest())
    monkeypatch.setattr(busy, "cores", lambda: 1)
    assert busy.due(0)
    assert not busy.due(1)


def toy_jobs(method: str, workload: str = "vector") -> list[Job]:
    entries = toys.SUITE.workload(workload), toys.SUITE.method(method)
    return [Job(toys.SUITE, *entries, plan_cell(toys.SUITE, *entries, machine="here"), 0, 10.0, 2**29)]


@pytest.mark.parametrize(("method", "again"), [("raises", 1), ("exits", 1), ("halves", 0), ("returns-nan", 0)])
def test_what_may_be_mended_is_tried_once_in_each_run(
    tmp_path: Path, capsys: pytest.CaptureFixture[str], method: str, again: int
) -> None:
    execute([toy_jobs(method)], tmp_path, parallel=1, force=False)
    capsys.readouterr()
    execute([toy_jobs(method)], tmp_path, parallel=1, force=False)
    assert f"{again} cells run" in capsys.readouterr().err


def test_what_this_machine_lacks_leaves_no_record(tmp_path: Path) -> None:
    plan = [toy_jobs("halves", "absent"), toy_jobs("on-cuda")]
    assert execute(plan, tmp_path, parallel=1, force=False) == 2
    assert not list(tmp_path.rglob("*.json"))
