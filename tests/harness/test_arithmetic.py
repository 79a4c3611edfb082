"""Arithmetic is part of a record and can be put back; what busies a machine, and what it is called."""

from __future__ import annotations

import json
import os
import subprocess
import sys
from dataclasses import replace
from pathlib import Path

import pytest

from optathlon import store
from optathlon.cli import common
from optathlon.cli.checking import verify_group
from optathlon.cli.pinned import run_under
from optathlon.judge import Finding
from optathlon.measure import Job, arithmetic, plan_cell
from optathlon.registry import Registry
from optathlon.spec import Suite
from optathlon.store import Group

# A score whose last bits follow the BLAS's order of summation.
SUITE = """
import numpy as np
from optathlon.spec import Method, Metric, Scale, Suite, Workload

def make(rng, device):
    return rng.normal(size=(300, 300))

def run(problem, context):
    return problem @ problem @ problem

def value(problem, answer):
    return float(answer.sum())

SUITE = Suite(
    name="bits", version="1", title="", source="",
    workloads=(Workload(name="w", make=make, scale=Scale.SMOKE, seeds=2),),
    methods=(Method(name="m", run=run),), metrics=(Metric(name="value", unit="1", better="lower", evaluate=value),),
    reference_method="m",
)
"""


@pytest.fixture
def suite(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Suite:
    file = tmp_path / "bits.py"
    file.write_text(SUITE)
    monkeypatch.setattr(common, "registry", lambda: Registry([file]))
    monkeypatch.setattr("optathlon.cli.pinned.SUITE_PATHS", [file])
    return Registry([file]).load("bits")


def optathlon(suite: Path, *arguments: str, pins: dict[str, str]) -> subprocess.CompletedProcess[str]:
    command = [sys.executable, "-m", "optathlon", "--suite", str(suite), *arguments]
    environment = arithmetic.environment_under(pins) | {"COLUMNS": "200"}
    return subprocess.run(command, env=environment, capture_output=True, text=True, check=False, timeout=900)


def two_kernels() -> list[str]:
    """Return Haswell and another kernel that this machine's BLAS can run."""
    found = [k for k in ("Haswell", "SkylakeX", "Nehalem") if arithmetic.kernels({"OPENBLAS_CORETYPE": k}).get("numpy") == k]
    if len(found) < 2:
        pytest.skip("this processor, or this BLAS, has no two kernels to choose from")
    return found[:2]


def test_cells_under_two_kernels_are_verified_each_under_the_others_environment(suite: Suite, tmp_path: Path) -> None:
    cell = plan_cell(suite, suite.workloads[0], suite.methods[0])
    jobs = [Job(suite, suite.workloads[0], suite.methods[0], cell, seed, 60.0, 2**30) for seed in range(2)]
    kernels = two_kernels()
    runs = {kernel: run_under({"OPENBLAS_CORETYPE": kernel}, jobs) for kernel in kernels}
    first, second = ([run.scores["value"] for run in runs[kernel]] for kernel in kernels)
    assert first != second, "the two kernels must differ for this test to mean anything"
    for kernel, other in (kernels, kernels[::-1]):
        folder = tmp_path / kernel
        for run in runs[kernel]:
            assert run.cell.environment.kernels["numpy"] == kernel
            assert run.cell.environment.arithmetic == "pinned"
            store.save(folder, run)
        ended = optathlon(tmp_path / "bits.py", "verify", "--results", str(folder), pins={"OPENBLAS_CORETYPE": other})
        assert ended.returncode == 0, ended.stdout + ended.stderr
        assert "4 of 4 comparisons agree" in ended.stdout
        (group,) = store.scan(folder)
        assert isinstance(group, Group)
        findings = verify_group(suite, group)
        assert [f.rule for f in findings if f.what == "value"] == ["equal to the last bit"] * 2
        forged = Group(group.cell, [run | {"scores": {"value": run["scores"]["value"] * (1 + 1e-15)}} for run in group.runs])
        assert not all(f.agrees for f in verify_group(suite, forged))


def test_an_arithmetic_that_is_not_to_be_had_is_verified_by_the_rule_for_elsewhere(suite: Suite) -> None:
    cell = plan_cell(suite, suite.workloads[0], suite.methods[0])
    assert arithmetic.pins_for({"numpy": "NEOVERSEN1"}) is None
    (run,) = run_under({}, [Job(suite, suite.workloads[0], suite.methods[0], cell, 0, 60.0, 2**30)])
    environment = replace(cell.environment, kernels={"numpy": "NEOVERSEN1"})
    record = replace(run, cell=replace(cell, environment=environment))
    findings: list[Finding] = verify_group(suite, Group(record.cell, [store.encoding.encode_run(record)]))
    assert [f.rule for f in findings if f.what == "value"] == ["1e-6 relative"]
    assert all(f.agrees for f in findings)


def test_a_probe_that_a_busy_machine_has_stopped_is_made_again(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """Its silence was kept: from then on every record was without kernels, and none was verified to the last bit."""
    monkeypatch.setenv("OPTATHLON_CACHE", str(tmp_path))
    found = []
    for seconds in (1e-3, 900):
        monkeypatch.setattr(arithmetic, "_PROBE_SECONDS", seconds)
        arithmetic._kernels.cache_clear()
        found.append(arithmetic.kernels({}))
    arithmetic._kernels.cache_clear()
    assert found[0] == {}
    assert "numpy" in found[1]


def test_an_arithmetic_that_is_to_be_had_in_part_is_the_nearest() -> None:
    """MKL takes AVX2 on Intel's processors only: a portable record was run again in another's native arithmetic."""
    portable = arithmetic.kernels(arithmetic.AVX2)
    if not portable or portable == arithmetic.kernels({}):
        pytest.skip("no AVX2 here, or nothing beyond it")
    assert arithmetic.pins_for(portable | {"mkl": "of another maker"}) == arithmetic.AVX2


def test_portable_pins_avx2_everywhere_and_stands_beside_native(suite: Suite, tmp_path: Path) -> None:
    if not arithmetic.kernels(arithmetic.AVX2):
        pytest.skip("no AVX2 here")
    run = ("run", "bits", "--scale", "smoke", "--results", str(tmp_path / "results"), "--machine", "here")
    for arguments in ((*run, "--arithmetic", "portable"), run, (*run, "--arithmetic", "portable")):
        ended = optathlon(tmp_path / "bits.py", *arguments, pins={})
        assert ended.returncode == 0, ended.stderr
    assert "0 cells run, 2 recorded before" in ended.stderr
    portable, native = sorted((tmp_path / "results" / "records").rglob("*.json"), key=lambda path: "portable" not in path.name)
    assert portable.name.startswith("m@cpu+portable.")
    assert native.name.startswith("m@cpu.")
    kernels = json.loads(portable.read_text())["cell"]["environment"]["kernels"]
    assert kernels["numpy"] == kernels["scipy"] == "Haswell"
    assert kernels["torch"] == "AVX2"
    assert kernels["numba"] == "haswell"
    assert kernels["numpy-simd"] in ("X86_V3", "AVX2", "FMA3")
    assert kernels.get("mkl", "CNR:AVX2").endswith(("CNR:AVX2", "CNR:AUTO")), "the latter where the processor is not Intel's"
    groups = [group for group in store.scan(tmp_path / "results") if isinstance(group, Group)]
    assert len(store.newest(groups)) == 2


def test_unknown_arithmetic_is_a_sentence(suite: Suite, tmp_path: Path) -> None:
    ended = optathlon(tmp_path / "bits.py", "run", "bits", "--arithmetic", "exact", pins={})
    assert ended.returncode == 1
    assert "native or portable" in ended.stderr


def test_the_name_of_an_arithmetic_is_what_the_environment_pins(monkeypatch: pytest.MonkeyPatch) -> None:
    for variable in arithmetic.VARIABLES:
        monkeypatch.delenv(variable, raising=False)
    assert arithmetic.name() == "native"
    monkeypatch.setenv("ATEN_CPU_CAPABILITY", "default")
    assert arithmetic.name() == "pinned"
    for variable, value in arithmetic.AVX2.items():
        monkeypatch.setenv(variable, value)
    assert arithmetic.name() == "portable"
    assert set(arithmetic.environment_under({})) == set(os.environ) - set(arithmetic.VARIABLES)


def test_a_processor_that_cannot_answer_is_remembered_as_such(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("OPTATHLON_CACHE", str(tmp_path))
    monkeypatch.setattr(arithmetic, "_ask", lambda pins: {})
    assert arithmetic.kernels({"OPENBLAS_CORETYPE": "nobody's"}) == {}
    (note,) = (tmp_path / "kernels").iterdir()
    assert json.loads(note.read_text()) == {}
    note.write_text("torn")
    arithmetic._kernels.cache_clear()
    assert arithmetic.kernels({"OPENBLAS_CORETYPE": "nobody's"}) == {}
