"""The public site: asv's pages of the history, and the leaderboard with its verdicts beside them, as plain HTML."""

from __future__ import annotations

import html
import subprocess
import sys
from collections.abc import Iterable, Sequence
from pathlib import Path

from optathlon.judge import Judgement, Row, boards
from optathlon.show import tables

_ASV_LINK = '<li id="nav-li-regressions">'
_OWN_LINK = '<li id="nav-li-leaderboard"><a href="leaderboard/index.html">Leaderboard</a></li>'

_STYLE = """
body { font: 15px/1.5 system-ui, sans-serif; max-width: 75rem; margin: 0 auto 4rem; padding: 0 1rem; color: #1c2733 }
nav { padding: .8rem 0; border-bottom: 1px solid #d5dbe1 }
nav a { margin-right: 1.2rem }
table { border-collapse: collapse; margin: .5rem 0 1.5rem; font-size: 14px }
th, td { padding: .25rem .7rem; border-bottom: 1px solid #e3e8ed; text-align: left; vertical-align: top }
th { border-bottom: 2px solid #9fb0bf }
td.figure { text-align: right; font-variant-numeric: tabular-nums; white-space: nowrap }
.reproduced { color: #14713d } .contradicted { color: #b3261e } .inconclusive { color: #8a5a00 } .not-tested { color: #66727d }
.failed { color: #b3261e } .note { color: #55626e; font-size: 13px } .scroll { overflow-x: auto }
@media (prefers-color-scheme: dark) { body { background: #14191f; color: #dfe6ec } a { color: #7db7ff }
  .reproduced { color: #63c98f } .contradicted, .failed { color: #ff8a80 }
  .inconclusive { color: #e0b057 } .note { color: #9aa7b3 } }
"""


def publish(repository: Path, target: Path, rows: Sequence[Row], judgements: Sequence[Judgement]) -> Path:
    """Write the site: ``asv publish`` of the repository's history where there is one, then the leaderboard beside it.

    Parameters
    ----------
    repository : Path
        The folder of ``asv.conf.json``.
    target : Path
        Folder of the site; asv empties it first.
    rows, judgements : sequences
        The leaderboard and the verdicts.

    Returns
    -------
    Path
        The leaderboard's page.

    Raises
    ------
    ValueError
        asv failed; the message holds the end of its output.
    """
    history = (repository / "results" / "asv" / "benchmarks.json").is_file()
    if history:
        _publish_asv(repository, target)
    folder = target / "leaderboard"
    folder.mkdir(parents=True, exist_ok=True)
    (folder / "leaderboard.csv").write_text(tables.to_csv(rows), encoding="utf-8")
    page = folder / "index.html"
    page.write_text(to_html(rows, judgements, history=history), encoding="utf-8")
    return page


def _publish_asv(repository: Path, target: Path) -> None:
    """Run ``asv publish`` and put a link to the leaderboard into its navigation, which has no place for other pages."""
    command = [sys.executable, "-m", "asv", "publish", "--no-pull", "--html-dir", str(target.resolve())]
    try:
        subprocess.run(command, cwd=repository, capture_output=True, text=True, check=True, timeout=600)
    except subprocess.CalledProcessError as error:
        raise ValueError(f"asv publish failed: {(error.stdout + error.stderr)[-1000:]}") from error
    index = target / "index.html"
    text = index.read_text(encoding="utf-8")
    index.write_text(text.replace(_ASV_LINK, _OWN_LINK + _ASV_LINK, 1), encoding="utf-8")


def to_html(rows: Sequence[Row], judgements: Sequence[Judgement], *, history: bool = False) -> str:
    """Return the leaderboard as one page: no script, nothing loaded, every text escaped; `history` links to asv's pages."""
    suites = sorted({row.suite for row in rows} | {one.suite for one in judgements})
    back = '<a href="../index.html">History</a>' if history else ""
    links = "".join(f'<a href="#{_text(suite)}">{_text(suite)}</a>' for suite in suites)
    parts = [
        '<!doctype html><html lang="en"><head><meta charset="utf-8">',
        '<meta name="viewport" content="width=device-width, initial-scale=1">',
        "<meta http-equiv=\"Content-Security-Policy\" content=\"default-src 'none'; style-src 'unsafe-inline'\">",
        f"<title>Optathlon leaderboard</title><style>{_STYLE}</style></head><body>",
        f'<nav>{back}{links}<a href="leaderboard.csv">CSV</a></nav><h1>Leaderboard</h1>',
        '<p class="note">Methods share a rank when their seeds cannot tell them apart (paired bootstrap, 95 %). Values are means'
        " over seeds with 95 % intervals; seconds are medians of the method's own time, × their ratio to the suite's reference"
        " method; * marks the Pareto front of score against seconds. Seconds of different machines are never compared.</p>",
    ]
    for suite in suites:
        parts.append(f'<section id="{_text(suite)}"><h2>{_text(suite)}</h2>')
        parts.append(_claims([one for one in judgements if one.suite == suite]))
        parts += [_board(key, board) for key, board in boards([row for row in rows if row.suite == suite])]
        parts.append("</section>")
    return "\n".join([*parts, "</body></html>\n"])


def _claims(judgements: Sequence[Judgement]) -> str:
    """Return the table of verdicts; those that fail stand first."""
    if not judgements:
        return ""
    order = ["contradicted", "reproduced", "inconclusive", "not tested"]
    lines = []
    for one in sorted(judgements, key=lambda one: order.index(str(one.verdict.ruling))):
        ruling = str(one.verdict.ruling)
        before, after = (one.claim.source, one.claim.statement, one.claim.reported), (one.verdict.measured, one.scale)
        verdict = f'<td class="{ruling.replace(" ", "-")}">{ruling}</td>'
        lines.append([*(f"<td>{_text(t)}</td>" for t in before), verdict, *(f"<td>{_text(t)}</td>" for t in after)])
    return "<h3>Claims</h3>" + _table(["source", "claim", "reported", "verdict", "measured", "scale"], lines)


def _board(key: tuple[str, ...], board: Sequence[Row]) -> str:
    """Return the table of one workload: the ranking metric with seconds, then the other metrics."""
    _, workload, scale, device, machine = key
    first = [row for row in board if row.metric == board[0].metric]
    others = list(dict.fromkeys(row.metric for row in board if row.metric != board[0].metric))
    values = {(row.metric, row.method): row for row in board}
    units = {row.metric: f"{row.metric} ({row.unit}, {row.better} is better)" for row in board}
    header = ["rank", "method", units[board[0].metric], "seconds", "×", "seeds", "status", *(units[name] for name in others)]
    lines = []
    for row in first:
        rank, method, value, seconds, ratio, seeds, status = tables.display(row)
        cells = [_figure(rank), f"<td>{_text(method)}{' *' if row.pareto else ''}</td>"]
        cells += [_figure(text) for text in (value, seconds, ratio, seeds)]
        cells.append(
            f'<td class="failed" title="{_text(row.reason)}">{_text(status)}</td>' if row.failed else f"<td>{_text(status)}</td>"
        )
        cells += [_figure("" if (one := values.get((name, row.method))) is None else tables.display(one)[2]) for name in others]
        lines.append(cells)
    return f"<h3>{_text(workload)} ({_text(scale)}, {_text(device)}, {_text(machine)})</h3>" + _table(header, lines)


def _figure(text: str) -> str:
    return f'<td class="figure">{_text(text)}</td>'


def _table(header: Iterable[str], lines: Iterable[Iterable[str]]) -> str:
    head = "".join(f"<th>{_text(text)}</th>" for text in header)
    body = "".join(f"<tr>{''.join(line)}</tr>" for line in lines)
    return f'<div class="scroll"><table><thead><tr>{head}</tr></thead><tbody>{body}</tbody></table></div>'


def _text(text: str) -> str:
    return html.escape(text, quote=True)
