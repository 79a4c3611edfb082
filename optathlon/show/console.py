"""What the terminal shows: tables and findings."""

from __future__ import annotations

from collections.abc import Sequence

from rich.console import Console
from rich.table import Table
from rich.text import Text

from optathlon.data import Row as DataRow
from optathlon.judge import Finding, Judgement, Row, boards
from optathlon.show.tables import display
from optathlon.spec import Ruling, Status

_RULING_STYLES = {
    Ruling.REPRODUCED: "green",
    Ruling.CONTRADICTED: "red",
    Ruling.INCONCLUSIVE: "yellow",
    Ruling.NOT_TESTED: "dim",
}


def show_leaderboard(rows: Sequence[Row], judgements: Sequence[Judgement]) -> None:
    """Print the tables of the ranking metric and the verdicts."""
    console = Console()
    for (suite, workload, scale, device, machine), board in boards(rows):
        first = [row for row in board if row.metric == board[0].metric]
        title = f"{suite}: {workload} ({scale}, {device}, {machine})"
        table = Table(title=Text(title), title_justify="left", title_style="bold", header_style="dim", expand=False)
        ranking = f"{first[0].metric} ({first[0].better} is better)"
        for name, justify in (("rank", "left"), ("method", "left"), (ranking, "left"), ("seconds", "right"), ("×", "right")):
            table.add_column(Text(name), justify="right" if justify == "right" else "left")
        table.add_column("seeds", justify="right")
        table.add_column("status")
        for row in first:
            cells = [Text(text) for text in display(row)]
            cells[-1].stylize("dim" if row.status == Status.OK else "red")
            table.add_row(*cells, style="bold" if row.rank == 1 else "")
        console.print(table)
    show_claims(judgements)


def show_claims(judgements: Sequence[Judgement]) -> None:
    """Print the verdicts and their count."""
    if not judgements:
        return
    console = Console()
    table = Table(title="Claims", title_justify="left", title_style="bold", header_style="dim", show_lines=True)
    for name in ("suite", "source", "claim", "reported", "verdict", "measured"):
        table.add_column(name)
    for one in judgements:
        verdict = Text(str(one.verdict.ruling), _RULING_STYLES[one.verdict.ruling])
        texts = (one.suite, one.claim.source, one.claim.statement, one.claim.reported)
        table.add_row(*map(Text, texts), verdict, Text(one.verdict.measured))
    console.print(table)
    counts = (f"{sum(one.verdict.ruling is ruling for one in judgements)} {ruling}" for ruling in Ruling)
    console.print(", ".join(counts))


def show_findings(findings: Sequence[Finding]) -> None:
    """Print what `verify` found: the differences as a table, or that there are none."""
    console = Console()
    different = [finding for finding in findings if not finding.agrees]
    if different:
        table = Table(
            "cell", "seed", "what", "recorded", "now", "rule", title="Differences", title_justify="left", show_lines=True
        )
        for finding in different:
            texts = (finding.cell, finding.seed, finding.what, finding.recorded, finding.now, finding.rule)
            table.add_row(*map(Text, texts))
        console.print(table)
    console.print(f"{len(findings) - len(different)} of {len(findings)} comparisons agree")


def show_data(rows: Sequence[DataRow]) -> None:
    """Print the data sets; `--json` has the licences, paths and sizes in full."""
    table = Table("name", "state", "MB", "content", "licence", header_style="dim")
    styles = {"present": "green", "absent": "dim", "corrupt": "red"}
    for row in rows:
        content = f"{row.content}\n{row.note}" if row.note else row.content
        size = f"{row.bytes / 1e6:.1f}" if row.bytes else ""
        table.add_row(Text(row.name), Text(row.state, styles[row.state]), *map(Text, (size, content, row.licence)))
    Console().print(table)
