"""Run the cells that have no record yet, and save each record as it comes."""

from __future__ import annotations

import contextlib
import re
import signal
import sys
import threading
import time
from collections.abc import Callable, Iterator, Sequence
from datetime import UTC, datetime, timedelta
from pathlib import Path

from rich.console import Console
from rich.progress import BarColumn, MofNCompleteColumn, Progress, TextColumn, TimeElapsedColumn
from rich.text import Text

from optathlon import store
from optathlon.measure import Job, deserves_another_try, environment, run_jobs
from optathlon.spec import RunRecord, Status

_LOG_EVERY = 20
_PLACE = re.compile(r'File "([^"]+)", line (\d+)')


def execute(
    plan: Sequence[Sequence[Job]],
    results: Path,
    *,
    parallel: int,
    force: bool,
    run: Callable[..., Iterator[RunRecord]] = run_jobs,
    doing: Callable[[], str] | None = None,
) -> int:
    """Run the jobs that have no record yet, save each record as it comes, and return how many cells did not end ok.

    `run` is `optathlon.measure.run_jobs` or what stands in for it elsewhere, and `doing` says which worker does what there.
    """
    results = results.absolute()  # a method may leave the process in another folder, or without one
    store.sweep(results)
    if taken := store.spool.take_in(results):
        print(f"{taken} records taken in that an earlier run had left with its workers", file=sys.stderr)
    started = datetime.now(UTC).isoformat(timespec="milliseconds")
    pending: list[Job] = []
    done: list[RunRecord] = []
    for jobs in plan:
        recorded = {} if force else store.load_runs(results, jobs[0].cell)
        for job in jobs:
            known = recorded.get(job.seed)
            if known is None or deserves_another_try(known, job):
                pending.append(job)
            else:
                done.append(known)
    if pending and environment.commit()[1]:
        print("the working tree has changes: these records will be marked as dirty", file=sys.stderr)
    fresh = _execute_pending(pending, results, parallel, run, doing)
    ended = (*done, *fresh)
    measured = {record.cell.key for record in ended if record.status not in store.ABSENT}
    for jobs in plan:
        if jobs[0].cell.key in measured:
            store.discard(results, jobs[0].cell, started)
    failed = [record for record in ended if record.status is not Status.OK]
    _report(len(done), fresh, failed)
    return len(failed)


def _execute_pending(
    pending: Sequence[Job],
    results: Path,
    parallel: int,
    run: Callable[..., Iterator[RunRecord]],
    doing: Callable[[], str] | None,
) -> list[RunRecord]:
    fresh: list[RunRecord] = []
    if not pending:
        return fresh
    columns = (TextColumn("{task.description}"), BarColumn(), MofNCompleteColumn(), TimeElapsedColumn())
    console = Console(stderr=True)
    began = time.monotonic()
    # Refreshed by hand: cells are forked, and a refreshing thread could hold a lock at that moment.
    bar = Progress(*columns, console=console, auto_refresh=False, disable=not console.is_terminal)
    with _interrupts() as interrupted, bar as progress:
        task = progress.add_task("preparing", total=len(pending))
        progress.refresh()
        for record in run(pending, parallel=parallel, tell=progress.console.print, alone=True):
            if record.status not in store.ABSENT:  # what this machine lacks is no result
                store.save(results, record)
                store.spool.forget(results, record)
            fresh.append(record)
            if interrupted():
                raise KeyboardInterrupt
            cell = record.cell
            pace = f" ({_pace(len(fresh), len(pending), time.monotonic() - began)})" if doing is not None else ""
            what = (doing() if doing is not None else "") or f"{cell.suite} {cell.workload} {cell.method}"
            progress.update(task, advance=1, description=what + pace)
            progress.refresh()
            if not console.is_terminal and len(fresh) % _LOG_EVERY == 0:  # a log has no bar
                print(f"{len(fresh)} of {len(pending)}: {what}{pace}", file=sys.stderr, flush=True)
            if record.reason:  # of a failure, or of a doubt
                text = f"{cell.suite} {cell.workload} {cell.method} seed {record.seed}: {record.status}: {_cause(record.reason)}"
                progress.console.print(Text(text, "yellow"), soft_wrap=True)
    return fresh


@contextlib.contextmanager
def _interrupts() -> Iterator[Callable[[], bool]]:
    """Yield what says whether Ctrl-C was pressed: Python drops the exception where it is raised in somebody's `__del__`."""
    pressed: list[int] = []

    def press(number: int, frame: object) -> None:
        pressed.append(number)
        raise KeyboardInterrupt

    ours = threading.current_thread() is threading.main_thread() and signal.getsignal(signal.SIGINT) is signal.default_int_handler
    if ours:
        signal.signal(signal.SIGINT, press)
    try:
        yield lambda: bool(pressed)
    finally:
        if ours:
            signal.signal(signal.SIGINT, signal.default_int_handler)


def _cause(reason: str) -> str:
    """Return the last line of a reason, and where a traceback in it ends: the last file that is no library's."""
    told = reason.split("\nstderr:\n")[0].strip()
    places = [place for place in _PLACE.findall(told) if "site-packages" not in place[0]]
    last = (told.splitlines() or [""])[-1][:300]
    return f"{last} ({':'.join(places[-1])})" if places else last


def _pace(done: int, total: int, seconds: float) -> str:
    """Return how many cells an hour are done, and when all will be."""
    end = datetime.now() + timedelta(seconds=(total - done) * seconds / done)
    return f"{3600 * done / max(seconds, 1e-3):.0f} cells/h, until {end:%H:%M}"


def _report(cached: int, fresh: Sequence[RunRecord], failed: Sequence[RunRecord]) -> None:
    statuses = ", ".join(f"{count} {status}" for status in Status if (count := sum(r.status is status for r in failed)))
    text = f"{len(fresh)} cells run, {cached} recorded before; {statuses or 'all ok'}"
    print(text, file=sys.stderr)
