"""`optathlon publish`, `serve` and `tables`: the site, and the tables in the suites' READMEs."""

from __future__ import annotations

import subprocess
import sys
from collections.abc import Sequence
from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

from optathlon.cli.common import RESULTS, Ended, Results, SuiteNames, UsageError, choose, load_suites, registry, suite_names
from optathlon.cli.reading import judge_groups, read_groups, read_trust

if TYPE_CHECKING:
    from optathlon.show.site import Material
    from optathlon.spec import Suite

Target = Annotated[Path, typer.Option("--html", help="Folder of the site.")]
Chosen = Annotated[
    list[str] | None, typer.Option("--suite", help="Only these suites, globs accepted.", autocompletion=suite_names)
]


def publish(
    results: Results = RESULTS,
    target: Target = Path("html"),
    suites: Chosen = None,
    asv: Annotated[bool, typer.Option(help="asv's own pages, where it has results.")] = True,
    api: Annotated[bool, typer.Option(help="The reference of the library, where pdoc is installed.")] = True,
) -> None:
    """Write the site: boards, claims, methods, history and runs as static pages, which open from the folder itself."""
    from optathlon.show.site import publish as write_site

    typer.echo(write_site(_material(results, suites or ()), target, asv=asv, api=api))


def serve(
    results: Results = RESULTS,
    target: Target = Path("html"),
    suites: Chosen = None,
    port: Annotated[int, typer.Option(help="Port on this machine.")] = 8000,
) -> None:
    """Write the site without asv's pages and the reference, and show it at http://127.0.0.1:PORT/; written anew on each Enter."""
    from optathlon.cli.serving import server
    from optathlon.show.site import publish as write_site

    def write() -> None:
        write_site(_material(results, suites or ()), target, asv=False, api=False)

    write()
    with server(target, port) as address:
        typer.echo(f"{address} shows {target}; Enter writes it anew, Ctrl-C ends")
        try:
            while sys.stdin.readline():
                write()
                typer.echo("written")
        except KeyboardInterrupt:
            pass


def _material(results: Path, patterns: Sequence[str]) -> Material:
    """Read and judge what the site shows; a suite that cannot be loaded is shown from its records."""
    from optathlon import judge
    from optathlon.show.site import Material
    from optathlon.store import newest, to_records

    groups, trust = newest(read_groups(results)), read_trust(results)
    recorded = {group.cell.suite for group in groups}
    names = choose(patterns, sorted({*suite_names(), *recorded}), "suite")
    groups = [group for group in groups if group.cell.suite in names]
    suites = {suite.name: suite for suite in _loaded(names)}
    records = {
        name: [run for group in trust.kept(groups) if group.cell.suite == name for run in to_records(group)] for name in suites
    }
    return Material(
        results=results,
        groups=groups,
        rows=judge.build(groups, trust),
        judgements=[one for name, suite in suites.items() for one in judge.judge(suite, records[name])],
        suites=suites,
        folders={name: _folder(name) for name in suites},
        commit=_commit(results),
    )


def _loaded(names: Sequence[str]) -> list[Suite]:
    known = [name for name in names if name in registry().names()]
    return load_suites(known) if known else []


def _commit(results: Path) -> str:
    """Return the commit of the repository that holds the results; empty where there is none."""
    command = ["git", "-C", str(results), "rev-parse", "--quiet", "--verify", "HEAD"]
    try:
        return subprocess.run(command, capture_output=True, text=True, timeout=60, check=True).stdout.strip()
    except (OSError, subprocess.SubprocessError):
        return ""


def tables(
    names: SuiteNames = None,
    results: Results = RESULTS,
    check: Annotated[bool, typer.Option("--check", help="Write nothing; exit 1 when a README differs from the records.")] = False,
) -> None:
    """Write boards, claims and single values in the suites' READMEs, from <!-- board:WORKLOAD -->, <!-- claims --> or
    <!-- value: WORKLOAD METHOD METRIC --> to <!-- end -->."""
    from optathlon import judge
    from optathlon.show import readmes
    from optathlon.store import replace_text

    groups, trust = read_groups(results, packs=False), read_trust(results)
    rows, judgements = judge.build(groups, trust), judge_groups(groups, names or (), trust)
    stale = []
    for name in choose(names or (), suite_names(), "suite"):
        for path in sorted(_folder(name).glob("*.md")):
            before = path.read_text(encoding="utf-8")
            try:
                own = [one for one in judgements if one.suite == name]
                after = readmes.fill(before, [row for row in rows if row.suite == name], own)
            except ValueError as error:
                raise UsageError(f"{path}: {error}") from None
            if before == after:
                continue
            stale.append(path)
            if not check:
                replace_text(path, after)
    for path in stale:
        typer.secho(f"{path} {'differs from the records; run: optathlon tables' if check else 'written'}", err=True)
    if stale and check:
        raise Ended(1)


def _folder(suite: str) -> Path:
    """Return the folder of a suite: that of the module which declares it."""
    entry = registry().sources[suite].entry
    if isinstance(entry, Path):
        return entry if entry.is_dir() else entry.parent
    registry().load(suite)
    return Path(sys.modules[entry.module].__file__ or "").resolve().parent
