"""Two sets of records, a verdict for each method and workload: regressed, improved or within noise; pure but for `compare`.

asv's own ``compare`` and ``continuous`` know no direction (a drop in accuracy is an improvement to them), and no spread of a
score. Here each metric brings its direction, and the same seeds of both commits are paired.
"""

from __future__ import annotations

import html
import json
import math
import subprocess
from collections import Counter
from collections.abc import Iterable, Sequence
from dataclasses import asdict, dataclass
from enum import StrEnum
from pathlib import Path

import numpy as np

from optathlon import records
from optathlon.records import Group, RecordError
from optathlon.scoring import Better, mean_interval
from optathlon.spec import Status

# A gate looks at many cells, so a single one must be surer than a table's 95 %.
CONFIDENCE = 0.99
# Seconds of one commit differ between two runs by load and memory layout, which no spread over seeds shows.
TIME_FACTOR = 1.5
TIME_FLOOR = 5e-3
# Below this share of the value a difference is rounding.
ROUNDING = 1e-9
_NOT_RUN = (Status.NEEDS_DATA, Status.NEEDS_DEVICE)


class Verdict(StrEnum):
    """What became of a number, from the gravest."""

    REGRESSED = "regressed"
    IMPROVED = "improved"
    GONE = "gone"
    NEW = "new"
    WITHIN_NOISE = "within noise"


@dataclass(frozen=True, kw_only=True)
class Comparison:
    """One metric of one cell, base against head.

    Attributes
    ----------
    suite, workload, method, device, machine : str
        The cell.
    metric, better : str
        The metric and its direction; ``"status"`` where a run failed on one side.
    base, head : float or None
        Means over the paired seeds.
    low, high : float or None
        Interval of head - base, or of head / base where `relative`.
    seeds : int
        How many seeds are paired.
    verdict : Verdict
        The verdict.
    note : str
        What else there is to say.
    """

    suite: str
    workload: str
    method: str
    device: str
    machine: str
    metric: str
    better: Better
    base: float | None = None
    head: float | None = None
    low: float | None = None
    high: float | None = None
    relative: bool = False
    seeds: int = 0
    verdict: Verdict
    note: str = ""


class UnknownRevision(ValueError):
    """No records are kept of a revision; the message says where they were looked for, and how they come about."""


def history_of(results: Path, commit: str) -> Path:
    """Return the results folder in which the records of a commit's asv run lie."""
    return results / "history" / commit[:12]


def locate(revision: str, results: Path) -> Path:
    """Return the results folder of a revision.

    Parameters
    ----------
    revision : str
        A folder of results, or anything that git resolves to a commit whose asv run left its records.
    results : Path
        The results folder whose ``history`` holds the commits.

    Raises
    ------
    UnknownRevision
        There is neither.
    """
    if (Path(revision) / "records").is_dir():
        return Path(revision)
    command = ["git", "-C", str(results), "rev-parse", "--quiet", "--verify", "--end-of-options", f"{revision}^{{commit}}"]
    try:
        commit = subprocess.run(command, capture_output=True, text=True, timeout=60, check=True).stdout.strip()
    except (OSError, subprocess.SubprocessError):
        raise UnknownRevision(f"{revision!r} is neither a folder with records nor a commit of this repository") from None
    folder = history_of(results, commit)
    if not (folder / "records").is_dir():
        raise UnknownRevision(f"no records of {revision} ({commit[:12]}) in {folder.parent}: run `asv run {commit[:12]}^!` first")
    return folder


def compare(results: Path, base: str, head: str, machine: str | None = None) -> list[Comparison]:
    """Compare two revisions by the records of their asv runs, the gravest change first.

    Parameters
    ----------
    results : Path
        The results folder whose ``history`` holds the commits.
    base, head : str
        Commits, or folders of results.
    machine : str, optional
        Only this machine's records; all by default, each machine against itself.

    Raises
    ------
    ValueError
        A revision has no records, or a record file is refused: half of the evidence gives no verdict.
    """
    before, after = (_load(locate(revision, results), machine) for revision in (base, head))
    return compare_groups(before, after)


def _load(folder: Path, machine: str | None) -> list[Group]:
    groups = []
    for group in records.scan(folder):
        if isinstance(group, RecordError):
            raise ValueError(f"a record is refused, so there is no verdict: {group}")
        if machine in (None, group.cell.environment.machine):
            groups.append(group)
    return records.newest(groups)


def compare_groups(base: Iterable[Group], head: Iterable[Group]) -> list[Comparison]:
    """Compare every cell that either side has, within one machine, the gravest change first."""
    before, after = ({_address(group): group for group in side} for side in (base, head))
    rows = [row for address in sorted(before.keys() | after.keys()) for row in _cell(before.get(address), after.get(address))]
    order = list(Verdict)
    return sorted(rows, key=lambda row: order.index(row.verdict))


def _address(group: Group) -> tuple[str, ...]:
    cell = group.cell
    return cell.environment.machine, cell.suite, cell.suite_version, cell.workload, cell.method, cell.device


def _cell(base: Group | None, head: Group | None) -> list[Comparison]:
    """Compare one cell: its failures, then each metric, then its seconds."""
    group = head or base
    assert group is not None  # an address comes from one side at least
    cell = group.cell

    def row(metric: str, better: Better, verdict: Verdict, **figures: float | int | str | None) -> Comparison:
        return Comparison(
            suite=cell.suite,
            workload=cell.workload,
            method=cell.method,
            device=cell.device,
            machine=cell.environment.machine,
            metric=metric,
            better=better,
            verdict=verdict,
            **figures,  # type: ignore[arg-type]
        )

    before, after = (_by_seed(side) for side in (base, head))
    if not before or not after:
        return [row("status", "lower", Verdict.NEW if after else Verdict.GONE)] if before or after else []
    shared = sorted(before.keys() & after.keys())
    rows = []
    lost = [seed for seed in shared if before[seed]["status"] == Status.OK != after[seed]["status"]]
    won = [seed for seed in shared if before[seed]["status"] != Status.OK == after[seed]["status"]]
    if lost:
        rows.append(row("status", "lower", Verdict.REGRESSED, seeds=len(lost), note=_failure(after[lost[0]], lost[0])))
    elif won:
        note = f"no longer {_failure(before[won[0]], won[0])}"
        rows.append(row("status", "lower", Verdict.IMPROVED, seeds=len(won), note=note))
    both = [seed for seed in shared if before[seed]["status"] == Status.OK == after[seed]["status"]]
    for metric in cell.metrics:
        if metric.unit == "s" and cell.device == "cpu":
            continue  # wall seconds of a section: a busy machine moves them, and the CPU seconds below do not lie
        pairs = [
            (before[s]["scores"][metric.name], after[s]["scores"][metric.name])
            for s in both
            if metric.name in before[s].get("scores", {}) and metric.name in after[s].get("scores", {})
        ]
        if pairs and metric.unit == "s":
            rows.append(row(metric.name, metric.better, **_judge_seconds(pairs, metric.better)))
        elif pairs:
            rows.append(row(metric.name, metric.better, **_judge(pairs, metric.better, metric.tolerance, cell.exact)))
    clock = "cpu_seconds" if cell.device == "cpu" else "seconds"
    if pairs := [(before[s][clock], after[s][clock]) for s in both if clock in before[s] and clock in after[s]]:
        rows.append(row(clock, "lower", **_judge_seconds(pairs, "lower")))
    return rows


def _by_seed(group: Group | None) -> dict[int, dict]:
    """Return the runs that took place; what this machine could not run says nothing about a commit."""
    runs = group.runs if group is not None else []
    return {run["seed"]: run for run in runs if run["status"] not in _NOT_RUN}


def _failure(run: dict, seed: int) -> str:
    lines = run.get("reason", "").strip().splitlines()
    return f"{run['status']} (seed {seed})" + (f": {lines[-1]}" if lines else "")


def _judge(pairs: Sequence[tuple[float, float]], better: Better, tolerance: float, exact: bool) -> dict:
    """Judge the difference of a score by its interval over seeds; by its value where it is free of chance."""
    base, head = np.array(pairs, dtype=float).T
    difference = head - base
    low, high = _interval(difference, exact)
    allowed = max(tolerance, ROUNDING * float(max(abs(base).max(), abs(head).max())))
    sign = 1 if better == "lower" else -1
    worse, improved = (low > allowed, high < -allowed) if sign > 0 else (high < -allowed, low > allowed)
    return _figures(base, head, low, high, worse, improved)


def _judge_seconds(pairs: Sequence[tuple[float, float]], better: Better) -> dict:
    """Judge seconds by their ratio, paired over seeds; a small ratio or a few milliseconds are the machine's noise."""
    base, head = np.maximum(np.array(pairs, dtype=float).T, 1e-9)
    low, high = (math.exp(bound) for bound in _interval(np.log(head / base), exact=False))
    noticeable = abs(float(np.mean(head - base))) > TIME_FLOOR
    slower, faster = noticeable and low > TIME_FACTOR, noticeable and high < 1 / TIME_FACTOR
    worse, improved = (slower, faster) if better == "lower" else (faster, slower)
    return _figures(base, head, low, high, worse, improved) | {"relative": True}


def _interval(values: np.ndarray, exact: bool) -> tuple[float, float]:
    """Return an interval of the mean; the value itself where it is free of chance, everything for a single seed."""
    if exact:
        return float(values.mean()), float(values.mean())
    _, low, high = mean_interval(values, CONFIDENCE)
    return (-math.inf, math.inf) if math.isnan(low) else (low, high)


def _figures(base: np.ndarray, head: np.ndarray, low: float, high: float, worse: bool, improved: bool) -> dict:
    return {
        "base": float(base.mean()),
        "head": float(head.mean()),
        "low": low if math.isfinite(low) else None,
        "high": high if math.isfinite(high) else None,
        "seeds": int(base.size),
        "verdict": Verdict.REGRESSED if worse else Verdict.IMPROVED if improved else Verdict.WITHIN_NOISE,
        "note": "" if math.isfinite(low) else "one seed tells nothing",
    }


def to_json(comparisons: Sequence[Comparison]) -> str:
    """Return the comparisons as a JSON list, for scripts."""
    return json.dumps([asdict(one) for one in comparisons], indent=1)


def to_markdown(comparisons: Sequence[Comparison]) -> str:
    """Return the comparisons as a Markdown table under a line that counts the verdicts."""
    counts = Counter(one.verdict for one in comparisons)
    summary = ", ".join(f"{counts[verdict]} {verdict}" for verdict in Verdict if counts[verdict])
    if not summary:
        return "**nothing to compare: the two have no machine in common**\n"
    lines = [
        f"**{summary}**",
        "",
        f"| verdict | suite | workload | method | device | metric | base | head | change ({CONFIDENCE:.0%}) | seeds | |",
        "|---|---|---|---|---|---|---:|---:|---:|---:|---|",
        *(_line(one) for one in comparisons),
    ]
    return "\n".join(lines) + "\n"


def _line(one: Comparison) -> str:
    interval = "" if one.low is None or one.high is None else f"[{one.low:.3g}, {one.high:.3g}]{' ×' if one.relative else ''}"
    mark = f"**{one.verdict}**" if one.verdict is Verdict.REGRESSED else str(one.verdict)
    arrow = {"lower": "↓", "higher": "↑"}[one.better]
    device = f"{one.device} ({one.machine})"
    metric = one.metric if one.metric == "status" else f"{one.metric} {arrow}"
    figures = ["" if value is None else f"{value:.4g}" for value in (one.base, one.head)]
    fields = (mark, one.suite, one.workload, one.method, device, metric, *figures, interval, str(one.seeds or ""))
    return f"| {' | '.join(fields)} | {_text(one.note)} |"


def _text(text: str) -> str:
    """Return text that cannot break a table or carry markup."""
    return html.escape(" ".join(text.split()), quote=False).replace("|", "\\|").replace("`", "'")[:300]
