"""What the terminal shows: progress while cells run, tables afterwards."""

from __future__ import annotations

import sys
from collections.abc import Sequence
from datetime import UTC, datetime
from pathlib import Path

from rich.console import Console
from rich.progress import BarColumn, MofNCompleteColumn, Progress, TextColumn, TimeElapsedColumn
from rich.table import Table
from rich.text import Text

from optathlon import records
from optathlon.claims import Judgement
from optathlon.data import Row as DataRow
from optathlon.isolation import Job, run_jobs
from optathlon.leaderboard import Row, boards, display
from optathlon.spec import Ruling, RunRecord, Status
from optathlon.verifying import Finding

_LOG_EVERY = 20
_RULING_STYLES = {
    Ruling.REPRODUCED: "green",
    Ruling.CONTRADICTED: "red",
    Ruling.INCONCLUSIVE: "yellow",
    Ruling.NOT_TESTED: "dim",
}


def execute(plan: Sequence[Sequence[Job]], results: Path, *, parallel: int, force: bool) -> int:
    """Run the jobs that have no record yet, save each record as it comes, and return how many cells did not end ok."""
    started = datetime.now(UTC).isoformat(timespec="milliseconds")
    pending: list[Job] = []
    done: list[RunRecord] = []
    for jobs in plan:
        recorded = {} if force else records.load_runs(results, jobs[0].cell)
        for job in jobs:
            known = recorded.get(job.seed)
            if known is None or _deserves_another_try(known, job):
                pending.append(job)
            else:
                done.append(known)
    fresh = _execute_pending(pending, results, parallel)
    ended = (*done, *fresh)
    measured = {record.cell.key for record in ended if record.status not in records.ABSENT}
    for jobs in plan:
        if jobs[0].cell.key in measured:
            records.discard(results, jobs[0].cell, started)
    failed = [record for record in ended if record.status is not Status.OK]
    _report(len(done), fresh, failed)
    return len(failed)


def _deserves_another_try(record: RunRecord, job: Job) -> bool:
    """Return whether a record was ended by a limit that is higher now, or for want of something that may be here now."""
    if record.status in records.ABSENT:
        return True
    now = {Status.TIMEOUT: job.timeout, Status.OUT_OF_MEMORY: job.memory}.get(record.status)
    return now is not None and record.limit is not None and now > record.limit


def _execute_pending(pending: Sequence[Job], results: Path, parallel: int) -> list[RunRecord]:
    fresh: list[RunRecord] = []
    if not pending:
        return fresh
    columns = (TextColumn("{task.description}"), BarColumn(), MofNCompleteColumn(), TimeElapsedColumn())
    console = Console(stderr=True)
    # Refreshed by hand: cells are forked, and a refreshing thread could hold a lock at that moment.
    with Progress(*columns, console=console, auto_refresh=False, disable=not console.is_terminal) as progress:
        task = progress.add_task("preparing", total=len(pending))
        progress.refresh()
        for record in run_jobs(pending, parallel=parallel):
            records.save(results, record)
            fresh.append(record)
            cell = record.cell
            progress.update(task, advance=1, description=f"{cell.suite} {cell.workload} {cell.method}")
            progress.refresh()
            if not console.is_terminal and len(fresh) % _LOG_EVERY == 0:  # a log has no bar
                print(f"{len(fresh)} of {len(pending)}: {cell.suite} {cell.workload} {cell.method}", file=sys.stderr, flush=True)
            if record.status is not Status.OK:
                lines = record.reason.split("\nstderr:\n")[0].strip().splitlines() or [""]
                progress.console.print(
                    Text(f"{cell.suite} {cell.workload} {cell.method} seed {record.seed}: {record.status}: {lines[-1]}", "yellow")
                )
    return fresh


def _report(cached: int, fresh: Sequence[RunRecord], failed: Sequence[RunRecord]) -> None:
    statuses = ", ".join(f"{count} {status}" for status in Status if (count := sum(r.status is status for r in failed)))
    text = f"{len(fresh)} cells run, {cached} recorded before; {statuses or 'all ok'}"
    print(text, file=sys.stderr)


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
