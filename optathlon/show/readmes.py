"""Tables and figures in a suite's README, written from the records between markers; the prose around them is left alone.

``<!-- board:WORKLOAD -->`` to ``<!-- end -->`` holds the board of a workload. WORKLOAD may be a glob, or several with commas
between; where several workloads match, a column holds each one's mean by the metric that ranks it, or by that of
``<!-- board:WORKLOAD metric:NAME -->``, with the median seconds. ``<!-- claims:ID -->`` to ``<!-- end -->`` holds what the paper
reports and what was measured, of every claim whose name the globs match; without ``:ID``, of all.
``<!-- value: WORKLOAD METHOD METRIC -->`` to ``<!-- end -->``, within a line, holds one mean over the seeds of the board, or the
median ``seconds`` or ``cpu_seconds``.

A workload's records count in the newest version of the suite that measured it; a board of an older one says so. A value comes
from the largest scale and, as verdicts do, from the machine with most runs at it; never from what is only claimed.
"""

from __future__ import annotations

import re
from collections import Counter
from collections.abc import Sequence
from fnmatch import fnmatchcase

from optathlon.judge import Judgement, Row, boards, first_metric
from optathlon.show.ledger import figure
from optathlon.show.tables import display, doubts, escape, table
from optathlon.spec import Scale
from optathlon.store import CLAIMED

_INSIDE = r"((?:(?!<!--).)*)(<!-- end -->)"
_BOARD = re.compile(rf"(<!-- board:(\S+)(?: metric:(\S+))? -->\n){_INSIDE}", re.DOTALL)
_CLAIMS = re.compile(rf"(<!-- claims(?::(\S+))? -->\n){_INSIDE}", re.DOTALL)
_VALUE = re.compile(rf"(<!-- value: (\S+) (\S+) (\S+) -->){_INSIDE}")
_CLOCKS = ("seconds", "cpu_seconds")


def fill(text: str, rows: Sequence[Row], judgements: Sequence[Judgement] = ()) -> str:
    """Return a README with the tables between its markers written anew from the rows and verdicts of its suite.

    Raises
    ------
    ValueError
        A marker has no end, or names no workload, method or metric that has records, or no claim.
    """
    for sign, pattern in (("board:", _BOARD), ("claims", _CLAIMS), ("value:", _VALUE)):
        if text.count(f"<!-- {sign}") != len(pattern.findall(text)):
            raise ValueError(f"a marker <!-- {sign} ... --> has no <!-- end -->, or not the form that readmes.py reads")
    newest = _newest(rows)
    text = _BOARD.sub(lambda found: f"{found[1]}{_tables(found[2], found[3], newest)}\n{found[5]}", text)
    text = _CLAIMS.sub(lambda found: f"{found[1]}{_claims(found[2] or '*', judgements)}\n{found[4]}", text)
    return _VALUE.sub(lambda found: f"{found[1]}{_value(found[2], found[3], found[4], newest)}{found[6]}", text)


def _age(version: str) -> tuple[int, str]:
    """Return a key that sorts versions of a suite: 10 is newer than 9."""
    return len(version), version


def _newest(rows: Sequence[Row]) -> list[Row]:
    """Leave out the records of a workload that were made with an older version of the suite than others of it."""
    latest: dict[tuple[str, str], str] = {}
    for row in rows:
        place = row.workload, row.scale
        latest[place] = max(latest.get(place, ""), row.version, key=_age)
    return [row for row in rows if row.version == latest[row.workload, row.scale]]


def _value(workload: str, method: str, metric: str, rows: Sequence[Row]) -> str:
    """Return one figure of one method, to as many digits as a board."""
    runs: Counter[tuple[str, str]] = Counter()
    found = []
    for (_, name, scale, _, machine), board in boards(rows):
        first = first_metric(board)
        runs[scale, machine] += sum(row.seeds + row.failed for row in first)
        own = first if metric in _CLOCKS else [row for row in board if row.metric == metric]
        if name == workload:
            found += [(scale, machine, row) for row in own if row.method == method and row.trust != CLAIMED]
    figures = {(s, m): getattr(row, metric) if metric in _CLOCKS else row.value for s, m, row in found}
    places = [place for place, number in figures.items() if number is not None]
    if not places:
        raise ValueError(f"no records of a value {workload} {method} {metric}")
    return f"{figures[max(places, key=lambda place: (Scale(place[0]).order, runs[place]))]:.4g}"


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
    newest = max((row.version for row in rows), key=_age, default="")
    for (_, workload, scale, device, machine), board in boards(rows):
        if any(fnmatchcase(workload, pattern) for pattern in patterns.split(",")):
            first = [row for row in board if row.metric == metric] if metric else first_metric(board)
            if first:
                others = [row for row in board if row.metric != first[0].metric]
                version = "" if first[0].version == newest else f", version {first[0].version} of the suite"
                places.setdefault((scale, device, machine + version, first[0].metric, first[0].unit), []).append(first + others)
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
            said = f", {doubts(row)}" if row.value is not None and doubts(row) else ""
            shown.setdefault(row.method, {})[row.workload] = (_mean(row) or row.status) + seconds + said
    workloads = [board[0].workload for board in found]
    return table(["method", *workloads], [[name, *(own.get(w, "") for w in workloads)] for name, own in shown.items()])


def _mean(row: Row) -> str:
    return "" if row.value is None else f"{row.value:.4g}"
