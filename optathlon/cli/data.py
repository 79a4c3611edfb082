"""The commands on data sets: list, verify, fetch."""

from __future__ import annotations

from typing import Annotated

import typer

from optathlon.cli.common import Ended, print_json

data_app = typer.Typer(add_completion=False, no_args_is_help=True, help="List, verify and fetch data sets.")


def _dataset_names(incomplete: str) -> list[str]:
    from optathlon.data import DATASETS

    return [entry.name for entry in DATASETS if entry.name.startswith(incomplete)]


@data_app.command("list")
def data_list(json: Annotated[bool, typer.Option("--json", help="Print JSON for scripts.")] = False) -> None:
    """List every data set: present, absent or corrupt, its licence, and what it holds."""
    from optathlon import data
    from optathlon.show import console

    rows = data.rows()
    if json:
        print_json([row._asdict() for row in rows])
    else:
        console.show_data(rows)


DatasetNames = Annotated[
    list[str] | None, typer.Argument(help="Data sets; all present ones by default.", autocompletion=_dataset_names)
]


@data_app.command("verify")
def data_verify(names: DatasetNames = None) -> None:
    """Check every file of the data sets that are present against its checksum; exit 1 when one differs."""
    from optathlon import data
    from optathlon.show import console

    rows = data.verify(names or ())
    console.show_data(rows)
    if any(row.state == "corrupt" or (names and row.state == "absent") for row in rows):
        raise Ended(1)


@data_app.command("fetch")
def data_fetch(
    names: Annotated[list[str], typer.Argument(help="Data sets.", autocompletion=_dataset_names)],
    mirror: Annotated[str | None, typer.Option(help="Take the files from this address (file:// or http) instead.")] = None,
) -> None:
    """Download data sets into the cache, checked by checksum."""
    from optathlon import data

    for name in names:
        typer.echo(f"{name}: {data.fetch(name, mirror=mirror)}")
