"""Records to tables, and tables to Markdown, CSV, JSON and LaTeX; pure: no clock, no run, no network."""

from __future__ import annotations

import html
import math
from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

import numpy as np

from optathlon import scoring
from optathlon.claims import Judgement
from optathlon.records import Group, address, recency
from optathlon.spec import Cell, MetricInfo, Ruling, Status

if TYPE_CHECKING:
    import pandas as pd


@dataclass(frozen=True, kw_only=True)
class Row:
    """One method on one workload by one metric.

    `rank` and its interval are None where there is no value; `value` is the mean over the seeds that ended ok, [`low`, `high`]
    its 95 % interval (None for a single seed). `seconds`, `cpu_seconds` and `peak_memory` are medians; `ratio` divides the
    seconds by those of the suite's reference method. `time_to_target` is the median over seeds, None unless all of them got
    there. `pareto` says that no other method is better in score and not slower. `failed` counts the seeds that did not end ok,
    `reason` is the first of theirs.
    """

    suite: str
    workload: str
    scale: str
    device: str
    machine: str
    method: str
    status: str
    rank: int | None
    rank_low: int | None
    rank_high: int | None
    metric: str
    unit: str
    better: str
    value: float | None
    low: float | None
    high: float | None
    seconds: float | None
    ratio: float | None
    cpu_seconds: float | None
    peak_memory: float | None
    time_to_target: float | None
    pareto: bool
    seeds: int
    failed: int
    reason: str
    settings: dict[str, Any]
    version: str


@dataclass(eq=False)
class _Entry:
    """One group, reduced to what its rows need."""

    cell: Cell
    recency: tuple[bool, str]
    seeds: np.ndarray
    scores: dict[str, np.ndarray]
    status: Status
    failed: int
    reason: str
    seconds: float | None
    cpu_seconds: float | None
    peak_memory: float | None
    time_to_target: float | None

    def complete(self, metric: str) -> bool:
        return not self.failed and metric in self.scores and len(self.scores[metric]) == len(self.seeds) > 0


def build(groups: Iterable[Group]) -> list[Row]:
    """Return the rows of every suite, scale, device, machine and workload, best rank first within each metric."""
    boards: dict[tuple[Any, ...], list[_Entry]] = {}
    for entry in _newest(_reduce(group) for group in groups):
        cell = entry.cell
        board = (cell.suite, cell.scale.order, cell.environment.machine, cell.device, cell.workload)
        boards.setdefault(board, []).append(entry)
    rows: list[Row] = []
    for board in sorted(boards):
        rows += _workload_rows(sorted(boards[board], key=lambda entry: entry.cell.method))
    return rows


def _newest(entries: Iterable[_Entry]) -> list[_Entry]:
    """Keep the newest entry of each address, and of each machine's suite only the version measured last."""
    best: dict[tuple[str, ...], _Entry] = {}
    versions: dict[tuple[str, str], _Entry] = {}
    for entry in entries:
        at, suite = address(entry.cell), (entry.cell.environment.machine, entry.cell.suite)
        if at not in best or entry.recency > best[at].recency:
            best[at] = entry
        if suite not in versions or entry.recency > versions[suite].recency:
            versions[suite] = entry
    return [
        entry
        for entry in best.values()
        if versions[entry.cell.environment.machine, entry.cell.suite].cell.suite_version == entry.cell.suite_version
    ]


def _reduce(group: Group) -> _Entry:
    cell, runs = group
    ok = [run for run in runs if run["status"] == Status.OK]
    bad = [run for run in runs if run["status"] != Status.OK]
    scores = {}
    for metric in cell.metrics:
        values = [run["scores"][metric.name] for run in ok if metric.name in run["scores"]]
        if values:
            scores[metric.name] = np.array(values, dtype=float)
    return _Entry(
        cell=cell,
        recency=recency(group),
        seeds=np.array([run["seed"] for run in ok]),
        scores=scores,
        status=Status(bad[0]["status"]) if bad else Status.OK,
        failed=len(bad),
        reason=bad[0].get("reason", "") if bad else "",
        seconds=_median(ok, "seconds"),
        cpu_seconds=_median(ok, "cpu_seconds"),
        peak_memory=_median(ok, "peak_memory"),
        time_to_target=_time_to_target(cell, ok) if cell.target is not None and not bad else None,
    )


def _median(runs: Sequence[dict[str, Any]], field: str) -> float | None:
    values = [run[field] for run in runs if field in run]
    return float(np.median(values)) if values else None


def _time_to_target(cell: Cell, runs: Sequence[dict[str, Any]]) -> float | None:
    assert cell.target is not None
    first = cell.metrics[0]
    times = []
    for run in runs:
        trace = run.get("trace") or [(0, run.get("seconds", math.inf), run["scores"][first.name])]
        time = scoring.time_to_target(trace, cell.target, first.better)
        if time is None:
            return None
        times.append(time)
    return float(np.median(times)) if times else None


def _workload_rows(entries: list[_Entry]) -> list[Row]:
    reference = next((e.seconds for e in entries if e.cell.method == e.cell.reference_method), None)
    rows: list[Row] = []
    metrics = max(entries, key=lambda e: e.recency).cell.metrics
    for index, metric in enumerate(metrics):
        present = [e for e in entries if metric.name in e.scores or index == 0]
        ranks = _ranks(present, metric)
        front = _front(present, metric)
        made = [_row(e, metric, ranks.get(e.cell.method), e.cell.method in front, reference) for e in present]
        rows += sorted(made, key=_order)
    return rows


def _order(row: Row) -> tuple[Any, ...]:
    value = math.inf if row.value is None else row.value if row.better == "lower" else -row.value
    return (row.rank is None, row.rank or 0, value, row.method)


def _ranks(entries: Sequence[_Entry], metric: MetricInfo) -> dict[str, tuple[int, int, int]]:
    """Return rank, best and worst possible rank of every method with a value.

    Those that have all seeds come first, compared on the seeds they share; those that lost one, or ran fewer, share the place
    behind them.
    """
    full = max((len(e.seeds) for e in entries if e.complete(metric.name)), default=0)
    complete = [e for e in entries if e.complete(metric.name) and len(e.seeds) == full]
    found: dict[str, tuple[int, int, int]] = {}
    if complete:
        shared = sorted(set.intersection(*(set(e.seeds.tolist()) for e in complete)))
        if shared:
            table = np.column_stack([e.scores[metric.name][np.isin(e.seeds, shared)] for e in complete])
            ranks = scoring.rank(table, metric.better, tolerance=metric.tolerance, exact=complete[0].cell.exact)
            found = {
                e.cell.method: (int(a), int(b), int(c))
                for e, a, b, c in zip(complete, ranks.rank, ranks.low, ranks.high, strict=True)
            }
        else:
            found = {e.cell.method: (1, 1, len(complete)) for e in complete}
    partial = [e for e in entries if e not in complete and metric.name in e.scores]
    last = len(complete) + 1
    return found | {e.cell.method: (last, last, len(complete) + len(partial)) for e in partial}


def _front(entries: Sequence[_Entry], metric: MetricInfo) -> set[str]:
    timed = [e for e in entries if e.complete(metric.name) and e.seconds is not None]
    if not timed:
        return set()
    values = [float(e.scores[metric.name].mean()) for e in timed]
    mask = scoring.pareto_front(values, [e.seconds or 0.0 for e in timed], metric.better)
    return {e.cell.method for e, on in zip(timed, mask, strict=True) if on}


def _row(entry: _Entry, metric: MetricInfo, rank: tuple[int, int, int] | None, pareto: bool, reference: float | None) -> Row:
    cell = entry.cell
    values = entry.scores.get(metric.name)
    interval = scoring.mean_interval(values) if values is not None else None
    return Row(
        suite=cell.suite,
        workload=cell.workload,
        scale=str(cell.scale),
        device=cell.device,
        machine=cell.environment.machine,
        method=cell.method,
        status=str(entry.status),
        rank=rank[0] if rank else None,
        rank_low=rank[1] if rank else None,
        rank_high=rank[2] if rank else None,
        metric=metric.name,
        unit=metric.unit,
        better=metric.better,
        value=interval.mean if interval else None,
        low=None if interval is None or math.isnan(interval.low) else interval.low,
        high=None if interval is None or math.isnan(interval.high) else interval.high,
        seconds=entry.seconds,
        ratio=entry.seconds / reference if entry.seconds is not None and reference else None,
        cpu_seconds=entry.cpu_seconds,
        peak_memory=entry.peak_memory,
        time_to_target=entry.time_to_target,
        pareto=pareto,
        seeds=len(entry.seeds),
        failed=entry.failed,
        reason=entry.reason,
        settings=dict(cell.settings),
        version=cell.suite_version,
    )


def to_frame(rows: Sequence[Row]) -> pd.DataFrame:
    """Return the rows as a table, one column per field of `Row`."""
    import pandas as pd

    columns = list(Row.__dataclass_fields__)
    return pd.DataFrame([[getattr(row, name) for name in columns] for row in rows], columns=columns)


def to_dicts(rows: Sequence[Row]) -> list[dict[str, Any]]:
    """Return the rows as JSON objects."""
    return [{name: getattr(row, name) for name in Row.__dataclass_fields__} for row in rows]


def to_csv(rows: Sequence[Row]) -> str:
    """Return the rows as CSV; numbers to twelve digits, so that a table is the same on every machine."""
    frame = to_frame(rows).drop(columns=["settings", "reason"])
    for name in ("rank", "rank_low", "rank_high"):
        frame[name] = frame[name].astype("Int64")
    return frame.to_csv(index=False, float_format="%.12g", lineterminator="\n")


def to_latex(rows: Sequence[Row]) -> str:
    """Return one LaTeX table per workload, by the ranking metric, for a paper (needs the booktabs package)."""
    tables = []
    for key, board in boards(rows):
        body = [[*display(row)[:5]] for row in _first_metric(board)]
        lines = " \\\\\n".join(" & ".join(_escape_latex(text) for text in line) for line in body)
        metric = board[0].metric
        tables.append(
            "\\begin{table}\n\\centering\n"
            f"\\caption{{{_escape_latex(', '.join(key))}; by {_escape_latex(metric)}, {board[0].better} is better}}\n"
            "\\begin{tabular}{rllrr}\n\\toprule\n"
            f"rank & method & {_escape_latex(metric)} & seconds & ratio \\\\\n\\midrule\n{lines} \\\\\n"
            "\\bottomrule\n\\end{tabular}\n\\end{table}\n"
        )
    return "\n".join(tables)


def boards(rows: Sequence[Row]) -> Iterator[tuple[tuple[str, ...], list[Row]]]:
    """Yield the rows of each (suite, workload, scale, device, machine), in order."""
    grouped: dict[tuple[str, ...], list[Row]] = {}
    for row in rows:
        grouped.setdefault((row.suite, row.workload, row.scale, row.device, row.machine), []).append(row)
    yield from grouped.items()


def _first_metric(board: Sequence[Row]) -> list[Row]:
    return [row for row in board if row.metric == board[0].metric]


def display(row: Row) -> tuple[str, ...]:
    """Return rank, method, value with interval, seconds, ratio, seeds and status as a reader wants them."""
    rank = (
        ""
        if row.rank is None
        else str(row.rank)
        if row.rank_low == row.rank_high
        else f"{row.rank} ({row.rank_low}-{row.rank_high})"
    )
    value = "" if row.value is None else _number(row.value)
    if row.low is not None and row.high is not None and row.low != row.high:
        value += f" [{_number(row.low)}, {_number(row.high)}]"
    return (
        rank,
        row.method,
        value,
        "" if row.seconds is None else _number(row.seconds),
        "" if row.ratio is None else f"{row.ratio:.2g}×",
        str(row.seeds),
        row.status if not row.failed else f"{row.status} ({row.failed} of {row.failed + row.seeds})",
    )


def _number(value: float) -> str:
    return f"{value:.4g}"


def summary(rows: Sequence[Row]) -> list[tuple[str, str, float, int, int]]:
    """Return (suite and board, method, mean rank, workloads ranked, workloads where it shares the first rank)."""
    ranks: dict[tuple[str, str], list[int]] = {}
    for _, board in boards(rows):
        for row in _first_metric(board):
            if row.rank is not None:
                ranks.setdefault((f"{row.suite}, {row.scale}, {row.device}, {row.machine}", row.method), []).append(row.rank)
    made = [(board, method, float(np.mean(found)), len(found), found.count(1)) for (board, method), found in ranks.items()]
    return sorted(made, key=lambda line: (line[0], line[2], line[1]))


def profile(rows: Sequence[Row], ratios: Sequence[float] = (1, 2, 4, 8)) -> dict[str, dict[str, list[float]]]:
    """Return, per board, each method's share of targeted workloads solved within a ratio of the fastest time to target."""
    times: dict[str, dict[str, dict[str, float]]] = {}
    for _, board in boards(rows):
        first = _first_metric(board)
        if any(row.time_to_target is not None for row in first):
            name = f"{board[0].suite}, {board[0].scale}, {board[0].device}, {board[0].machine}"
            for row in first:
                times.setdefault(name, {}).setdefault(row.method, {})[row.workload] = max(row.time_to_target or math.inf, 1e-9)
    made = {}
    for name, methods in times.items():
        workloads = sorted({workload for found in methods.values() for workload in found})
        costs = np.array([[found.get(workload, math.inf) for found in methods.values()] for workload in workloads])
        shares = scoring.performance_profile(costs, np.asarray(ratios, dtype=float))
        made[name] = {method: line.tolist() for method, line in zip(methods, shares, strict=True)}
    return made


def to_markdown(rows: Sequence[Row], judgements: Sequence[Judgement] = ()) -> str:
    """Return the leaderboard as Markdown: verdicts, then a summary, then a table per workload. Names and reasons are escaped."""
    parts = ["# Leaderboard", _HOW_TO_READ]
    suites = sorted({row.suite for row in rows} | {one.suite for one in judgements})
    for suite in suites:
        parts.append(f"## {_escape(suite)}")
        ruled = [one for one in judgements if one.suite == suite]
        if ruled:
            parts.append(claims_markdown(ruled))
        own = [row for row in rows if row.suite == suite]
        parts += _summary_markdown(own)
        parts += [_board_markdown(key, board) for key, board in boards(own)]
    return "\n\n".join(parts) + "\n"


_HOW_TO_READ = """
Rendered from the records in `records/` by `optathlon leaderboard --write`; `--check` proves that it still matches them.
Methods share a rank when their seeds cannot tell them apart (paired bootstrap, 95 %); in brackets, the ranks that the data leave
possible. Values are means over seeds with 95 % intervals, seconds are medians of the method's own time, `×` is the ratio to the
suite's reference method, `*` marks the Pareto front of score against seconds. Seconds of different machines are never compared.
""".strip()


def claims_markdown(judgements: Sequence[Judgement]) -> str:
    """Return the verdicts as a Markdown table, with a count of each ruling."""
    counts = ", ".join(
        f"{count} {ruling}" for ruling in Ruling if (count := sum(one.verdict.ruling is ruling for one in judgements))
    )
    lines = [
        [one.claim.source, one.claim.statement, one.claim.reported, f"**{one.verdict.ruling}**", one.verdict.measured, one.scale]
        for one in judgements
    ]
    header = ["source", "claim", "reported", "verdict", "measured", "scale"]
    return f"Claims: {counts}.\n\n" + _table(header, lines, bold=3)


def _summary_markdown(rows: Sequence[Row]) -> list[str]:
    parts = []
    lines = summary(rows)
    for board in dict.fromkeys(line[0] for line in lines):
        own = [[method, f"{mean:.2f}", str(first), str(count)] for b, method, mean, count, first in lines if b == board]
        if any(int(line[3]) > 1 for line in own):
            header = ["method", "mean rank", "first or tied first", "workloads"]
            parts.append(f"### Over all workloads ({_escape(board)})\n\n" + _table(header, own))
    for board, shares in profile(rows).items():
        own = [
            [method, *(f"{share:.2f}" for share in line)]
            for method, line in sorted(shares.items(), key=lambda item: -sum(item[1]))
        ]
        title = f"### Performance profile of time to target ({_escape(board)})"
        parts.append(f"{title}\n\n" + _table(["method", "fastest", "within 2×", "within 4×", "within 8×"], own))
    return parts


def _board_markdown(key: tuple[str, ...], board: Sequence[Row]) -> str:
    _, workload, scale, device, machine = key
    first = _first_metric(board)
    others = list(dict.fromkeys(row.metric for row in board if row.metric != board[0].metric))
    extra = {(row.metric, row.method): row for row in board}
    header = [
        "rank",
        "method",
        f"{first[0].metric} ({first[0].unit}, {first[0].better} is better)",
        "seconds",
        "×",
        "seeds",
        "status",
    ]
    lines = []
    for row in first:
        shown = list(display(row))
        shown[1] += " *" if row.pareto else ""
        found = [extra.get((metric, row.method)) for metric in others]
        lines.append([*shown, *("" if one is None or one.value is None else _number(one.value) for one in found)])
    units = {row.metric: f"{row.metric} ({row.unit}, {row.better})" for row in board}
    text = f"### {_escape(workload)} ({scale}, {device}, {_escape(machine)})\n\n"
    text += _table([*header, *(units[metric] for metric in others)], lines)
    reasons = [f"- {_escape(row.method)}: {_escape(_last_line(row.reason))}" for row in first if row.reason]
    return text + ("\n\nWhy cells failed:\n\n" + "\n".join(reasons) if reasons else "")


def _last_line(text: str) -> str:
    """Return the line of a reason that says most: the last before any captured stderr."""
    lines = [line for line in text.split("\nstderr:\n")[0].strip().splitlines() if line.strip()]
    return lines[-1].strip()[:300] if lines else ""


def _table(header: Sequence[str], lines: Sequence[Sequence[str]], bold: int | None = None) -> str:
    rows = [[text if i == bold else _escape(text) for i, text in enumerate(line)] for line in lines]
    head = "| " + " | ".join(_escape(text) for text in header) + " |"
    return "\n".join([head, "|" + " --- |" * len(header), *("| " + " | ".join(row) + " |" for row in rows)])


def _escape(text: str) -> str:
    """Return text that Markdown and HTML show as it is."""
    text = html.escape(" ".join(text.split()), quote=False)
    return "".join("\\" + mark if mark in "\\|`[]_*" else mark for mark in text)


def _escape_latex(text: str) -> str:
    special = {"\\": r"\textbackslash{}", "~": r"\textasciitilde{}", "^": r"\textasciicircum{}", "×": r"$\times$"}
    return "".join(special.get(mark, "\\" + mark if mark in "&%$#_{}" else mark) for mark in text)
