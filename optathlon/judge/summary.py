"""Over all workloads of a board: mean ranks and performance profiles, on the workloads that the compared methods share."""

from __future__ import annotations

import math
from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np

from optathlon.judge import profiles
from optathlon.judge.board import Row, boards, first_metric
from optathlon.judge.shared import share_most
from optathlon.store import CLAIMED


@dataclass(frozen=True, kw_only=True)
class Overall:
    """One method over the workloads of a suite that are ranked by one metric.

    Attributes
    ----------
    board : str
        Suite, scale, device, machine and metric.
    method : str
        The method.
    mean_rank : float or None
        Mean of its ranks over the `common` workloads; None for a method that shares no more than half of all with the others.
    first : int
        On how many of the common workloads it is first, alone or tied.
    ranked, common, workloads : int
        On how many workloads it is ranked, how many all compared methods share, and how many there are.
    """

    board: str
    method: str
    mean_rank: float | None
    first: int
    ranked: int
    common: int
    workloads: int


def summary(rows: Sequence[Row]) -> list[Overall]:
    """Return each method over all workloads of a board, the best mean rank first, those with too few workloads last.

    Mean ranks are taken on workloads that all compared methods share, more than half of all, by as many methods as share so many;
    the others have no mean rank, however well they do on their own ones.
    """
    families: dict[str, dict[str, dict[str, int]]] = {}
    workloads: dict[str, set[str]] = {}
    for _, board in boards(rows):
        for row in first_metric(board):
            name = _family(row)
            workloads.setdefault(name, set()).add(row.workload)
            if not row.yardstick:
                ranks = families.setdefault(name, {}).setdefault(row.method, {})
                if row.rank is not None:
                    ranks[row.workload] = row.rank
    return [line for name in sorted(families) for line in _overall(name, families[name], len(workloads[name]))]


def _overall(board: str, ranks: dict[str, dict[str, int]], total: int) -> list[Overall]:
    compared, common = share_most({method: frozenset(own) for method, own in ranks.items()}, lambda n: 2 * n > total)
    lines = []
    for method, own in ranks.items():
        places = [own[workload] for workload in common] if method in compared else []
        lines.append(
            Overall(
                board=board,
                method=method,
                mean_rank=float(np.mean(places)) if places else None,
                first=places.count(1),
                ranked=len(own),
                common=len(common),
                workloads=total,
            )
        )
    return sorted(lines, key=lambda line: (line.mean_rank is None, line.mean_rank or 0.0, -line.ranked, line.method))


def profile(rows: Sequence[Row], ratios: Sequence[float] = (1, 2, 4, 8)) -> dict[str, dict[str, list[float]]]:
    """Return, per board, each method's share of targeted workloads solved within a ratio of the fastest time to target.

    Every workload with a target counts, also one that nobody solved; of the methods, those that ran on most of them.
    """
    times: dict[str, dict[str, dict[str, float]]] = {}
    for _, board in boards(rows):
        first = first_metric(board)
        if first[0].target is None:
            continue
        costs = {row.method: _cost(row) for row in first if not row.yardstick and row.trust != CLAIMED}
        times.setdefault(_family(first[0]), {})[first[0].workload] = costs
    made = {}
    for name, workloads in times.items():
        methods = sorted({method for costs in workloads.values() for method in costs})
        methods = [m for m in methods if 2 * sum(m in costs for costs in workloads.values()) > len(workloads)]
        if not methods:
            continue
        table = np.array([[costs.get(method, math.inf) for method in methods] for costs in workloads.values()])
        shares = profiles.performance_profile(table, np.asarray(ratios, dtype=float))
        made[name] = {method: line.tolist() for method, line in zip(methods, shares, strict=True)}
    return made


def _family(row: Row) -> str:
    return f"{row.suite}, {row.scale}, {row.device}, {row.machine}, {row.metric}"


def _cost(row: Row) -> float:
    """Return the seconds to the target; infinite where it was missed, or where the method is not among those compared."""
    return math.inf if row.time_to_target is None or row.rank is None else max(row.time_to_target, 1e-9)
