"""Real drivers, schedulers and workers as processes, and what they leave."""

from __future__ import annotations

import contextlib
import os
import signal
import subprocess
import sys
import time
from collections import Counter
from collections.abc import Callable, Iterator
from pathlib import Path

import pytest

from optathlon.measure.seeds import stream
from optathlon.store import RecordError, scan, spool

SUITE = Path(__file__).with_name("counted_suite.py")
CELLS = 16  # runs: two workloads, four methods, two seeds


class House:
    """A folder of results and the processes that belong to it."""

    def __init__(self, folder: Path) -> None:
        self.folder, self.results, self.counted = folder, folder / "results", folder / "counted"
        self.counted.mkdir()
        self.started: list[subprocess.Popen[str]] = []
        self.mark = f"MARK={folder}"

    def start(self, *arguments: str, suite: Path = SUITE, **environ: str) -> subprocess.Popen[str]:
        """Start a command of ours with the suite."""
        command = [sys.executable, "-m", "optathlon", "--suite", str(suite), *arguments]
        return self.spawn(command, **environ)

    def spawn(self, command: list[str], **environ: str) -> subprocess.Popen[str]:
        given = os.environ | {"COUNTED": str(self.counted), "MARK": str(self.folder)} | environ
        process = subprocess.Popen(
            command,
            env=given,
            text=True,
            stdout=subprocess.PIPE,
            stderr=subprocess.PIPE,
            cwd=self.folder,
            preexec_fn=lambda: signal.signal(signal.SIGINT, signal.SIG_DFL),  # a shell's background job ignores it
        )
        self.started.append(process)
        return process

    def run(self, *options: str, **environ: str) -> subprocess.Popen[str]:
        """Start the run of the suite into the folder of results."""
        return self.start("run", "counted", "--scale", "smoke", "--results", str(self.results), *options, **environ)

    def scheduler(self) -> str:
        process = self.spawn([sys.executable, "-m", "optathlon.cluster.places", "127.0.0.1"])
        assert process.stdout is not None
        return process.stdout.readline().strip()

    def processes(self, word: str = "", *variables: str) -> list[int]:
        """Return the processes of this house, by what stands in their environment and command line."""
        found, marks = [], {mark.encode() for mark in (self.mark, *variables)}
        for entry in Path("/proc").iterdir():
            try:
                mine = entry.name.isdigit() and marks <= set((entry / "environ").read_bytes().split(b"\0"))
                state = (entry / "stat").read_text().rpartition(")")[2].split()[0]
                if mine and state != "Z" and word.encode() in (entry / "cmdline").read_bytes().replace(b"\0", b" "):
                    found.append(int(entry.name))
            except (OSError, ValueError):
                continue
        return sorted(found)

    def ended(self) -> Counter[str]:
        """Return how often each cell came to its end."""
        lines = [f"{path.name} {line}" for path in self.counted.glob("ended-*") for line in path.read_text().splitlines()]
        return Counter(lines)

    def kept(self) -> set[str]:
        """Return the cells that are finished for good, recorded or in the spool, named as `ended` does."""
        done = set()
        for path in (self.results / ".spool").glob("*.json"):
            with contextlib.suppress(FileNotFoundError):  # taken in meanwhile
                record = spool.unpack_record(path.read_bytes())
                done.add((record.cell.workload, record.cell.method, record.seed))
        done |= set(self.recorded())
        names = set()
        for workload, method, seed in done:
            size = 8 + int(workload[1:])
            names.add(f"ended-{1.0 + int(method[4:])} {size} {stream(seed, 0).normal(size=size)[0]!r}")
        return names

    def recorded(self) -> dict[tuple[str, str, int], float]:
        """Return the scores that are recorded, each address and seed once."""
        scores: dict[tuple[str, str, int], float] = {}
        for group in scan(self.results):
            assert not isinstance(group, RecordError), group
            for run in group.runs:
                address = (group.cell.workload, group.cell.method, run["seed"])
                assert address not in scores
                assert run["status"] == "ok", run
                scores[address] = run["scores"]["norm"]
        return scores

    def until(self, holds: Callable[[], object], seconds: float = 300.0) -> None:
        deadline = time.monotonic() + seconds
        while not holds():
            assert time.monotonic() < deadline, f"it took too long; of those that ended: {self._last_words()}"
            time.sleep(0.02)

    def _last_words(self) -> list[str]:
        return [(process.communicate()[1] or "")[-2000:] for process in self.started if process.poll() is not None]

    def clear(self) -> None:
        for process in self.started:
            if process.poll() is None:
                process.send_signal(signal.SIGTERM)
        deadline = time.monotonic() + 5
        while time.monotonic() < deadline and any(process.poll() is None for process in self.started):
            time.sleep(0.05)
        for process in self.started:
            process.kill()
            process.communicate()
        for pid in self.processes():
            with contextlib.suppress(ProcessLookupError):  # it went with another
                os.kill(pid, signal.SIGKILL)


@pytest.fixture
def house(tmp_path: Path) -> Iterator[House]:
    here = House(tmp_path)
    yield here
    here.clear()


@pytest.fixture(scope="session")
def alone(tmp_path_factory: pytest.TempPathFactory) -> dict[tuple[str, str, int], float]:
    """Return the scores of the same suite with --jobs 1 on this machine."""
    here = House(tmp_path_factory.mktemp("alone"))
    process = here.run("--jobs", "1")
    _, said = process.communicate(timeout=300)
    assert process.returncode == 0, said
    return here.recorded()
