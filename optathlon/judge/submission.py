"""What makes a submitted record unfit for the board: pure functions of the record and of what is declared at the head.

Each fault is one sentence that names the record. Nothing here runs a method; `optathlon verify --sample` does.
"""

from __future__ import annotations

import math
from collections.abc import Callable, Iterable, Iterator, Mapping
from itertools import pairwise
from typing import Any

from optathlon.judge.verifying import DECLARED
from optathlon.spec import Cell, MetricInfo, Status, Suite
from optathlon.store import ABSENT, Group, newest

_ROUNDED = 1.001  # a trace keeps five digits of its seconds
# What is told of a suite, and what it is called.
_DECLARED = {"suite": "the declaration of", "workload": "workload", "metric": "metric", "claim": "claim", "code": "method"}
_CPU_SLACK, _CPU_FACTOR = 0.05, 1.05  # seconds and factor by which clocks may disagree


def record_faults(group: Group, declared: Cell, checksums: Mapping[str, str], known: Callable[[str], bool]) -> Iterator[str]:
    """Yield what is wrong with one file of records.

    Parameters
    ----------
    group : Group
        As read from the request.
    declared : Cell
        The same address as the head declares it, planned under the record's conditions.
    checksums : mapping
        Name of each data set to its published checksum.
    known : callable
        ``known(commit)``: whether a commit is the head or among its ancestors.
    """
    cell = group.cell
    where = f"{cell.suite} {cell.workload} {cell.method}"
    for name in DECLARED:
        was, is_now = getattr(cell, name), getattr(declared, name)
        if _plain(was) != _plain(is_now):
            yield f"{where}: {name} must be as declared at the head ({is_now}), got {was}"
    if cell.code != declared.code:
        yield f"{where}: the code of the record ({cell.code[:12]}) is not the code at the head ({declared.code[:12]})"
    for name, checksum in cell.data.items():
        if checksum != checksums.get(name):
            yield f"{where}: data set {name} must have the checksum {checksums.get(name, 'absent')[:12]}, got {checksum[:12]}"
    if missing := sorted(set(checksums) - set(cell.data)):
        yield f"{where}: the record must name its data sets, {', '.join(missing)} among them"
    if cell.key != declared.key:
        yield f"{where}: its key is not that of the head; workload, metrics or data were others when it was measured"
    for run in group.runs:
        for fault in _run_faults(run, cell.environment.threads, known):
            yield f"{where} seed {run['seed']}: {fault}"


def _run_faults(run: Mapping[str, Any], threads: int, known: Callable[[str], bool]) -> Iterator[str]:
    commit = run.get("commit", "")
    if run.get("dirty", False):
        yield "measured in a working tree with changes; commit them and measure again"
    if not commit or not known(commit):
        yield f"measured at {commit[:12] or 'no commit'}, which cannot be reached from the head"
    if run["status"] in ABSENT:
        yield f"nothing was measured ({run['status']}); a request holds runs that were made"
    seconds, cpu = run.get("seconds"), run.get("cpu_seconds")
    if run["status"] == Status.OK and (seconds is None or cpu is None):
        yield "a run that ended ok must have its seconds and CPU seconds"
        return
    if seconds is not None and cpu is not None and cpu > _CPU_FACTOR * seconds * threads + _CPU_SLACK:
        yield f"{cpu:g} CPU seconds cannot be spent in {seconds:g} s by {threads} threads"
    times = [point[1] for point in run.get("trace", ())]
    if any(later < earlier for earlier, later in pairwise(times)):
        yield "the seconds of its trace must increase"
    if seconds is not None and times and max(times) > _ROUNDED * seconds:
        yield f"its trace ends at {max(times):g} s, after the {seconds:g} s of the whole run"
    if times and (min(times) < 0 or not all(map(math.isfinite, times))):
        yield "the seconds of its trace must be finite and not negative"


def missing_runs(groups: Iterable[Group], suites: Mapping[str, Suite], board: Iterable[Group] = ()) -> Iterator[str]:
    """Yield what a scale's run would have recorded and the request leaves out.

    Of the submitted methods, for cherries are not picked, and of the suite's reference method where they take part, for seconds
    are compared by their ratio to its own; what `board` holds of the same machine counts. Of several files at one address only
    the newest does, as on the board. Seeds beyond the declared ones follow on them without a gap.
    """
    submitted = {_row(group.cell): None for group in groups if group.cell.suite in suites}
    seeds: dict[tuple[str, ...], set[int]] = {}
    for group in newest([*board, *groups]):
        seeds[*_row(group.cell), group.cell.workload] = {run["seed"] for run in group.runs}
    wanted: dict[tuple[str, ...], int] = {}
    for machine, suite, scale, device, method in sorted(submitted):
        declared = suites[suite]
        for workload in declared.workloads:
            if str(workload.scale) == scale and workload.invites(declared.method(method)):
                for name in (method, declared.reference_method):
                    if workload.invites(declared.method(name)):
                        wanted[machine, suite, scale, device, name, workload.name] = workload.seeds
    for at, count in wanted.items():
        found = seeds.get(at, set())
        if lacking := set(range(max(count, len(found)))) - found:
            _, suite, scale, _, method, workload = at
            why = " and the reference method's beside them" if method == suites[suite].reference_method else ""
            listed = ", ".join(map(str, sorted(lacking)))
            yield f"{suite} {workload} {method}: seeds {listed} are missing; a request holds all of scale {scale}{why}"


def _row(cell: Cell) -> tuple[str, ...]:
    return (cell.environment.place, cell.suite, str(cell.scale), cell.device, cell.method)


def changed_declarations(base: Mapping[str, Any], head: Mapping[str, Any]) -> Iterator[str]:
    """Yield what a request changes of a suite, and the methods that it takes from a workload or sends to one.

    Whoever submits a method does not move the posts, nor change how others run. Both map ``suite``, ``kind``, ``name`` to a
    digest, one level each; of a method, to the workloads that it takes part in.
    """
    for suite in sorted(base):
        for kind, what in _DECLARED.items():
            was, is_now = base[suite].get(kind, {}), head.get(suite, {}).get(kind, {})
            for name in sorted(was):
                if name not in is_now:
                    yield f"{suite}: {what} {name} is gone; a method is submitted in a request of its own"
                elif was[name] != is_now[name]:
                    yield f"{suite}: {what} {name} is changed; a method is submitted in a request of its own"
        theirs = head.get(suite, {}).get("method", {})
        for name, invited in sorted(base[suite].get("method", {}).items()):
            moved = set(invited) ^ {workload for workload in theirs.get(name, ()) if workload in base[suite]["workload"]}
            if moved:
                yield f"{suite}: method {name} takes part elsewhere ({', '.join(sorted(moved)[:3])}); a request adds one alone"


def _plain(value: Any) -> Any:
    if isinstance(value, tuple) and value and isinstance(value[0], MetricInfo):
        return [metric.__dict__ for metric in value]
    return dict(value) if isinstance(value, Mapping) else value
