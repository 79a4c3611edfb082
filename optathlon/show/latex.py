"""The board as LaTeX."""

from __future__ import annotations

from collections.abc import Sequence

from optathlon.judge import Row, boards, first_metric
from optathlon.show.tables import display


def to_latex(rows: Sequence[Row]) -> str:
    """Return one LaTeX table per workload, by the ranking metric, for a paper (needs the booktabs package)."""
    tables = []
    for key, board in boards(rows):
        body = [[*display(row)[:5]] for row in first_metric(board)]
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


def _escape_latex(text: str) -> str:
    special = {"\\": r"\textbackslash{}", "~": r"\textasciitilde{}", "^": r"\textasciicircum{}", "×": r"$\times$"}
    return "".join(special.get(mark, "\\" + mark if mark in "&%$#_{}" else mark) for mark in text)
