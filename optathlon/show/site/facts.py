"""What the pages of machines and data and the index say of the records as a whole."""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from typing import Any

from optathlon.data import DATASETS
from optathlon.judge.evidence import is_busy
from optathlon.spec import Suite
from optathlon.store import Group

NEWEST = 12  # lines of the index


def made(groups: Sequence[Group], commit: str) -> dict[str, Any]:
    """Return from what the site is made: commit, number of runs, the day of the last."""
    days = [run["finished"][:10] for group in groups for run in group.runs if run.get("finished")]
    return {"commit": commit, "runs": sum(len(group.runs) for group in groups), "last": max(days, default="no day")}


def newest(groups: Iterable[Group]) -> list[dict[str, Any]]:
    """Return what was measured last: runs of one suite at one commit on one day and machine."""
    found: dict[tuple[str, str, str, str], dict[str, Any]] = {}
    for group in groups:
        cell = group.cell
        for run in group.runs:
            key = (run.get("finished", "")[:10], run.get("commit", ""), cell.suite, cell.environment.place)
            one = found.setdefault(key, {"runs": 0, "methods": set()})
            one["runs"] += 1
            one["methods"].add(cell.method)
    lines = sorted(found.items(), key=lambda item: (item[0][0], item[1]["runs"]), reverse=True)[:NEWEST]
    return [
        {"day": day, "commit": commit, "suite": suite, "machine": machine, "runs": one["runs"], "methods": len(one["methods"])}
        for (day, commit, suite, machine), one in lines
    ]


def machines(groups: Iterable[Group]) -> list[dict[str, Any]]:
    """Return each machine as its newest record describes it, with how much was measured on it."""
    own: dict[str, list[Group]] = {}
    for group in groups:
        own.setdefault(group.cell.environment.place, []).append(group)
    return [_machine(name, found) for name, found in sorted(own.items())]


def _machine(name: str, groups: Sequence[Group]) -> dict[str, Any]:
    runs = [run for group in groups for run in group.runs]
    last = max(groups, key=lambda group: max((run.get("finished", "") for run in group.runs), default=""))
    environment = last.cell.environment
    days = sorted(run["finished"][:10] for run in runs if run.get("finished")) or ["unknown"]
    return {
        "name": name,
        **{key: getattr(environment, key) for key in ("cpu", "os", "python", "threads", "cores", "versions", "kernels")},
        "gpu": next((group.cell.environment.gpu for group in groups if group.cell.environment.gpu), ""),
        "arithmetic": ", ".join(sorted({group.cell.environment.arithmetic for group in groups})),
        "runs": len(runs),
        "suites": sorted({group.cell.suite for group in groups}),
        "first": days[0],
        "last": days[-1],
        "busy": sum(is_busy(run.get("jobs"), run.get("busy")) for run in runs),
    }


def data_sets(suites: Mapping[str, Suite]) -> list[dict[str, Any]]:
    """Return every data set, the suites' own among them, with the suites that use it."""
    users: dict[str, list[str]] = {}
    for name, suite in suites.items():
        for data in sorted({data for workload in suite.workloads for data in workload.data}):
            users.setdefault(data, []).append(name)
    known = {entry.name: entry for entry in (*DATASETS, *(entry for suite in suites.values() for entry in suite.datasets))}
    return [
        {
            **{key: getattr(entry, key) for key in ("name", "content", "licence", "source", "citation", "checksum", "warning")},
            "bytes": entry.size,
            "suites": users.get(name, []),
        }
        for name, entry in sorted(known.items())
    ]
