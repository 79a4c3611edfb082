"""Scores along the runs, as columns: what the pictures of a suite's page are drawn from, loaded when one is looked at."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

from optathlon.show.site.boards import board_id
from optathlon.show.site.columns import coded, numbers
from optathlon.spec import Status
from optathlon.store import Group

POINTS = 60  # of a run; records hold up to 200


def trace_data(groups: Sequence[Group]) -> dict[str, Any]:
    """Return the traces of the finished runs of one suite: a row per run, its points as two lists on the method's clock."""
    boards, methods, seeds, seconds, scores = [], [], [], [], []
    for group in groups:
        cell = group.cell
        board = board_id((cell.suite, cell.workload, str(cell.scale), cell.device, cell.environment.place))
        for run in group.runs:
            points = _thinned(run.get("trace", ()))
            if run["status"] == Status.OK and len(points) > 1:
                boards.append(board)
                methods.append(cell.method)
                seeds.append(run["seed"])
                seconds.append(numbers((point[1] for point in points), 4))
                scores.append(numbers((point[2] for point in points), 4))
    return {"board": coded(boards), "method": coded(methods), "seed": seeds, "seconds": seconds, "score": scores}


def _thinned(trace: Sequence[Any]) -> list[Any]:
    """Return at most `POINTS` points: the first, the last, and between them evenly by position."""
    if len(trace) <= POINTS:
        return list(trace)
    step = (len(trace) - 1) / (POINTS - 1)
    return [trace[round(index * step)] for index in range(POINTS)]
