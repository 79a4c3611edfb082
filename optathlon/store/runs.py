"""The finished runs of one cell, for pictures: of one machine, and of the newest record alone."""

from __future__ import annotations

from pathlib import Path
from typing import Any

from optathlon.spec import Status
from optathlon.store.encoding import Group, RecordError
from optathlon.store.files import read
from optathlon.store.newest import newest, recency


def finished_runs(results: Path, suite: str, workload: str, method: str, *, machine: str = "*") -> list[dict[str, Any]]:
    """Return the runs that ended ok, by seed; none where the records have none.

    Superseded files do not count, and machines are never mixed: where several match, the one with most runs speaks, of equals the
    one measured last.
    """
    groups: list[Group] = []
    for path in sorted(results.glob(f"records/{machine}/{suite}/{workload}/{method}@*.json")):
        try:
            groups.append(read(path))
        except RecordError:
            continue
    finished = [(group, [run for run in group.runs if run["status"] == Status.OK]) for group in newest(groups)]
    return max(finished, key=lambda one: (len(one[1]), recency(one[0])), default=(None, []))[1]
