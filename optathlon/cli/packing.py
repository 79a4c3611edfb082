"""`optathlon pack`: the records as Parquet, for large boards."""

from __future__ import annotations

import typer

from optathlon.cli.common import RESULTS, Results, UsageError


def pack(results: Results = RESULTS) -> None:
    """Write the records as Parquet into packs/ of the results folder, which leaderboard, claims, publish and opt.load then read.

    JSON stays the source: a file that has changed since it was packed is read as JSON, with a word; --check and verify never read
    packs.
    """
    from optathlon import store
    from optathlon.store import packs

    if not packs.available():
        raise UsageError("pack needs pyarrow; install it with: pip install 'optathlon[pack]'")
    if not (results / "records").is_dir():
        raise UsageError(f"no records under {results}")
    written, refused = store.pack(results)
    for error in refused:
        typer.secho(f"refused: {error}", err=True, fg="red")
    for name, files, runs in written:
        typer.echo(f"{name}: {runs} runs of {files} files")
