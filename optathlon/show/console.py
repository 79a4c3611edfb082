"""What the terminal shows: tables and findings, readable at 80 columns."""

from __future__ import annotations

from collections.abc import Sequence

from rich import box
from rich.cells import cell_len
from rich.console import Console
from rich.measure import Measurement
from rich.padding import Padding
from rich.table import Table
from rich.text import Text

from optathlon.data import Row as DataRow
from optathlon.judge import Finding, Judgement, Row, boards, first_metric
from optathlon.show import ledger
from optathlon.show.tables import by_metric, display
from optathlon.spec import Ruling, Status
from optathlon.spec.text import clean

_RULING_STYLES = {
    Ruling.REPRODUCED: "green",
    Ruling.CONTRADICTED: "red",
    Ruling.INCONCLUSIVE: "yellow",
    Ruling.REDUCED: "cyan",
    Ruling.NOT_TESTED: "dim",
}
_FOLDS = ((20, 7), (13, 5))  # longest word of a cell that is not folded, no number is longer than 13; least width of a head
_LEGEND = (
    "Ranks are shared where the seeds cannot tell methods apart; in brackets, the ranks that stay possible. "
    "[low, high] is a 95 % interval. × is seconds over the reference method's. "
    "* is on the Pareto front of score against seconds. Yardsticks know more than the others and are not ranked, "
    "nor is what others claim until it is verified."
)


def show_leaderboard(
    rows: Sequence[Row],
    judgements: Sequence[Judgement],
    *,
    whole: Sequence[Row] | None = None,
    details: bool = False,
    summary: bool = False,
) -> None:
    """Print who wins where, then a table per board by the metric that ranks, then the verdicts; a summary has no tables.

    Who wins is decided among the `whole` rows, where those shown are a part of them.
    """
    console = Console()
    if rows:
        _print_whole(console, _winners(rows, rows if whole is None else whole))
        console.print(Text(_LEGEND, "dim"))
    if summary:
        console.print(ledger.count(judgements), highlight=False)
        return
    for key, board in boards(rows):
        console.print()
        _print_whole(console, _board(key, first_metric(board)))
    if judgements:
        console.print()
        show_claims(judgements, details=details)


def _print_whole(console: Console, table: Table) -> None:
    """Print a table of which nothing is cut: what is too wide folds, a column's texts at spaces and names anywhere.

    The columns that fold do so one after the other, the last one first, each to the longest word of its cells; a number never
    does, and where even that is too wide, the lines are longer than the console.
    """
    for column in table.columns:
        column.width = 1
    beside = Measurement.get(console, console.options.update(width=10**6), table).maximum - len(table.columns)
    room = console.width - beside
    texts = [[*map(str, (column.header, *column.cells))] for column in table.columns]
    widths = [max(cell_len(line) for text in own for line in text.splitlines() or [""]) for own in texts]
    for longest, shortest in _FOLDS:
        for column, own, index in reversed([*zip(table.columns, texts, range(len(widths)), strict=True)]):
            if not column.no_wrap and sum(widths) > room:
                words = [min(cell_len(word), longest) for text in own[1:] for word in text.split()]
                widths[index] = min(widths[index], max(widths[index] - sum(widths) + room, *words, shortest))
    for column, width in zip(table.columns, widths, strict=True):
        column.width, column.no_wrap = width, False
    before = console.width
    console.width = max(before, sum(widths) + beside)
    console.print(table)
    console.width = before


def _winners(rows: Sequence[Row], whole: Sequence[Row]) -> Table:
    """Return the summary: of each board shown, the methods in first place and how firm that is; machines beside each other."""
    every = by_metric(whole)
    several = len({row.machine for row in rows}) > 1
    table = _table("Who wins where")
    for name in ("workload", "first", "first place", *(["machine"] if several else [])):
        table.add_column(name, overflow="fold")
    suite = ""
    for key, board in boards(rows):
        own, workload, *_, machine = key
        if own != suite:
            table.add_row(_text(own, "bold"))
            suite = own
        best = [row for row in every[*key, board[0].metric] if row.rank == 1]
        names = [row.method + (" *" if row.pareto else "") for row in best[:3]]
        names += [f"and {len(best) - 3} more"] if len(best) > 3 else []
        standing = best[0].standing if best else "nobody ranked"
        columns = (workload, "\n".join(names), standing, *([machine] if several else []))
        table.add_row(*map(_text, columns))
    return table


def _board(key: Sequence[str], first: Sequence[Row]) -> Table:
    """Return the table of one board; what is the same in all its rows stands in the title."""
    suite, workload, scale, device, machine = key
    lines = [display(row) for row in first]
    same_seeds = len({line[5] for line in lines}) == 1
    all_ok = all(line[6] == Status.OK for line in lines)
    title = f"{suite}: {workload} ({scale}, {device}, {machine}{f', {lines[0][5]} seeds' if same_seeds else ''})"
    table = _table(title)
    table.add_column("rank", no_wrap=True)
    table.add_column("method", overflow="fold")
    table.add_column(_text(f"{first[0].metric} ({first[0].better} is better)"), overflow="fold")
    table.add_column("seconds", justify="right", no_wrap=True)
    table.add_column("×", justify="right", no_wrap=True)
    if not same_seeds:
        table.add_column("seeds", justify="right", no_wrap=True)
    if not all_ok:
        table.add_column("status", overflow="fold")
    for row, (rank, method, value, seconds, ratio, seeds, status) in zip(first, lines, strict=True):
        cells = [_text(text) for text in (rank, method + (" *" if row.pareto else ""), value, seconds, ratio)]
        cells += [] if same_seeds else [_text(seeds)]
        cells += [] if all_ok else [_text(status, "dim" if row.status == Status.OK else "red")]
        table.add_row(*cells, style="bold" if row.rank == 1 else "")
    return table


def show_claims(judgements: Sequence[Judgement], *, details: bool = False) -> None:
    """Print the count of the verdicts, then a line for each claim: verdict, statement, figure; or all there is to say of each."""
    if not judgements:
        return
    console = Console()
    console.print(Text("Claims", "bold"))
    console.print(ledger.count(judgements), highlight=False)
    for suite in dict.fromkeys(one.suite for one in judgements):
        console.print()
        console.print(_text(suite, "bold"))
        own = [one for one in judgements if one.suite == suite]
        if details:
            for one in own:
                _details(console, one)
        else:
            console.print(_lines(own, console.width))
    if not details:
        console.print(Text("--details shows statements and figures in full", "dim"))


def _lines(judgements: Sequence[Judgement], width: int) -> Table:
    table = _table(None, show_header=False)
    table.add_column(no_wrap=True)
    room = width - 17
    table.add_column(no_wrap=True, overflow="ellipsis", width=room - room * 2 // 5 - 1)
    table.add_column(no_wrap=True, overflow="ellipsis", width=room * 2 // 5)
    for one in judgements:
        ruling = one.verdict.ruling
        word = "reduced budget" if ruling is Ruling.REDUCED else str(ruling)
        statement = " ".join(one.claim.statement.split())
        table.add_row(_text(word, _RULING_STYLES[ruling]), _text(statement), _text(ledger.figure(one.verdict.measured)))
    return table


def _details(console: Console, one: Judgement) -> None:
    head = _text(str(one.verdict.ruling), _RULING_STYLES[one.verdict.ruling])
    where = f"{one.scale} on {one.place}" if one.scale else ""
    console.print(head + _text(f"  {one.claim.id}"), soft_wrap=True)
    rest = {
        "claim": one.claim.statement,
        "source": f"{one.claim.source} ({one.claim.basis})",
        "reported": one.claim.reported,
        "measured": one.verdict.measured,
        "scale": where,
    }
    for name, text in rest.items():
        if text:
            console.print(Padding(_text(f"{name}: {text}"), (0, 0, 0, 2)))


def _table(title: str | None, *, show_header: bool = True) -> Table:
    return Table(
        title=None if title is None else _text(title),
        title_justify="left",
        title_style="bold",
        header_style="dim",
        box=box.SIMPLE_HEAD if show_header else None,
        pad_edge=False,
        padding=(0, 1, 0, 0),
        show_header=show_header,
    )


def _text(text: str, style: str = "") -> Text:
    """Return text that carries neither markup nor control characters."""
    return Text(clean(text), style)


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
            table.add_row(*map(_text, texts))
        console.print(table)
    console.print(f"{len(findings) - len(different)} of {len(findings)} comparisons agree")


def show_data(rows: Sequence[DataRow]) -> None:
    """Print the data sets; `--json` has the licences, paths and sizes in full."""
    table = Table("name", "state", "MB", "content", "licence", header_style="dim")
    styles = {"present": "green", "verified": "green", "absent": "dim", "corrupt": "red"}
    for row in rows:
        content = f"{row.content}\n{row.note}" if row.note else row.content
        size = f"{row.bytes / 1e6:.1f}" if row.bytes else ""
        table.add_row(_text(row.name), _text(row.state, styles[row.state]), *map(_text, (size, content, row.licence)))
    Console().print(table)
