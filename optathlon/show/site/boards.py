"""The boards of a suite as columns, and who wins where."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np

from optathlon.judge import Row, boards, first_metric, profile
from optathlon.show.site.columns import coded, numbers
from optathlon.show.site.text import short
from optathlon.show.tables import standing_text
from optathlon.spec import Scale

_TEXTS = ("workload", "scale", "device", "machine", "method", "status", "metric", "unit", "better", "trust", "note", "version")
_NUMBERS = (
    "rank", "rank_low", "rank_high", "value", "low", "high", "seconds", "ratio", "cpu_seconds", "peak_memory", "target",
    "time_to_target", "seeds", "shared", "failed", "verified",
)  # fmt: skip
_FLAGS = ("busy", "dirty", "pareto", "yardstick")
RATIOS = np.geomspace(1, 100, 60)


@dataclass(frozen=True)
class Win:
    """Who is first on a board, as one line of the index."""

    suite: str
    workload: str
    scale: str
    device: str
    machine: str
    winners: tuple[str, ...]
    metric: str
    better: str
    value: float | None
    standing: str
    methods: int


def board_data(rows: Sequence[Row]) -> dict[str, Any]:
    """Return the rows of one suite as columns, with a sentence on each board and the performance profiles."""
    columns: dict[str, Any] = {name: coded(getattr(row, name) for row in rows) for name in _TEXTS}
    columns |= {name: numbers(getattr(row, name) for row in rows) for name in _NUMBERS}
    columns |= {name: [int(getattr(row, name)) for row in rows] for name in _FLAGS}
    columns["reason"] = coded(short(row.reason) for row in rows)
    sentences = {board_id(key): standing_text(first_metric(board)) for key, board in boards(rows)}
    return {"rows": columns, "sentences": sentences, "profiles": _profiles(rows)}


def board_id(key: Sequence[str]) -> str:
    """Return what names a board in an address: workload, scale, device and machine."""
    return "/".join(key[1:])


def _profiles(rows: Sequence[Row]) -> list[dict[str, Any]]:
    """Return, for each scale, device and machine, each method's share of targeted workloads solved within a ratio."""
    found = []
    for name, shares in profile(rows, RATIOS.tolist()).items():
        _, scale, device, machine, metric = name.split(", ")
        lines = [{"method": method, "share": numbers(line, 4)} for method, line in shares.items() if any(line)]
        found.append({"scale": scale, "device": device, "machine": machine, "metric": metric, "lines": lines})
    return [{**one, "ratios": numbers(RATIOS, 4)} for one in found if one["lines"]]


def default_board(rows: Sequence[Row]) -> str:
    """Return the board that a suite's page opens with: of the largest scale but paper's, the one with most ranked methods."""
    best: tuple[Any, ...] = (-1, -1, -1)
    chosen = ""
    for key, board in boards(rows):
        first = first_metric(board)
        ranked = sum(row.rank is not None for row in first)
        weight = (ranked > 1, Scale(key[2]) is not Scale.SMOKE, min(ranked, 14) - 2 * bool(sum(r.failed for r in first)))
        if weight > best:
            best, chosen = weight, board_id(key)
    return chosen


def wins(rows: Sequence[Row]) -> list[Win]:
    """Return the first place of every board on which somebody is ranked; smoke runs decide nothing and are left out."""
    found = []
    for (suite, workload, scale, device, machine), board in boards(rows):
        first = first_metric(board)
        top = [row for row in first if row.rank == 1]
        if top and Scale(scale) is not Scale.SMOKE:
            sign = 1 if top[0].better == "lower" else -1
            top.sort(key=lambda row: sign * (row.value or 0.0))
            names = tuple(row.method for row in top)
            ranked = sum(row.rank is not None for row in first)
            lead = top[0]
            standing = lead.standing or "one seed"
            found.append(
                Win(suite, workload, scale, device, machine, names, lead.metric, lead.better, lead.value, standing, ranked)
            )
    return found
