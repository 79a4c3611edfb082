"""The process from which a worker's cells are forked: single-threaded, warm, and told what to do line by line.

A worker's own process has threads, and a fork of it could hold a lock for ever; a cell also ends with the thread that started it.
The nursery reads one JSON object a line from its input and answers in lines: any number of records, then an end.
"""

from __future__ import annotations

import contextlib
import os
import signal
import sys
from collections.abc import Iterator, Mapping
from dataclasses import replace
from pathlib import Path
from typing import Any

import orjson

from optathlon.measure.guardian import end_with_parent
from optathlon.threads import fix_threads

Answer = dict[str, Any]


class _Told(BaseException):
    """The worker has told this nursery to end the cell that runs."""


class Nursery:
    """The answers to what a worker may ask."""

    def __init__(self, paths: list[str]) -> None:
        from optathlon.registry import Registry

        self.registry = Registry(paths)
        self.running = False
        signal.signal(signal.SIGUSR1, self._interrupt)

    def _interrupt(self, number: int, frame: object) -> None:
        if self.running:
            self.running = False
            raise _Told

    def answer(self, question: Mapping[str, Any]) -> Iterator[Answer]:
        """Yield the answers to one question; what goes wrong is said in an answer too."""
        try:
            yield from getattr(self, f"_{question['do']}")(question)
        except _Told:
            yield {"end": "stopped"}
        except (Exception, SystemExit) as error:
            yield {"end": "failed", "why": f"{type(error).__name__}: {error}"}

    def _identity(self, question: Mapping[str, Any]) -> Iterator[Answer]:
        from optathlon.cluster.identity import identity

        yield {"end": "ok", "identity": identity(self.registry, question["suites"], question["device"])}

    def _plan(self, question: Mapping[str, Any]) -> Iterator[Answer]:
        from optathlon.store.encoding import encode_cell

        yield {"end": "ok", "cells": [encode_cell(self._cell(address)) for address in question["cells"]]}

    def _cell(self, address: Mapping[str, Any]) -> Any:
        from optathlon.measure import plan_cell

        suite = self.registry.load(address["suite"])
        workload, method = suite.workload(address["workload"]), suite.method(address["method"])
        return plan_cell(suite, workload, method, address["device"])

    def _run(self, question: Mapping[str, Any]) -> Iterator[Answer]:
        """Run the seeds of one cell that are not in the spool; each record goes there before it is told."""
        from optathlon.measure import Job, run_jobs
        from optathlon.store import ABSENT, spool

        cell, results = self._cell(question), Path(question["results"])
        if cell.key != question["key"]:
            why = f"its key is {cell.key[:12]} here and {question['key'][:12]} where it was planned: data or versions differ"
            yield {"end": "refused", "why": why}
            return
        suite = self.registry.load(cell.suite)
        jobs = []
        for seed in question["seeds"]:
            known = spool.spooled(results, cell.key, seed) if question["reuse"] else None
            if known is not None:
                yield {"record": spool.pack_record(known).decode()}
            else:
                parts = suite, suite.workload(cell.workload), suite.method(cell.method)
                jobs.append(Job(*parts, cell, seed, question["timeout"], question["memory"]))
        self.running = True
        try:
            for ended in run_jobs(jobs, alone=True):
                record = replace(ended, jobs=question["slots"])
                if record.status not in ABSENT:
                    with contextlib.suppress(OSError):  # a full disk there costs the copy, not the record
                        spool.leave(results, record)
                yield {"record": spool.pack_record(record).decode()}
        finally:
            self.running = False
        yield {"end": "ok"}


def main() -> None:
    """Answer until the input ends."""
    end_with_parent()
    signal.signal(signal.SIGINT, signal.SIG_IGN)  # of the terminal: the worker decides
    signal.signal(signal.SIGUSR1, signal.SIG_IGN)
    fix_threads()
    questions, answers = os.fdopen(os.dup(0), "rb"), os.dup(1)
    os.dup2(os.open(os.devnull, os.O_RDONLY), 0)
    os.dup2(2, 1)  # what a warm-up prints is no answer
    nursery = Nursery(sys.argv[1:])
    for line in questions:
        for answer in nursery.answer(orjson.loads(line)):
            data = memoryview(orjson.dumps(answer) + b"\n")
            while data:
                data = data[os.write(answers, data) :]


if __name__ == "__main__":
    main()
