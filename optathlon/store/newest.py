"""Which of the groups of one address counts."""

from __future__ import annotations

from collections.abc import Iterable

from optathlon.spec import Cell, Status
from optathlon.store.encoding import Group

ABSENT = (Status.NEEDS_DATA, Status.NEEDS_DEVICE)  # nothing was measured, for want of something


def address(cell: Cell) -> tuple[str, ...]:
    """Return what names a cell on every board, whatever its key."""
    return (cell.environment.machine, cell.environment.arithmetic, cell.suite, cell.workload, cell.method, cell.device)


def last_finished(group: Group) -> str:
    """Return when the last run of a group ended."""
    return max((run.get("finished", "") for run in group.runs), default="")


def recency(group: Group) -> tuple[bool, int, str]:
    """Return what orders the groups of one address.

    Measured ones stand above those that only lacked data or a device; then the turn counts, which `save` raises above that of
    every other file at the address, and only then the time: a clock may be set back.
    """
    return any(run["status"] not in ABSENT for run in group.runs), group.turn, last_finished(group)


def newest(groups: Iterable[Group]) -> list[Group]:
    """Keep, of the groups of one address, the one measured last."""
    best: dict[tuple[str, ...], Group] = {}
    for group in groups:
        at = address(group.cell)
        if at not in best or recency(group) > recency(best[at]):
            best[at] = group
    return list(best.values())


def current(groups: Iterable[Group]) -> list[Group]:
    """Keep the groups that boards are made of: the newest, and of each machine's suite only the version measured last."""
    kept = newest(groups)
    last: dict[tuple[str, str], Group] = {}
    for group in kept:
        suite = group.cell.environment.place, group.cell.suite
        if suite not in last or recency(group) > recency(last[suite]):
            last[suite] = group
    return [
        group
        for group in kept
        if last[group.cell.environment.place, group.cell.suite].cell.suite_version == group.cell.suite_version
    ]
