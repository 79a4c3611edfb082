"""`optathlon leaderboard` and `claims`: what the records say."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any

import typer

from optathlon.cli.common import (
    RESULTS,
    Ended,
    Results,
    ShownMachine,
    SuiteNames,
    UsageError,
    choose,
    json_text,
    print_json,
    suite_names,
)
from optathlon.cli.reading import judge_groups, read_groups, stream_groups
from optathlon.spec import Scale

if TYPE_CHECKING:
    from optathlon.judge import Judgement


def leaderboard(
    names: SuiteNames = None,
    results: Results = RESULTS,
    format: Annotated[
        str | None, typer.Option("--format", help="md, csv, json or latex; tables on a terminal by default.")
    ] = None,
    check: Annotated[
        bool, typer.Option("--check", help="Exit 1 when the tables in the results folder differ from the records.")
    ] = False,
    write: Annotated[
        bool, typer.Option("--write", help="Write LEADERBOARD.md and leaderboard.csv into the results folder.")
    ] = False,
    scale: Annotated[Scale | None, typer.Option(help="Only this scale.")] = None,
    machine: ShownMachine = None,
) -> None:
    """Show who wins where, with ties and intervals, and which claims hold."""
    from optathlon import judge
    from optathlon.show import console, tables
    from optathlon.show.latex import to_latex

    renderers = {"csv": tables.to_csv, "json": lambda rows: json_text(judge.to_dicts(rows)), "latex": to_latex}
    if format not in (None, "md", *renderers):
        raise UsageError(f"--format must be md, csv, json or latex, got {format!r}")
    chosen = set(choose(names or (), suite_names(), "suite")) if names else None
    groups = (
        group
        for group in stream_groups(results)
        if (chosen is None or group.cell.suite in chosen)
        and (scale is None or group.cell.scale is scale)
        and (machine is None or group.cell.environment.machine == machine)
    )
    if format in renderers and not (check or write):
        typer.echo(renderers[format](judge.build(groups)), nl=False)
        return
    if (check or write) and (names or scale or machine):
        raise UsageError("--check and --write are for the whole table; leave out suites, --scale and --machine")
    kept = list(groups)
    rows, judgements = judge.build(kept), judge_groups(kept, names or ())
    if check or write:
        _check_or_write(results, rows, judgements, write=write)
    elif format == "md":
        typer.echo(tables.to_markdown(rows, judgements), nl=False)
    else:
        console.show_leaderboard(rows, judgements)


def _check_or_write(results: Path, rows: list[Any], judgements: list[Judgement], *, write: bool) -> None:
    from optathlon.show.tables import to_csv, to_markdown
    from optathlon.store import replace_text

    texts = {"LEADERBOARD.md": to_markdown(rows, judgements), "leaderboard.csv": to_csv(rows)}
    stale = []
    for name, text in texts.items():
        path = results / name
        if write:
            replace_text(path, text)
        elif not path.is_file() or path.read_text(encoding="utf-8") != text:
            stale.append(path)
    for path in stale:
        typer.secho(f"{path} differs from the records; run: optathlon leaderboard --write", err=True, fg="red")
    if stale:
        raise Ended(1)


def claims(
    names: SuiteNames = None,
    results: Results = RESULTS,
    format: Annotated[str | None, typer.Option("--format", help="md or json; a table on a terminal by default.")] = None,
) -> None:
    """Show every claim with its verdict: reproduced, contradicted, inconclusive or not tested."""
    from optathlon.show import console
    from optathlon.show.tables import claims_markdown

    if format not in (None, "md", "json"):
        raise UsageError(f"--format must be md or json, got {format!r}")
    groups = read_groups(results) if (results / "records").is_dir() else []
    judgements = judge_groups(groups, names or ())
    if format == "json":
        print_json(
            [
                {
                    "suite": one.suite,
                    "id": one.claim.id,
                    "source": one.claim.source,
                    "statement": one.claim.statement,
                    "reported": one.claim.reported,
                    "verdict": str(one.verdict.ruling),
                    "measured": one.verdict.measured,
                    "scale": one.scale,
                    "machine": one.machine,
                }
                for one in judgements
            ]
        )
    elif format == "md":
        typer.echo(claims_markdown(judgements))
    else:
        console.show_claims(judgements)
