"""Numbers over commits: of the records of each commit, and of asv's results where a commit left no records.

A change is marked where asv's step detection finds one and, for scores, the intervals on both sides do not meet: what stays
within the noise of a machine is no change.
"""

from __future__ import annotations

import itertools
import math
import os
import subprocess
from collections.abc import Iterable, Sequence
from dataclasses import dataclass, field, replace
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

from optathlon import judge
from optathlon.judge import Row
from optathlon.judge.claims import TIMING
from optathlon.show.site.columns import coded, numbers
from optathlon.store import Group, RecordError, last_finished, newest, scan

FEWEST = 4  # points from which on steps are looked for
SMALLEST = TIMING - 1  # relative size of a step in seconds that is marked


@dataclass(frozen=True)
class Point:
    """One number at one commit; `at` is when the commit was made, where git or asv knows, else when the number was measured."""

    commit: str
    at: str
    value: float
    low: float
    high: float


@dataclass
class Series:
    """A number over commits, oldest first: one metric of one method on one workload, on one device of one machine."""

    suite: str
    workload: str
    method: str
    metric: str
    better: str
    device: str
    machine: str
    points: list[Point] = field(default_factory=list)


def collect(results: Path, rows: Sequence[Row], groups: Sequence[Group]) -> list[Series]:
    """Return every series with at least one point: of the history, of asv's results, and last of the records that count now."""
    series: dict[tuple[str, ...], Series] = {}
    recorded: set[str] = set()
    for folder in sorted((results / "history").glob("*")):
        found = [group for group in scan(folder) if not isinstance(group, RecordError)]
        recorded.add(folder.name[:8])
        _add(series, judge.build(newest(found)), _when(found), folder.name)
    _add_asv(series, results / "asv", recorded)
    _add(series, rows, _when(groups))
    dates = commit_dates(results)
    for one in series.values():
        one.points = [replace(point, at=dates.get(point.commit[:8], point.at)) for point in one.points]
        one.points.sort(key=lambda point: (point.at, point.commit))
    return list(series.values())


def commit_dates(results: Path) -> dict[str, str]:
    """Return when each commit was made (UTC), by its first eight digits; none where git does not know the folder."""
    command = ["git", "-C", str(results), "log", "--all", "--format=%H %cd", "--date=format-local:%Y-%m-%dT%H:%M"]
    try:
        environment = os.environ | {"TZ": "UTC"}
        found = subprocess.run(command, capture_output=True, text=True, timeout=60, check=True, env=environment)
    except (OSError, subprocess.SubprocessError):
        return {}
    return {line[:8]: line.split(" ", 1)[1] for line in found.stdout.splitlines()}


def _when(groups: Iterable[Group]) -> dict[tuple[str, ...], tuple[str, str]]:
    """Return the commit and the time of the newest run of each row."""
    found = {}
    for group in groups:
        cell = group.cell
        commits = [run.get("commit", "") for run in group.runs]
        found[cell.suite, cell.workload, cell.method, cell.device, cell.environment.place] = (
            max(set(commits), key=commits.count) if commits else "",
            last_finished(group),
        )
    return found


def _add(
    series: dict[tuple[str, ...], Series], rows: Sequence[Row], when: dict[tuple[str, ...], tuple[str, str]], commit: str = ""
) -> None:
    """Add a point of the ranking metric and one of the seconds for each row that has them."""
    first = {(row.suite, row.workload, row.scale, row.device, row.machine): row.metric for row in reversed(rows)}
    for row in rows:
        if row.metric != first[row.suite, row.workload, row.scale, row.device, row.machine]:
            continue
        own, at = when.get((row.suite, row.workload, row.method, row.device, row.machine), ("", ""))
        point = (commit or own)[:12], at[:16]
        if row.value is not None:
            low, high = (row.value, row.value) if row.low is None or row.high is None else (row.low, row.high)
            _append(series, row, row.metric, row.better, Point(*point, row.value, low, high))
        if row.seconds is not None:
            _append(series, row, "seconds", "lower", Point(*point, row.seconds, row.seconds, row.seconds))


def _append(series: dict[tuple[str, ...], Series], row: Row, metric: str, better: str, point: Point) -> None:
    address = (row.suite, row.workload, row.method, metric, better, row.device, row.machine)
    one = series.setdefault(address, Series(*address))
    if not any(known.commit == point.commit for known in one.points):
        one.points.append(point)


def _add_asv(series: dict[tuple[str, ...], Series], folder: Path, recorded: set[str]) -> None:
    """Add what asv measured at commits that left no records; nothing where asv is not installed or has no results."""
    try:
        from asv.results import iter_results
    except ImportError:
        return
    for result in iter_results(str(folder)) if folder.is_dir() else ():
        commit = result.commit_hash
        if commit[:8] in recorded:
            continue
        at = datetime.fromtimestamp(result.date / 1000, UTC).isoformat()[:16]
        machine = str(result.params.get("machine", ""))
        for key in result.get_all_result_keys():
            params = result.get_result_params(key)
            if len(params) != 2:
                continue
            cells = [(cell.strip("'"), device.strip("'")) for cell in params[0] for device in params[1]]
            for (cell, device), value in zip(cells, result.get_result_value(key, params), strict=False):
                if value is None or math.isnan(value) or "/" not in cell:
                    continue
                workload, method = cell.split("/", 1)
                suite, metric = key.split(".")[0].removeprefix("bench_"), key.split(".")[-1].removeprefix("track_")
                address = (suite, workload, method, f"{metric} (asv)", "lower", device, machine)
                series.setdefault(address, Series(*address)).points.append(Point(commit[:12], at, value, value, value))


def steps(points: Sequence[Point], *, timed: bool) -> list[int]:
    """Return the positions at which a new level begins, by asv's step detection; none where asv is not installed."""
    if len(points) < FEWEST:
        return []
    try:
        from asv.step_detect import detect_steps
    except ImportError:
        return []
    found = detect_steps([point.value for point in points])
    begins = []
    for before, after in itertools.pairwise(found):
        left, right = points[before[0] : before[1]], points[after[0] : after[1]]
        if _apart(left, right) and (not timed or abs(after[2] - before[2]) > SMALLEST * abs(before[2])):
            begins.append(int(after[0]))
    return begins


def _apart(left: Sequence[Point], right: Sequence[Point]) -> bool:
    """Return whether the typical intervals of two levels do not meet."""
    (low, high), (other_low, other_high) = (
        (sorted(p.low for p in side)[len(side) // 2], sorted(p.high for p in side)[len(side) // 2]) for side in (left, right)
    )
    return high < other_low or other_high < low


def history_data(series: Sequence[Series]) -> dict[str, Any]:
    """Return the series of one suite as columns, with the positions at which a new level begins."""
    data: dict[str, Any] = {
        name: coded(getattr(one, name) for one in series)
        for name in ("workload", "method", "metric", "better", "device", "machine")
    }
    commits = coded(point.commit for one in series for point in one.points)
    data["commits"] = commits["words"]
    codes = iter(commits["codes"])
    data["at"] = [[next(codes) for _ in one.points] for one in series]
    data["time"] = [[point.at for point in one.points] for one in series]
    for name in ("value", "low", "high"):
        data[name] = [numbers(getattr(point, name) for point in one.points) for one in series]
    data["steps"] = [steps(one.points, timed=one.metric == "seconds") for one in series]
    return data


def changes(series: Sequence[Series]) -> list[dict[str, Any]]:
    """Return the changes found in all series, newest first."""
    found = []
    for one in series:
        for begin in steps(one.points, timed=one.metric == "seconds"):
            before, after = one.points[begin - 1], one.points[begin]
            worse = (after.value > before.value) == (one.better == "lower")
            found.append({"series": one, "before": before, "after": after, "worse": worse})
    return sorted(found, key=lambda change: change["after"].at, reverse=True)
