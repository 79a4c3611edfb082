"""What is measured is what there was: children, memory, digits, signals, warm-ups; and who forges is not believed."""

from __future__ import annotations

import contextlib
import ctypes
import errno
import gc
import os
import signal
import socket
import stat
import subprocess
import sys
import threading
import time
from collections.abc import Callable, Iterator, Mapping
from dataclasses import replace
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from optathlon import store
from optathlon.measure import Job, guardian, plan_cell, pool, report, run_cell, run_jobs
from optathlon.measure.clock import trace_point
from optathlon.spec import Context, Method, Metric, RunRecord, Scale, Status, Suite, Workload
from optathlon.spec.text import clean
from optathlon.store import Group


def suite_of(run: Callable[..., Any], make: Callable[..., Any] = lambda rng, device: 1.0, **fields: Any) -> Suite:
    return Suite(
        name="probe",
        version="1",
        title="",
        source="",
        workloads=(Workload(name="w", make=make, scale=Scale.SMOKE, budget=0.5),),
        methods=(Method(name="m", run=run, **fields),),
        metrics=(Metric(name="value", unit="1", better="lower", evaluate=lambda problem, answer: 1.0),),
        reference_method="m",
    )


def isolated(suite: Suite, *, timeout: float = 20.0, memory: int = 2**29) -> RunRecord:
    workload, method = suite.workloads[0], suite.methods[0]
    (record,) = run_jobs([Job(suite, workload, method, plan_cell(suite, workload, method, machine="here"), 0, timeout, memory)])
    return record


def test_cpu_seconds_of_children_count() -> None:
    program = "import time\nwhile time.process_time() < 0.3: pass"

    def waits(problem: float, context: Context) -> float:
        subprocess.run([sys.executable, "-c", program], check=True)
        return 1.0

    def leaves(problem: float, context: Context) -> float:
        if os.fork() == 0:
            while True:
                pass
        time.sleep(0.6)
        return 1.0

    waited = isolated(suite_of(waits)).cpu_seconds
    left = isolated(suite_of(leaves)).cpu_seconds
    assert waited is not None
    assert waited >= 0.3
    assert left is not None
    assert left >= 0.05, "a child that has not ended counts too, however little it got of a busy machine"


def test_what_a_child_did_before_the_solve_does_not_count() -> None:
    """A pool that a warm-up leaves behind, or a server of whoever measures in a process of its own."""
    program = "import time\nwhile time.process_time() < 0.5: pass\nprint(flush=True)\ninput()"
    busy = subprocess.Popen([sys.executable, "-c", program], stdin=subprocess.PIPE, stdout=subprocess.PIPE)
    assert busy.stdout is not None
    busy.stdout.readline()
    suite = suite_of(lambda problem, context: 1.0)
    seconds = run_cell(suite, suite.workloads[0], suite.methods[0], "cpu", 0).cpu_seconds
    busy.communicate(b"\n")
    assert seconds is not None
    assert seconds < 0.3


def test_memory_of_children_counts() -> None:
    program = "import time; x = bytearray(2**28); x[::4096] = b'x' * len(x[::4096]); time.sleep(2)"

    def method(problem: float, context: Context) -> float:
        subprocess.run([sys.executable, "-c", program], check=True)
        return 1.0

    record = isolated(suite_of(method))
    assert record.peak_memory is not None
    assert record.peak_memory >= 0.95 * 2**28  # the cell itself may have given back what it held at the start


def test_peak_memory_is_the_methods_not_a_metrics_nor_the_instances() -> None:
    """A look of the guardian that met the scoring was taken for the method's: 114 MiB for one of 0.4, now and then."""

    def holds(*_: Any) -> float:
        held = np.ones(2**24)
        time.sleep(1.5)  # looks are 0.25 s apart
        return float(held[0])

    suite = suite_of(lambda problem, context: 1.0, holds)
    suite = replace(suite, metrics=(replace(suite.metrics[0], evaluate=holds),))
    record = isolated(suite)
    assert record.status is Status.OK
    assert record.peak_memory is not None
    assert record.peak_memory < 2**25


@pytest.mark.parametrize("leaves_free_heap", [False, True])
def test_peak_memory_does_not_hide_in_heap_that_the_instance_left_free(leaves_free_heap: bool) -> None:
    def make(rng: np.random.Generator, device: str) -> float:
        if leaves_free_heap:
            blocks = [np.ones(10_000) for _ in range(2500)]  # 200 MB in pieces that the heap keeps
            pin = np.ones(10_000)
            del blocks
            assert pin.size
        return 1.0

    def method(problem: float, context: Context) -> float:
        return float(sum(block[-1] for block in [np.ones(10_000) for _ in range(2500)]))

    record = isolated(suite_of(method, make), memory=2**30)
    assert record.peak_memory is not None
    assert 1.9e8 < record.peak_memory < 2.6e8


def test_the_digits_of_a_trace_do_not_decide_what_is_solved() -> None:
    assert trace_point(0, 0.0, [0.1000004], 0.1)[2] > 0.1
    assert trace_point(0, 0.0, [0.09999996], 0.1)[2] < 0.1
    assert trace_point(0, 0.0, [0.1234567], 0.1)[2] == 0.123457
    assert trace_point(0, 0.0, [0.1000004], None)[2] == 0.1


@pytest.mark.parametrize(("number", "name"), [(40, "SIGRTMIN+6"), (64, "SIGRTMAX"), (9, "SIGKILL")])
def test_a_signal_without_a_name_ends_its_cell_only(number: int, name: str) -> None:
    record = isolated(suite_of(lambda problem, context: os.kill(os.getpid(), number)))
    assert record.status is Status.CRASHED
    assert f"signal {number} ({name})" in record.reason


def test_a_kernel_without_process_descriptors_is_a_sentence(monkeypatch: pytest.MonkeyPatch) -> None:
    def missing(pid: int) -> int:
        raise OSError(errno.ENOSYS, "Function not implemented")

    monkeypatch.setattr(os, "pidfd_open", missing)
    before = guardian.descendants(os.getpid())
    with pytest.raises(OSError, match=r"Linux 5\.3"):
        isolated(suite_of(lambda problem, context: 1.0))
    assert guardian.descendants(os.getpid()) == before


def test_a_run_begun_in_a_thread_that_ends_says_so_and_leaves_nothing() -> None:
    suite = suite_of(lambda problem, context: time.sleep(30))
    workload, method = suite.workloads[0], suite.methods[0]
    job = Job(suite, workload, method, plan_cell(suite, workload, method, machine="here"), 0, 20.0, 2**29)
    started: list[Any] = []

    def begin() -> None:
        started.append(pool._start(job, pool._cell_task(job)))
        time.sleep(1.0)  # long enough for the guardian to know its parent

    thread = threading.Thread(target=begin)
    thread.start()
    thread.join()
    (child,) = started
    status = pool._reap(child)
    record = report.record_of(job, report.parse(child.received, child.process.word), "", timed_out=False, status=status)
    assert record.status is Status.CRASHED
    assert "told to stop" in record.reason or "the thread or process that had started it" in record.reason


def test_the_memory_limit_holds_once_the_method_has_begun() -> None:
    record = isolated(suite_of(lambda problem, context: float(np.ones(2**26).sum())), memory=2**27)
    assert record.status is Status.OUT_OF_MEMORY


def test_memory_that_processes_share_counts() -> None:
    import mmap

    def method(problem: float, context: Context) -> float:
        block = mmap.mmap(-1, 2**28)
        for start in range(0, 2**28, 4096):
            block[start] = 1
        time.sleep(5)
        return 1.0

    assert isolated(suite_of(method), memory=2**26).status is Status.OUT_OF_MEMORY


def end_the_guardian() -> None:
    """Kill the process above, and live on where the kernel would have ended this one too."""
    ctypes.CDLL(None).prctl(1, 0)  # PR_SET_PDEATHSIG: no signal
    os.kill(os.getppid(), signal.SIGKILL)


def test_a_cell_that_ends_its_guardian_is_not_believed() -> None:
    def method(problem: float, context: Context) -> float:
        end_the_guardian()
        return 1.0

    record = isolated(suite_of(method))
    assert record.status is Status.CRASHED
    assert "its guardian was ended" in record.reason


@pytest.mark.parametrize(
    "line",
    [
        b'{"run": {"seed": 0}}', b'{"point": 5}', b'{"run": {"status": "great"}}', b"nonsense", b"[1]", b"[" * 5000,
        b'{"run": {"status": "ok", "scores": {"value": -1e9}, "seconds": 0.0}}',
    ],
)  # fmt: skip
def test_a_forged_line_makes_its_cell_crashed(line: bytes) -> None:
    def method(problem: float, context: Context) -> float:
        for descriptor in range(3, 64):
            with contextlib.suppress(OSError):
                if stat.S_ISFIFO(os.fstat(descriptor).st_mode):
                    os.write(descriptor, line + b"\n")
        return 1.0

    record = isolated(suite_of(method))
    assert record.status is Status.CRASHED
    assert "wrote to its pipe" in record.reason


def test_a_cell_cannot_write_into_what_its_caller_has_open() -> None:
    """Such as the pipes of a cluster's worker, or of these tests' own."""
    read_end, write_end = os.pipe()
    here, there = socket.socketpair()

    def method(problem: float, context: Context) -> float:
        for descriptor in range(3, 256):
            with contextlib.suppress(OSError):
                if stat.S_IFMT(os.fstat(descriptor).st_mode) in (stat.S_IFIFO, stat.S_IFSOCK):
                    os.write(descriptor, b"forged")
        return 1.0

    with here, there:
        assert isolated(suite_of(method)).status is Status.CRASHED
        os.write(write_end, b".")
        here.send(b".")
        assert os.read(read_end, 100) == b"."
        assert there.recv(100) == b"."
    os.close(read_end)
    os.close(write_end)


@pytest.mark.parametrize(
    "change",
    [
        {"status": "great"}, {"seconds": -1.0}, {"seconds": "fast"}, {"scores": {}}, {"scores": {"value": None}}, {"trace": [5]},
        {"trace": [[0, 1, 2, 3, 4]]}, {"exhibits": {"x": {}}}, {"reason": 5},
    ],
)  # fmt: skip
def test_a_report_that_is_no_record_is_not_believed(change: dict[str, Any]) -> None:
    suite = suite_of(lambda problem, context: 1.0)
    workload, method = suite.workloads[0], suite.methods[0]
    job = Job(suite, workload, method, plan_cell(suite, workload, method, machine="here"), 3, 20.0, 2**29)
    run = {
        "status": "ok", "scores": {"value": 1.0}, "seconds": 0.1, "cpu_seconds": 0.1, "peak_memory": 1, "gpu_memory": None,
        "sections": {}, "trace": [], "exhibits": {}, "reason": "",
    }  # fmt: skip
    end = {"status": 0, "held": 0, "strays": 0}
    assert report.record_of(job, report.Report(run=run, end=end), "", timed_out=False, status=0).status is Status.OK
    bad = report.record_of(job, report.Report(run=run | change, end=end), "", timed_out=False, status=0)
    assert (bad.status, bad.seed) == (Status.CRASHED, 3)
    assert "no record" in bad.reason


def test_a_refused_private_mapping_is_out_of_memory() -> None:
    def method(problem: float, context: Context) -> float:
        raise OSError(errno.ENOMEM, "Cannot allocate memory")

    assert run_of(method).status is Status.OUT_OF_MEMORY


def run_of(method: Callable[..., Any]) -> RunRecord:
    suite = suite_of(method)
    return run_cell(suite, suite.workloads[0], suite.methods[0], "cpu", 0)


@pytest.mark.parametrize("shown", [[1.0, float("nan")], [float("inf")], None, 1.0, np.ones((2, 2)), {"a": 1.0}])
def test_an_exhibit_that_no_reader_takes_leaves_the_scores(tmp_path: Path, shown: object) -> None:
    suite = replace(suite_of(lambda problem, context: 1.0), exhibit=lambda problem, answer: {"x": shown})
    record = isolated(suite)
    assert record.status is Status.OK
    assert "exhibit 'x' must be" in record.reason
    store.save(tmp_path, record)
    (group,) = store.scan(tmp_path)
    assert isinstance(group, Group)


def test_collections_in_a_cell_do_not_look_at_what_a_grown_process_holds() -> None:
    held = [[number] for number in range(100_000)]
    suite = suite_of(lambda problem, context: float(gc.collect() >= 0))
    workload, method = suite.workloads[0], suite.methods[0]
    cell = plan_cell(suite, workload, method)
    looked_at: list[int] = []

    def count(phase: str, info: Mapping[str, int]) -> None:
        if phase == "start" and info["generation"] == 2:
            looked_at.append(len(gc.get_objects()))  # what is frozen is not among them

    gc.collect()
    gc.callbacks.append(count)
    try:
        for seed in range(20):
            run_cell(suite, workload, method, "cpu", seed, cell=cell)
    finally:
        gc.callbacks.remove(count)
    assert len(looked_at) >= 20
    assert max(looked_at) < len(held) / 10


def test_text_that_is_not_seen_is_written_as_its_escape() -> None:
    assert clean("\x1b[31mred\u202e\x00\u200b\ud800") == "\\x1b[31mred\\u202e\\x00\\u200b\\ud800"
    assert clean("two\nlines\t é α → ×") == "two\nlines\t é α → ×"


KERNEL = """
import numba
from optathlon.spec import Method, Metric, Scale, Suite, Workload

@numba.njit(cache=True)
def double(x):
    return 2.0 * x

def run(problem, context):
    return double(problem)

SUITE = Suite(
    name="compiled", version="1", title="", source="", reference_method="m",
    workloads=(Workload(name="w", make=lambda rng, device: 1.0, scale=Scale.SMOKE, seeds=1),),
    methods=(Method(name="m", run=run, warm_up=lambda: double(1.0)),),
    metrics=(Metric(name="value", unit="1", better="lower", evaluate=lambda problem, answer: answer),),
)
"""


@pytest.mark.parametrize("suffix", [".nbi", ".nbc"])
def test_a_torn_cache_of_compiled_kernels_is_made_again(tmp_path: Path, suffix: str) -> None:
    (tmp_path / "compiled.py").write_text(KERNEL)
    command = [sys.executable, "-m", "optathlon", "--suite", str(tmp_path / "compiled.py"), "run", "compiled", "--scale", "smoke"]
    environment = os.environ | {"NUMBA_CACHE_DIR": str(tmp_path / "cache")}
    for torn in (None, 0, 10):
        files = list((tmp_path / "cache").rglob(f"*{suffix}"))
        assert bool(files) == (torn is not None)
        for file in files:
            file.write_bytes(file.read_bytes()[:torn])
        results = str(tmp_path / f"results-{torn}")
        ended = subprocess.run(
            [*command, "--results", results], capture_output=True, text=True, check=False, env=environment, timeout=900
        )
        assert ended.returncode == 0, ended.stderr


@pytest.fixture
def running() -> Iterator[subprocess.Popen[bytes]]:
    program = (
        "import os, sys, time, subprocess; sys.path.insert(0, sys.argv[1])\n"
        "from test_measuring import suite_of; from optathlon.measure import Job, plan_cell, run_jobs\n"
        "def run(p, c):\n"
        "    subprocess.Popen(['sleep', '62'], start_new_session=True)\n"
        "    print('begun', flush=True); time.sleep(60)\n"
        "s = suite_of(run)\n"
        "w, m = s.workloads[0], s.methods[0]\n"
        "list(run_jobs([Job(s, w, m, plan_cell(s, w, m), 0, 60.0, 2**29)]))\n"
    )
    process = subprocess.Popen([sys.executable, "-c", program, str(Path(__file__).parent)])
    end = time.monotonic() + 30
    while time.monotonic() < end and len(guardian.descendants(process.pid)) < 3:
        time.sleep(0.01)
    yield process
    process.kill()
    process.wait()


@pytest.mark.parametrize("number", [signal.SIGTERM, signal.SIGHUP, signal.SIGKILL])
def test_a_run_that_is_ended_takes_all_that_its_cells_began(running: subprocess.Popen[bytes], number: int) -> None:
    below = guardian.descendants(running.pid)
    assert len(below) >= 3, "guardian, cell, and a child in a session of its own"
    running.send_signal(number)
    running.wait()
    end = time.monotonic() + 30
    while time.monotonic() < end and any(map(_runs, below)):
        time.sleep(0.01)
    assert not list(filter(_runs, below))


def _runs(pid: int) -> bool:
    """Return whether a process runs: one that has ended may wait for somebody to ask how."""
    with contextlib.suppress(OSError):
        return Path(f"/proc/{pid}/stat").read_text().rpartition(")")[2].split()[0] != "Z"
    return False
