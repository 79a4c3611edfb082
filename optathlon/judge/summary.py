"""Over all workloads of a board: mean ranks and performance profiles."""

from __future__ import annotations

import math
from collections.abc import Sequence

import numpy as np

from optathlon.judge import scoring
from optathlon.judge.board import Row, boards, first_metric


def summary(rows: Sequence[Row]) -> list[tuple[str, str, float, int, int]]:
    """Return (suite and board, method, mean rank, workloads ranked, workloads where it shares the first rank)."""
    ranks: dict[tuple[str, str], list[int]] = {}
    for _, board in boards(rows):
        for row in first_metric(board):
            if row.rank is not None:
                ranks.setdefault((f"{row.suite}, {row.scale}, {row.device}, {row.machine}", row.method), []).append(row.rank)
    made = [(board, method, float(np.mean(found)), len(found), found.count(1)) for (board, method), found in ranks.items()]
    return sorted(made, key=lambda line: (line[0], line[2], line[1]))


def profile(rows: Sequence[Row], ratios: Sequence[float] = (1, 2, 4, 8)) -> dict[str, dict[str, list[float]]]:
    """Return, per board, each method's share of targeted workloads solved within a ratio of the fastest time to target."""
    times: dict[str, dict[str, dict[str, float]]] = {}
    for _, board in boards(rows):
        first = first_metric(board)
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
