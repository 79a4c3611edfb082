"""The board as Markdown, and the texts of one row."""

from __future__ import annotations

import html
from collections.abc import Collection, Mapping, Sequence

from optathlon.judge import Judgement, Overall, Row, boards, first_metric, profile, summary
from optathlon.show import ledger
from optathlon.spec.text import clean
from optathlon.store import CLAIMED, MEASURED


def display(row: Row) -> tuple[str, ...]:
    """Return rank, method, value with interval, seconds, ratio, seeds and status as a reader wants them."""
    rank = (
        ("yardstick" if row.yardstick else CLAIMED if row.trust == CLAIMED else "")
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
        "" if row.seconds is None else ("~" if row.busy else "") + _number(row.seconds),
        "" if row.ratio is None else f"{row.ratio:.2g}×",
        str(row.shared) if row.shared == row.seeds else f"{row.shared} of {row.seeds}",
        ", ".join(
            [row.status if not row.failed else _failed(row), *([] if row.trust == MEASURED else [row.trust]), *_dirty(row)]
        ),
    )


def doubts(row: Row) -> str:
    """Return what a value without its status must say: of runs that failed, of what is only claimed, of changes in the tree."""
    return ", ".join([*([_failed(row)] if row.failed else []), *([CLAIMED] if row.trust == CLAIMED else []), *_dirty(row)])


def _failed(row: Row) -> str:
    return f"{row.status} ({row.failed} of {row.failed + row.seeds})"


def _dirty(row: Row) -> list[str]:
    return ["dirty"] if row.dirty else []


def _number(value: float) -> str:
    return f"{value:.4g}"


def to_markdown(rows: Sequence[Row], judgements: Sequence[Judgement] = (), whole: Sequence[Row] | None = None) -> str:
    """Return the leaderboard as Markdown: verdicts, then a summary, then a table per workload. Names and reasons are escaped.

    Parameters
    ----------
    rows : sequence of Row
        What is shown.
    judgements : sequence of Judgement
        The verdicts.
    whole : sequence of Row, optional
        All rows, where `rows` are a part of them: first places, mean ranks and profiles are those among all.
    """
    whole = rows if whole is None else whole
    every = by_metric(whole)
    parts = ["# Leaderboard", _HOW_TO_READ]
    suites = sorted({row.suite for row in rows} | {one.suite for one in judgements})
    for suite in suites:
        parts.append(f"## {escape(suite)}")
        ruled = [one for one in judgements if one.suite == suite]
        if ruled:
            parts.append(claims_markdown(ruled))
        own = [row for row in rows if row.suite == suite]
        parts += _summary_markdown([row for row in whole if row.suite == suite], {row.method for row in own})
        parts += [_board_markdown(key, board, every) for key, board in boards(own)]
    return "\n\n".join(parts) + "\n"


_HOW_TO_READ = """
Rendered from the records in `records/` by `optathlon leaderboard --write`; `--check` proves that it still matches them.
Methods stand in the order of their means over the seeds that all of them ran, and share a rank where these seeds cannot tell them
apart (paired tests, false discovery rate 5 % in a board); in brackets, the ranks that the data leave possible. Brackets behind a
value are its 95 % interval; seconds are medians of the method's own time, `×` is the ratio to the suite's reference method, `*`
marks the Pareto front of score against seconds. Yardsticks know more than the others (the truth, all data): shown, not ranked.
Seconds of different machines are never compared; `~` marks those measured beside other cells or on a busy machine, "dirty"
records from a working tree with changes. Records are measured by the project, "verified" where all of a row's runs were run again
with the same outcome, and else "claimed" by whoever submitted them: shown, not ranked, and they decide no verdict.
`docs/verdicts.md` says how ranks and verdicts are made, and how often they err.
""".strip()


def claims_markdown(judgements: Sequence[Judgement]) -> str:
    """Return the verdicts as a Markdown table, with their count."""
    lines = [
        [one.claim.source, one.claim.statement, one.claim.reported, f"**{one.verdict.ruling}**", one.verdict.measured, one.scale]
        for one in judgements
    ]
    header = ["source", "claim", "reported", "verdict", "measured", "scale"]
    return f"Claims: {ledger.count(judgements)}.\n\n" + table(header, lines, bold=3)


def _summary_markdown(rows: Sequence[Row], shown: Collection[str]) -> list[str]:
    """Return mean ranks and profiles over all rows of a suite, of the methods shown."""
    parts = []
    lines = summary(rows)
    for board in dict.fromkeys(line.board for line in lines):
        own = [line for line in lines if line.board == board]
        if own[0].workloads > 1 and own[0].mean_rank is not None:
            header = ["method", f"mean rank on the {own[0].common} common", "first or tied first", "ranked on"]
            cells = [_overall(one) for one in own if one.method in shown]
            if cells:
                parts.append(f"### Over all workloads ({escape(board)})\n\n" + table(header, cells))
    for board, shares in profile(rows).items():
        own = [
            [method, *(f"{share:.2f}" for share in line)]
            for method, line in sorted(shares.items(), key=lambda item: -sum(item[1]))
            if method in shown
        ]
        title = f"### Performance profile of time to target ({escape(board)})"
        if own:
            parts.append(f"{title}\n\n" + table(["method", "fastest", "within 2×", "within 4×", "within 8×"], own))
    return parts


def _overall(one: Overall) -> list[str]:
    mean = "" if one.mean_rank is None else f"{one.mean_rank:.2f}"
    return [one.method, mean, str(one.first), f"{one.ranked} of {one.workloads}"]


def by_metric(rows: Sequence[Row]) -> dict[tuple[str, ...], list[Row]]:
    """Return the rows of each board and metric, under (suite, workload, scale, device, machine, metric)."""
    found: dict[tuple[str, ...], list[Row]] = {}
    for row in rows:
        found.setdefault((row.suite, row.workload, row.scale, row.device, row.machine, row.metric), []).append(row)
    return found


def _board_markdown(key: tuple[str, ...], board: Sequence[Row], every: Mapping[tuple[str, ...], Sequence[Row]]) -> str:
    _, workload, scale, device, machine = key
    first = first_metric(board)
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
    text = f"### {escape(workload)} ({scale}, {device}, {escape(machine)})\n\n"
    text += table([*header, *(units[metric] for metric in others)], lines)
    if stands := standing_text(every[*key, first[0].metric]):
        text += f"\n\n{escape(stands)}"
    reasons = [f"- {escape(row.method)}: {escape(row.note)}" for row in first if row.note and not row.yardstick]
    if reasons:
        text += "\n\nOn the seeds:\n\n" + "\n".join(reasons)
    reasons = [f"- {escape(row.method)}: {escape(_last_line(row.reason))}" for row in first if row.reason]
    return text + ("\n\nWhy cells failed:\n\n" + "\n".join(reasons) if reasons else "")


def standing_text(first: Sequence[Row]) -> str:
    """Say what a whole board resolves and how firm its first place is, in one sentence; nothing where nobody is ranked."""
    row = next((row for row in first if row.rank is not None), None)
    if row is None:
        return ""
    if row.standing == "unopposed":
        return f"First place: {row.method}, unopposed: no other method is ranked."
    if row.standing == "tied":
        equal = sum(r.rank == 1 and r.value == row.value for r in first)
        if equal == 1:
            return "First place: tied, the next mean differs by less than the metric tells apart."
        return f"First place: tied, {equal} methods have the same mean."
    if row.stability is None:
        return "One seed: nobody can be told apart."
    if row.resolution is None:
        return ""
    leader = min((r for r in first if r.rank == 1), key=lambda r: (r.value or 0.0) * (1 if r.better == "lower" else -1))
    resamples = f"in {row.stability:.0%} of resamples, in both halves of {row.halves:.0%} of splits"
    return (
        f"These {row.shared} seeds tell differences of {_number(row.resolution)} apart. "
        f"First place: {leader.method}, {row.standing} ({resamples})."
    )


def _last_line(text: str) -> str:
    """Return the line of a reason that says most: the last before any captured stderr."""
    lines = [line for line in text.split("\nstderr:\n")[0].strip().splitlines() if line.strip()]
    return lines[-1].strip()[:300] if lines else ""


def table(header: Sequence[str], lines: Sequence[Sequence[str]], bold: int | None = None) -> str:
    """Return a Markdown table of escaped texts; those of the column `bold` are Markdown already."""
    rows = [[text if i == bold else escape(text) for i, text in enumerate(line)] for line in lines]
    head = "| " + " | ".join(escape(text) for text in header) + " |"
    return "\n".join([head, "|" + " --- |" * len(header), *("| " + " | ".join(row) + " |" for row in rows)])


def escape(text: str) -> str:
    """Return text that Markdown and HTML show as it is."""
    text = html.escape(clean(" ".join(text.split())), quote=False)
    return "".join("\\" + mark if mark in "\\|`[]_*" else mark for mark in text)
