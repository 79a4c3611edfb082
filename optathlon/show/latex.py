"""The board as LaTeX."""

from __future__ import annotations

import re
from collections.abc import Sequence

from optathlon.judge import Row, boards, first_metric
from optathlon.show.tables import display, doubts
from optathlon.spec.text import clean
from optathlon.store import VERIFIED

_PACKAGES = "% needs \\usepackage{booktabs}; letters beyond Latin need XeLaTeX or LuaLaTeX\n"
_SPECIAL = {"\\": r"\textbackslash{}", "~": r"\textasciitilde{}", "^": r"\textasciicircum{}", "×": r"\(\times\)"}


def to_latex(rows: Sequence[Row]) -> str:
    """Return one LaTeX table per board, by the metric that ranks, the best value bold and a label on each, for a paper."""
    return _PACKAGES + "\n".join(_board(key, first_metric(board)) for key, board in boards(rows))


def _board(key: tuple[str, ...], first: Sequence[Row]) -> str:
    import pandas as pd

    metric, better = first[0].metric, first[0].better
    columns = [_escape(name) for name in ("rank", "method", metric, "seconds", "ratio")]
    frame = pd.DataFrame([[_escape(text) for text in _shown(row)] for row in first], columns=columns)
    best = [index for index, row in enumerate(first) if row.rank == 1]
    style = frame.style.hide(axis="index").map(lambda _: "textbf:--rwrap;", subset=(best, columns[1:3]))
    return style.to_latex(
        hrules=True,
        column_format="rllrr",
        position="tbp",
        position_float="centering",
        caption=_escape(f"{', '.join(key)}; by {metric}, {better} is better"),
        label="tab:" + "-".join(re.sub(r"[^A-Za-z0-9.]+", "-", part) for part in (*key, metric)),
    )


def _shown(row: Row) -> list[str]:
    rank, method, *others = display(row)[:5]
    said = [*([VERIFIED] if row.trust == VERIFIED else []), *([doubts(row)] if doubts(row) else [])]
    return [rank, f"{method} ({', '.join(said)})" if said else method, *others]


def _escape(text: str) -> str:
    return "".join(_SPECIAL.get(mark, "\\" + mark if mark in "&%$#_{}" else mark) for mark in clean(" ".join(text.split())))
