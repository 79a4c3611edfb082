"""The driver's side: who may take part, which cell goes where, and what happens when somebody is lost."""

from __future__ import annotations

import contextlib
import queue
import time
import uuid
from collections import Counter, deque
from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import orjson
from dask import config
from distributed import Client, Future

from optathlon.cluster import tasks
from optathlon.cluster.identity import ALIKE, OURS, differences, identity
from optathlon.measure import Job
from optathlon.measure.report import failed
from optathlon.registry import Registry
from optathlon.spec import RunRecord, Status
from optathlon.store import RecordError, spool
from optathlon.store.encoding import decode_cell

_TRIES = 3  # workers that a cell may cost before it is given up
_LOOK = 1.0  # seconds between looks at who is there
_TAGS = 2.0  # seconds within which a worker that has just come tells its tags
_ALONE = 120.0  # seconds without any worker after which a run is given up
_ANSWER = 5.0  # seconds that an answer may take from a worker that has finished


class ClusterError(Exception):
    """The run cannot begin or go on; finished cells are recorded."""


@dataclass
class _Task:
    """A cell with all its pending seeds, and how many workers it has cost."""

    jobs: list[Job]
    tries: int = 0

    @property
    def method(self) -> tuple[str, str]:
        return self.jobs[0].cell.suite, self.jobs[0].cell.method


@dataclass
class _Slot:
    """A worker that takes part: what it does now, and the methods it is warm for."""

    name: str
    host: str
    task: _Task | None = None
    future: Future | None = None
    warm: set[tuple[str, str]] = field(default_factory=set)


class Cluster:
    """The workers of one class behind a scheduler, for one run.

    Parameters
    ----------
    address : str
        The scheduler, ``tcp://host:port``.
    registry : Registry
        The suites as the driver knows them.
    suites : sequence of str
        Those that are run.
    device : str
        ``"cpu"`` or ``"cuda"``: workers without that tag do not count.
    machine : str, optional
        The class of machine to use, where there are several.
    results : Path
        The folder of records: workers that can see it leave their records in its spool too.
    reuse : bool
        Take what lies there instead of measuring anew.
    expect : int
        How many workers to wait for, at most `wait` seconds.
    wait : float
        Seconds.

    Raises
    ------
    ClusterError
        There is no scheduler, nobody has the tag, a worker's code, suites or plug-ins are not the driver's, or there are several
        classes of machine and none is named.
    """

    def __init__(
        self,
        address: str,
        registry: Registry,
        suites: Sequence[str],
        *,
        device: str = "cpu",
        machine: str | None = None,
        results: Path = Path("results"),
        reuse: bool = True,
        expect: int = 1,
        wait: float = 20.0,
    ) -> None:
        self.suites, self.device, self.results, self.reuse = list(suites), device, results.absolute(), reuse
        self.run = uuid.uuid4().hex
        self.slots: dict[str, _Slot] = {}
        self.refused: set[str] = set()
        self.ours = identity(registry, suites, "cpu")
        config.set({"distributed.comm.timeouts.connect": f"{min(wait, 10):g}s"})
        try:
            self.client = Client(address, timeout=min(wait, 10), set_as_default=False)
        except (OSError, TimeoutError, ValueError) as error:
            raise ClusterError(f"no scheduler answers at {address}: {error}") from None
        try:
            known = self._await_workers(expect, wait)
            self._check(known, machine)
        except BaseException:
            self.close()
            raise

    # ---- who takes part

    def _everybody(self) -> dict[str, Mapping[str, Any]]:
        """Return the workers that the scheduler knows, by address."""
        try:
            scheduler: Any = self.client.scheduler
            known: Any = self.client.sync(scheduler.identity, n_workers=-1, callback_timeout=10)
            return known["workers"]
        except Exception as error:
            raise ClusterError(f"the scheduler is lost ({type(error).__name__}); the same command goes on from there") from None

    def _tagged(self, workers: Mapping[str, Mapping[str, Any]]) -> dict[str, Mapping[str, Any]]:
        """Return those that have the device's tag."""
        return {address: worker for address, worker in workers.items() if worker["resources"].get(self.device, 0) >= 1}

    def _await_workers(self, expect: int, wait: float) -> dict[str, Mapping[str, Any]]:
        """Wait for the workers that were asked for; where there are others already, nobody waits for a tag that they lack."""
        began = time.monotonic()
        came = None  # when there were enough, tagged or not
        while True:
            everybody = self._everybody()
            known, waited = self._tagged(everybody), time.monotonic() - began
            came = came or (time.monotonic() if len(everybody) >= expect else None)
            if len(known) >= expect or (waited > wait and known):
                return known
            if waited > wait or (came is not None and not known and time.monotonic() - came > _TAGS):
                there = f"{len(everybody)} workers, none of them with the tag {self.device}" if everybody else "no workers"
                hint = f"; start one with: optathlon worker ADDRESS{' --gpu' if self.device == 'cuda' else ''}"
                raise ClusterError(f"the scheduler has {there}{hint}")
            time.sleep(0.1)

    def _identities(self, addresses: Sequence[str]) -> dict[str, dict[str, Any]]:
        """Return what each worker says that it is; empty for a dask worker that is not ours."""
        question = orjson.dumps({"do": "identity", "suites": self.suites, "device": self.device})
        said: Any = self.client.run(tasks.ask, question, workers=list(addresses), on_error="return")
        found = {}
        for address, answer in said.items():
            last = orjson.loads(answer)[-1] if isinstance(answer, bytes) and answer else {"why": str(answer)[:200]}
            found[address] = last.get("identity") or {"why": last.get("why") or "not started by optathlon worker"}
        return found

    def _fault(self, who: str, it: Mapping[str, Any]) -> str:
        """Return why a worker may not take part; empty where it may."""
        if "why" in it:
            return f"worker {who} cannot take part: {it['why']}"
        other = differences(self.ours, it, OURS)
        return f"worker {who} has other code than this machine: {other}" if other else ""

    def _check(self, known: Mapping[str, Mapping[str, Any]], machine: str | None) -> None:
        """Refuse what differs, choose the class of machine, and take its workers."""
        found = self._identities(list(known))
        faults = [fault for address, it in found.items() if (fault := self._fault(known[address]["name"], it))]
        if faults:
            raise ClusterError("; ".join(faults[:4]))
        classes = Counter(it["machine"] for it in found.values())
        if machine is None and len(classes) > 1:
            listed = ", ".join(f"{name} ({count} slots)" for name, count in sorted(classes.items()))
            raise ClusterError(f"seconds of different machines never mix; choose one with --machine: {listed}")
        self.machine = machine or next(iter(classes))
        if self.machine not in classes:
            raise ClusterError(f"no worker is a {self.machine}; there are {', '.join(sorted(classes))}")
        mine = {address: it for address, it in found.items() if it["machine"] == self.machine}
        self.model = next(iter(mine.values()))
        for address, it in mine.items():
            other = differences(self.model, it, ALIKE)
            if other:
                raise ClusterError(f"worker {known[address]['name']} is no {self.machine} like the others: {other}")
            self._take(address, known[address])

    def _take(self, address: str, worker: Mapping[str, Any]) -> None:
        self.slots[address] = _Slot(str(worker["name"]), str(worker["host"]))

    def _look(self, tell: Callable[[str], None]) -> list[_Task]:
        """Take workers that have come, drop those that have gone, and return the tasks that these had."""
        present = self._tagged(self._everybody())
        lost = []
        for address in [address for address in self.slots if address not in present]:
            slot = self.slots.pop(address)
            if slot.task is not None:
                lost.append(slot.task)
                tell(f"worker {slot.name} is lost; its cell {' '.join(slot.task.method)} goes to another")
        new = [address for address in present if address not in self.slots and address not in self.refused]
        for address, it in (self._identities(new) if new else {}).items():
            fault = self._fault(present[address]["name"], it)
            if not fault and it["machine"] == self.machine:
                fault = differences(self.model, it, ALIKE)
            if fault:
                tell(f"not used: {fault}")
            if fault or it["machine"] != self.machine:
                self.refused.add(address)
            else:
                self._take(address, present[address])
        return lost

    # ---- what is run

    def plan(self, cells: Sequence[Sequence[Job]]) -> list[list[Job]]:
        """Return the same jobs with each cell as a worker plans it: under its machine, versions and key."""
        wanted = [
            {"suite": cell.suite, "workload": cell.workload, "method": cell.method, "device": cell.device}
            for cell in (jobs[0].cell for jobs in cells)
        ]
        first = next(iter(self.slots))
        answers: Any = self.client.run(tasks.ask, orjson.dumps({"do": "plan", "cells": wanted}), workers=[first])
        said = orjson.loads(answers[first])[-1]
        if "cells" not in said:
            raise ClusterError(f"worker {self.slots[first].name} cannot plan: {said.get('why')}")
        planned = [decode_cell(document) for document in said["cells"]]
        return [[job._replace(cell=cell) for job in jobs] for jobs, cell in zip(cells, planned, strict=True)]

    def run_jobs(
        self, jobs: Sequence[Job], *, parallel: int = 0, tell: Callable[[str], None] = lambda line: None, alone: bool = True
    ) -> Iterator[RunRecord]:
        """Run cells on the workers and yield each record as it comes, like `optathlon.measure.run_jobs`.

        `parallel` and `alone` are the workers' business here. Where the caller stops early, running cells are ended.
        """
        groups: dict[str, list[Job]] = {}
        for job in jobs:
            groups.setdefault(job.cell.key, []).append(job)
        waiting = deque(_Task(group) for group in groups.values())
        ended: queue.SimpleQueue[Future] = queue.SimpleQueue()
        looked = populated = time.monotonic()
        try:
            while waiting or any(slot.task for slot in self.slots.values()):
                self._hand_out(waiting, ended)
                with contextlib.suppress(queue.Empty):
                    yield from self._collect(ended.get(timeout=_LOOK / 4), waiting, tell)
                if time.monotonic() - looked < _LOOK and self.slots:
                    continue
                for task in self._look(tell):
                    yield from self._try_again(task, waiting, "its worker was lost")
                looked = time.monotonic()
                populated = looked if self.slots else populated
                if looked - populated > _ALONE:
                    raise ClusterError(f"no worker is left since {_ALONE:.0f} s; the same command goes on from there")
        finally:
            self._stop_cells()

    def _hand_out(self, waiting: deque[_Task], ended: queue.SimpleQueue[Future]) -> None:
        """Give every idle slot a cell: of a method that it is warm for, else of one that nobody is, else the next."""
        count = Counter(slot.host for slot in self.slots.values())
        for address, slot in self.slots.items():
            if slot.task is not None or not waiting:
                continue
            elsewhere = {method for other in self.slots.values() for method in other.warm}
            choices = (
                next((task for task in waiting if task.method in slot.warm), None),
                next((task for task in waiting if task.method not in elsewhere), None),
                waiting[0],
            )
            task = next(choice for choice in choices if choice is not None)
            waiting.remove(task)
            slot.warm.add(task.method)
            slot.task = task
            question = self._question(task, count[slot.host])
            slot.future = self.client.submit(
                tasks.measure, question, workers=[address], resources={self.device: 1}, pure=False, retries=0
            )
            slot.future.add_done_callback(ended.put)

    def _question(self, task: _Task, slots: int) -> bytes:
        cell, job = task.jobs[0].cell, task.jobs[0]
        address = {"suite": cell.suite, "workload": cell.workload, "method": cell.method, "device": cell.device, "key": cell.key}
        limits = {"seeds": [job.seed for job in task.jobs], "timeout": job.timeout, "memory": job.memory}
        how = {"run": self.run, "results": str(self.results), "reuse": self.reuse or task.tries > 0, "slots": slots}
        return orjson.dumps({"do": "run", **address, **limits, **how})

    def _collect(self, future: Future, waiting: deque[_Task], tell: Callable[[str], None]) -> Iterator[RunRecord]:
        """Yield the records of a finished task; one that has failed is tried again elsewhere."""
        address, slot = next(((at, slot) for at, slot in self.slots.items() if slot.future is future), ("", None))
        if slot is None or slot.task is None:
            return  # of a worker that was given up
        task, slot.task, slot.future = slot.task, None, None
        answers = self._answers(future)
        if answers is None:
            del self.slots[address]  # taken again at the next look, should it still be there
            tell(f"worker {slot.name} is lost; its cell {' '.join(task.method)} goes to another")
            yield from self._try_again(task, waiting, f"worker {slot.name} was lost")
            return
        left = {job.seed: job for job in task.jobs}
        for answer in answers:
            if "record" in answer:
                try:
                    record = spool.unpack_record(answer["record"])
                except RecordError as error:
                    tell(f"worker {slot.name}: {error}")
                    continue
                if record.cell.key == task.jobs[0].cell.key and left.pop(record.seed, None):
                    yield record
        if left:
            end = answers[-1]
            why = f"{end.get('end', 'failed')} on {slot.name}: {end.get('why', 'no record came')}"
            tell(why)
            yield from self._try_again(_Task(list(left.values()), task.tries), waiting, why)

    def _answers(self, future: Future) -> list[dict[str, Any]] | None:
        """Return what a worker has answered; None where it was lost before, or with its answer still on it."""
        if future.status != "finished":
            return None
        try:
            return orjson.loads(future.result(timeout=_ANSWER))
        except Exception:  # dask would wait for the lost worker to compute it again
            self.client.cancel([future])
            return None

    def _try_again(self, task: _Task, waiting: deque[_Task], why: str) -> Iterator[RunRecord]:
        task.tries += 1
        if task.tries < _TRIES:
            waiting.appendleft(task)
            return
        for job in task.jobs:
            yield failed(job, Status.CRASHED, f"tried on {_TRIES} workers: {why}")

    def doing(self) -> str:
        """Return in one line which worker does what."""
        busy = [
            f"{slot.name}: {slot.task.jobs[0].cell.workload} {slot.task.method[1]}" for slot in self.slots.values() if slot.task
        ]
        return "; ".join(busy[:4]) + (f" and {len(busy) - 4} more" if len(busy) > 4 else "")

    def _stop_cells(self) -> None:
        """End what still runs for this run."""
        futures = [slot.future for slot in self.slots.values() if slot.future is not None]
        if futures:
            addresses = [address for address, slot in self.slots.items() if slot.future is not None]
            with contextlib.suppress(Exception):
                self.client.run(tasks.stop, self.run, workers=addresses, on_error="ignore")
                self.client.cancel(futures)
        for slot in self.slots.values():
            slot.task = slot.future = None

    def close(self) -> None:
        """Leave the scheduler."""
        with contextlib.suppress(Exception):
            self.client.close(timeout=2)
