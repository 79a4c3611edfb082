"""Tables in a suite's README, written from the records between markers; the prose around them is left alone.

``<!-- board:WORKLOAD -->`` to ``<!-- end -->`` holds the board of a workload. WORKLOAD may be a glob, or several with commas
between; where several workloads match, a column holds each one's mean by the metric that ranks it, or by that of
``<!-- board:WORKLOAD metric:NAME -->``, with the median seconds. ``<!-- claims:ID -->`` to ``<!-- end -->`` holds what the paper
reports and what was measured, of every claim whose name the globs match; without ``:ID``, of all.
"""

from __future__ import annotations

import re
from collections.abc import Sequence
from fnmatch import fnmatchcase

from optathlon.judge import Judgement, Row, boards, first_metric
from optathlon.show.ledger import figure
from optathlon.show.tables import display, escape, table

_BOARD = re.compile(r"(<!-- board:(\S+)(?: metric:(\S+))? -->\n).*?(<!-- end -->)", re.DOTALL)
_CLAIMS = re.compile(r"(<!-- claims(?::(\S+))? -->\n).*?(<!-- end -->)", re.DOTALL)


def fill(text: str, rows: Sequence[Row], judgements: Sequence[Judgement] = ()) -> str:
    """Return a README with the tables between its markers written anew from the rows and verdicts of its suite.

    Raises
    ------
    ValueError
        A marker has no end, or names no workload that has records, or no claim.
    """
    if text.count("<!-- board:") != len(_BOARD.findall(text)) or text.count("<!-- claims") != len(_CLAIMS.findall(text)):
        raise ValueError("a marker <!-- board:WORKLOAD --> or <!-- claims --> has no <!-- end -->")
    text = _BOARD.sub(lambda found: f"{found[1]}{_tables(found[2], found[3], rows)}\n{found[4]}", text)
    return _CLAIMS.sub(lambda found: f"{found[1]}{_claims(found[2] or '*', judgements)}\n{found[3]}", text)


def _claims(patterns: str, judgements: Sequence[Judgement]) -> str:
    """Return a table of claims: where they stand, what is said, reported and measured, and the verdict."""
    chosen = [one for one in judgements if any(fnmatchcase(one.claim.id, pattern) for pattern in patterns.split(","))]
    if not chosen:
        raise ValueError(f"no claim {patterns!r}")
    header = ["claim", "source", "reported", "measured", "verdict"]
    lines = []
    for one in chosen:
        basis = "" if one.claim.basis == "stated" else f" ({one.claim.basis})"
        ruling = str(one.verdict.ruling) + (f", {one.scale}" if one.scale else "")
        lines.append([one.claim.statement + basis, one.claim.source, one.claim.reported, figure(one.verdict.measured), ruling])
    return table(header, lines)


def _tables(patterns: str, metric: str | None, rows: Sequence[Row]) -> str:
    places: dict[tuple[str, ...], list[list[Row]]] = {}
    for (_, workload, scale, device, machine), board in boards(rows):
        if any(fnmatchcase(workload, pattern) for pattern in patterns.split(",")):
            first = [row for row in board if row.metric == metric] if metric else first_metric(board)
            if first:
                others = [row for row in board if row.metric != first[0].metric]
                places.setdefault((scale, device, machine, first[0].metric, first[0].unit), []).append(first + others)
    if not places:
        raise ValueError(f"no records of a workload {patterns!r}" + (f" with the metric {metric!r}" if metric else ""))
    return "\n\n".join(_table(key, found) for key, found in places.items())


def _table(key: Sequence[str], found: Sequence[Sequence[Row]]) -> str:
    scale, device, machine, metric, unit = key
    seeds = sorted({row.shared for board in found for row in first_metric(board) if row.rank is not None})
    count = "" if not seeds else f", {seeds[0]} seeds" if len(seeds) == 1 else f", {seeds[0]} to {seeds[-1]} seeds"
    caption = f"{metric} ({unit}, {found[0][0].better} is better); {scale}, {device}, {machine}{count}"
    return f"{escape(caption)}:\n\n{_one(found[0]) if len(found) == 1 else _many(found)}"


def _one(board: Sequence[Row]) -> str:
    """Return a table of one workload: rank, value with interval and seconds of each method, and means by the other metrics."""
    others = list(dict.fromkeys(row.metric for row in board if row.metric != board[0].metric))
    means = {(row.metric, row.method): _mean(row) for row in board}
    header = ["rank", "method", board[0].metric, "seconds", "×", "seeds", "status", *others]
    return table(header, [[*display(row), *(means.get((o, row.method), "") for o in others)] for row in first_metric(board)])


def _many(found: Sequence[Sequence[Row]]) -> str:
    """Return a table of several workloads, a column of each: the means, and seconds in brackets."""
    shown: dict[str, dict[str, str]] = {}
    for board in found:
        for row in first_metric(board):
            seconds = "" if row.seconds is None else f" ({row.seconds:.3g} s)"
            shown.setdefault(row.method, {})[row.workload] = (_mean(row) or row.status) + seconds
    workloads = [board[0].workload for board in found]
    return table(["method", *workloads], [[name, *(own.get(w, "") for w in workloads)] for name, own in shown.items()])


def _mean(row: Row) -> str:
    return "" if row.value is None else f"{row.value:.4g}"
