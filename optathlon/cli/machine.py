"""`optathlon machine`: the name of this machine, what it is made of, and how busy it is now."""

from __future__ import annotations

from typing import Annotated

import typer

from optathlon.cli.common import print_json
from optathlon.spec import QUIET


def machine(
    device: Annotated[str, typer.Option(help="cpu or cuda.")] = "cpu",
    json: Annotated[bool, typer.Option("--json", help="Print JSON for scripts.")] = False,
) -> None:
    """Print this machine's name in the records, then what it is made of and how busy it is now."""
    from optathlon.measure import busy, environment

    found = environment.describe(device)
    load, ratio = busy.load(), max(busy.look() for _ in range(3))
    if json:
        print_json(
            {
                "machine": found.machine, "processor": found.cpu, "cores": found.cores, "gpu": found.gpu, "os": found.os,
                "python": found.python, "threads": found.threads, "arithmetic": found.arithmetic,
                "kernels": dict(found.kernels), "versions": dict(found.versions), "load": load, "busy": ratio,
            }
        )  # fmt: skip
        return
    quiet = "quiet enough to time" if ratio <= QUIET else "too busy to time"
    lines = {
        "processor": f"{found.cpu}, {found.cores} usable cores, {found.threads} threads a cell",
        "gpu": found.gpu or ("none" if device == "cuda" else "not asked for"),
        "system": f"{found.os}, Python {found.python}",
        "arithmetic": f"{found.arithmetic}: {', '.join(f'{library} {kernel}' for library, kernel in found.kernels.items())}",
        "versions": ", ".join(f"{library} {version}" for library, version in found.versions.items()),
        "busy": f"{ratio:.2f} times its best ({quiet}), load {load:g}",
    }
    typer.secho(found.machine, bold=True)
    for name, text in lines.items():
        typer.echo(f"  {name:<11}{text}")
