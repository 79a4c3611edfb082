"""The public site: asv's pages of the history, and the leaderboard with its verdicts beside them, as plain HTML."""

from __future__ import annotations

import subprocess
import sys
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path

from optathlon.judge import Judgement, Row, boards, first_metric
from optathlon.show import ledger, tables
from optathlon.spec import Ruling
from optathlon.spec.text import clean

_ASV_LINK = '<li id="nav-li-regressions">'
_OWN_LINK = '<li id="nav-li-leaderboard"><a href="leaderboard/index.html">Leaderboard</a></li>'

_ORDER = (Ruling.CONTRADICTED, Ruling.REPRODUCED, Ruling.INCONCLUSIVE, Ruling.REDUCED, Ruling.NOT_TESTED)


@dataclass(frozen=True)
class _Cell:
    """A cell of a table: its text, the class that styles it, and what a pointer over it shows."""

    text: str
    kind: str = ""
    title: str = ""


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
    from jinja2 import Environment, PackageLoader, StrictUndefined

    environment = Environment(
        loader=PackageLoader("optathlon.show.site", "."),
        autoescape=True,
        undefined=StrictUndefined,
        finalize=lambda value: clean(value) if type(value) is str else value,  # Markup is the template's own
        trim_blocks=True,
        lstrip_blocks=True,
    )
    suites = [
        {
            "name": name,
            "count": ledger.count(own := [one for one in judgements if one.suite == name]),
            "claims": [_claim(one) for one in sorted(own, key=lambda one: _ORDER.index(one.verdict.ruling))],
            "boards": [_board(key, board) for key, board in boards([row for row in rows if row.suite == name])],
        }
        for name in sorted({row.suite for row in rows} | {one.suite for one in judgements})
    ]
    return environment.get_template("leaderboard.html.j2").render(suites=suites, history=history) + "\n"


def _claim(one: Judgement) -> list[_Cell]:
    ruling = one.verdict.ruling
    kind = "reduced" if ruling is Ruling.REDUCED else ruling.replace(" ", "-")
    texts = [_Cell(text) for text in (one.claim.source, one.claim.statement, one.claim.reported)]
    return [*texts, _Cell(str(ruling), kind), _Cell(one.verdict.measured), _Cell(one.scale)]


def _board(key: tuple[str, ...], board: Sequence[Row]) -> dict[str, object]:
    """Return the table of one workload: the ranking metric with seconds, then the other metrics."""
    _, workload, scale, device, machine = key
    others = list(dict.fromkeys(row.metric for row in board if row.metric != board[0].metric))
    values = {(row.metric, row.method): tables.display(row)[2] for row in board}
    units = {row.metric: f"{row.metric} ({row.unit}, {row.better} is better)" for row in board}
    lines = []
    for row in first_metric(board):
        rank, method, *figures, status = tables.display(row)
        cells = [_Cell(rank, "figure"), _Cell(method + (" *" if row.pareto else ""))]
        cells += [_Cell(text, "figure") for text in figures]
        cells.append(_Cell(status, "failed", row.reason) if row.failed else _Cell(status))
        lines.append(cells + [_Cell(values.get((name, row.method), ""), "figure") for name in others])
    return {
        "title": f"{workload} ({scale}, {device}, {machine})",
        "header": ["rank", "method", units[board[0].metric], "seconds", "×", "seeds", "status", *(units[n] for n in others)],
        "lines": lines,
    }
