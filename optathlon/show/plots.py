"""Figures of records and rows: a score along the run, scores against seconds, performance profiles, history.

Every function returns a figure that belongs to nobody else (no pyplot state), so that a notebook shows it and a command saves it.
"""

from __future__ import annotations

import textwrap
from collections.abc import Collection, Sequence
from functools import partial
from itertools import cycle
from typing import TYPE_CHECKING

import numpy as np

from optathlon.judge import Row, boards, first_metric, profile
from optathlon.show.tables import doubts
from optathlon.store import Group

if TYPE_CHECKING:
    from matplotlib.axes import Axes
    from matplotlib.figure import Figure

LINES = 12  # methods that a reader can tell apart in one picture
_STYLES = ("-", "--", "-.", ":")


def trace(groups: Sequence[Group], *, metric: str | None = None) -> Figure:
    """Draw a score along the run, a panel per workload: each seed thin, their median bold, seconds on the method's own clock.

    Parameters
    ----------
    groups : sequence of Group
        The records.
    metric : str, optional
        Name of a traced metric; the one that ranks by default.
    """
    traced = [group for group in groups if any(run.get("trace") for run in group.runs)]
    if not traced:
        raise ValueError("no record here has a trace: its methods observe nothing along the run")
    keys = list(dict.fromkeys(map(trace_panel, traced)))
    figure, axes = _panels(len(keys))
    for axis, key, title in zip(axes, keys, _titles(keys), strict=True):
        own = [group for group in traced if trace_panel(group) == key]
        name = metric or own[0].cell.metrics[0].name
        for colour, group in zip(cycle(_colours()), own[:LINES], strict=False):
            if name in group.cell.traced:
                _trace_lines(axis, group, 2 + group.cell.traced.index(name), colour)
        better = next((m.better for m in own[0].cell.metrics if m.name == name), "lower")
        _axes(axis, "seconds", f"{name} ({better} is better)", title)
        _legend(axis, len(own))
    return figure


def trace_panel(group: Group) -> tuple[str, ...]:
    """Return what tells the panel of a trace: suite, workload, scale, device and machine, whose seconds nobody compares."""
    cell = group.cell
    return cell.suite, cell.workload, str(cell.scale), cell.device, cell.environment.place


def _trace_lines(axis: Axes, group: Group, column: int, colour: str) -> None:
    curves = [np.array(run["trace"], dtype=float)[:, [1, column]] for run in group.runs if len(run.get("trace", ())) > 1]
    if not curves:
        return
    for curve in curves:
        axis.plot(*curve.T, color=colour, alpha=0.25, linewidth=0.7)
    ends = [curve[-1, 0] for curve in curves]
    starts = [max(curve[0, 0], 1e-7) for curve in curves]
    times = np.geomspace(max(starts), max(*ends, 2 * max(starts)), 80)
    steps = [curve[np.clip(np.searchsorted(curve[:, 0], times, side="right") - 1, 0, None), 1] for curve in curves]
    axis.plot(times, np.median(steps, axis=0), color=colour, linewidth=1.8, label=group.cell.method)


def pareto(rows: Sequence[Row]) -> Figure:
    """Draw scores against seconds, a panel per workload; the front is joined, yardsticks are hollow.

    What is not ranked is a cross with the reason beside its name; what has no score or no seconds is named below the panel.
    """
    drawn = [(key, first_metric(board)) for key, board in boards(rows)]
    drawn = [(key, board) for key, board in drawn if any(map(_is_drawn, board))]
    if not drawn:
        raise ValueError("no row here has both a score and seconds")
    figure, axes = _panels(len(drawn))
    for axis, title, (_, listed) in zip(axes, _titles([key for key, _ in drawn]), drawn, strict=True):
        board = list(filter(_is_drawn, listed))
        for row in board:
            looks: dict[str, str] = {
                "facecolors": "none" if row.yardstick else "C0" if row.pareto else "0.6",
                "edgecolors": "C0" if row.pareto else "0.4",
            }
            if row.rank is None and not row.yardstick:
                looks = {"marker": "x", "color": "C3"}
            axis.scatter([row.seconds or 0.0], [row.value or 0.0], s=22, zorder=3, **looks)  # type: ignore[arg-type]
        front = sorted((row.seconds or 0.0, row.value or 0.0) for row in board if row.pareto)
        axis.plot([at for at, _ in front], [value for _, value in front], color="C0", linewidth=1, drawstyle="steps-post")
        absent = ", ".join(_named_with_doubts(row) for row in listed if not _is_drawn(row))
        below = textwrap.fill(f"not drawn: {textwrap.shorten(absent, 240)}", 90, break_on_hyphens=False) if absent else ""
        _axes(axis, f"seconds\n{below}".strip(), f"{board[0].metric} ({board[0].better} is better)", title)
        _label(axis, [row for row in board if row.pareto or row.rank is None])
    return figure


def _is_drawn(row: Row) -> bool:
    return row.value is not None and bool(row.seconds)


def _named_with_doubts(row: Row) -> str:
    """Return a method with what its point must say: why it is not ranked, and what else tables say beside a value."""
    said = doubts(row) or ("not ranked" if row.rank is None and not row.yardstick else "")
    return f"{row.method}: {said}" if said else row.method


def _label(axis: Axes, rows: Sequence[Row]) -> None:
    """Write the names beside their points, each moved up until it covers no other."""
    axis.figure.canvas.draw()
    points = sorted((float(row.value or 0.0), float(row.seconds or 0.0), _named_with_doubts(row)) for row in rows)
    taken: list[tuple[float, float]] = []
    for value, seconds, method in points:
        x, y = axis.transData.transform((seconds, value))
        while any(abs(y - other) < 9 and abs(x - left) < 90 for left, other in taken):
            y += 9
        taken.append((x, y))
        left, bottom = axis.transData.inverted().transform((x + 5, y + 3))
        axis.text(left, bottom, method, fontsize=6.5)


def profiles(rows: Sequence[Row], methods: Collection[str] | None = None) -> Figure:
    """Draw performance profiles of the time to target, a panel per board.

    Parameters
    ----------
    rows : sequence of Row
        All methods: the fastest of a workload is sought among them.
    methods : collection of str, optional
        Those that are drawn; all by default.
    """
    ratios = np.geomspace(1, 100, 200)
    found = {
        board: {method: line for method, line in shares.items() if methods is None or method in methods}
        for board, shares in profile(rows, ratios.tolist()).items()
    }
    found = {board: shares for board, shares in found.items() if shares}
    if not found:
        raise ValueError("no workload here declares a target")
    figure, axes = _panels(len(found))
    for axis, (board, shares) in zip(axes, found.items(), strict=True):
        best = sorted(shares.items(), key=lambda item: -sum(item[1]))[:LINES]
        for index, (method, line) in enumerate(best):
            axis.step(ratios, line, where="post", label=method, linestyle=_STYLES[index // 10], color=f"C{index % 10}")
        axis.set_xscale("log")
        _axes(axis, "within this ratio of the fastest", "share of workloads solved", board, log=False)
        axis.set_ylim(-0.02, 1.02)
        _legend(axis, len(shares))
    return figure


def history(commits: Sequence[tuple[str, Sequence[Row]]], *, metric: str | None = None) -> Figure:
    """Draw values over commits, a panel per board and metric, a line per method with its interval.

    Parameters
    ----------
    commits : sequence of (commit, rows)
        Oldest first.
    metric : str, optional
        Name of a metric, or ``"seconds"``; the one that ranks by default.
    """
    points: dict[tuple[str, ...], dict[str, list[tuple[int, float, float, float]]]] = {}
    for position, (_, rows) in enumerate(commits):
        for row in history_rows(rows, metric):
            value = row.seconds if metric == "seconds" else row.value
            if value is not None:
                ends = (value, value) if metric == "seconds" or row.low is None or row.high is None else (row.low, row.high)
                lines = points.setdefault(history_panel(row, metric), {})
                lines.setdefault(row.method, []).append((position, value, *ends))
    if not points:
        raise ValueError("no commit here has a value to draw")
    figure, axes = _panels(len(points))
    for axis, title, (key, lines) in zip(axes, _titles(list(points)), points.items(), strict=True):
        for index, (method, line) in enumerate(list(lines.items())[:LINES]):
            x, y, low, high = np.array(line).T
            axis.plot(x, y, marker="o", markersize=3, color=f"C{index % 10}", label=method)
            axis.fill_between(x, low, high, color=f"C{index % 10}", alpha=0.15, linewidth=0)
        axis.set_xticks(range(len(commits)), [commit[:7] for commit, _ in commits], rotation=60, fontsize=6)
        name, better = key[-2:]
        _axes(axis, "", f"{name} ({better} is better)", title, log=False)
        _legend(axis, len(lines))
    return figure


def history_rows(rows: Sequence[Row], metric: str | None) -> list[Row]:
    """Return the rows of a commit that a history of a metric, of seconds or of the metric that ranks is drawn of."""
    if metric in (None, "seconds"):
        return [row for _, board in boards(rows) for row in first_metric(board)]
    return [row for row in rows if row.metric == metric]


def history_panel(row: Row, metric: str | None) -> tuple[str, ...]:
    """Return what tells the panel of a row: its board, and the metric with its direction, which may change with the commits."""
    drawn = ("seconds", "lower") if metric == "seconds" else (row.metric, row.better)
    return row.suite, row.workload, row.scale, row.device, row.machine, *drawn


def _titles(keys: Sequence[tuple[str, ...]]) -> list[str]:
    """Return the workload of each panel, the second of its key, with all else in which panels of one workload differ."""
    titles = []
    for key in keys:
        alike = [other for other in keys if other[1] == key[1]]
        differing = [part for part, *others in zip(key, *alike, strict=True) if len(set(others)) > 1]
        titles.append(", ".join([key[1], *differing]))
    return titles


def _legend(axis: Axes, methods: int) -> None:
    """Name the lines, and say where there are more methods than a picture holds."""
    if axis.get_legend_handles_labels()[0]:
        axis.legend(fontsize=7, title=f"{LINES} of {methods} methods" if methods > LINES else None, title_fontsize=6.5)


def _panels(count: int) -> tuple[Figure, list[Axes]]:
    from matplotlib.backends.backend_agg import FigureCanvasAgg
    from matplotlib.figure import Figure

    columns = min(3, count)
    lines = -(-count // columns)
    figure = Figure(figsize=(5.2 * columns, 3.9 * lines), layout="constrained")
    FigureCanvasAgg(figure)
    axes = list(np.atleast_1d(figure.subplots(lines, columns)).ravel())
    for unused in axes[count:]:
        unused.set_axis_off()
    return figure, axes[:count]


def _axes(axis: Axes, x: str, y: str, title: str, *, log: bool = True) -> None:
    from matplotlib.ticker import FuncFormatter

    axis.set_xlabel(x, fontsize=8)
    axis.set_ylabel(y, fontsize=8)
    axis.set_title(textwrap.fill(title, 56, break_on_hyphens=False), fontsize=9)
    axis.tick_params(which="both", labelsize=6)
    axis.margins(x=0.12)  # room for names beside the last point
    axis.grid(alpha=0.25, linewidth=0.5)
    if log:
        axis.set_xscale("log")
        values = np.concatenate(
            [np.atleast_1d(np.asarray(line.get_ydata(), dtype=float)) for line in axis.get_lines()] or [[1.0]]
        )
        if len(values) and values.min() > 0 and values.max() > 20 * values.min():
            axis.set_yscale("log")
        for scale, (low, high) in ((axis.xaxis, axis.get_xlim()), (axis.yaxis, axis.get_ylim())):
            if scale.get_scale() == "log":
                between = "" if high >= 100 * low else "25" if high >= 10 * low else "23457"
                scale.set_minor_formatter(FuncFormatter(partial(_named, between)))


def _named(digits: str, value: float, _: int) -> str:
    """Return a number where it begins with one of the digits: between the decades there is room for few."""
    return f"{value:g}" if f"{value:e}"[0] in digits else ""


def _colours() -> list[str]:
    return [f"C{index}" for index in range(10)] + ["black", "0.5"]
