"""`optathlon list`: what there is."""

from __future__ import annotations

from typing import TYPE_CHECKING, Annotated, Any

import typer

from optathlon.cli.common import (
    SuiteNames,
    load_suites,
    print_json,
)

if TYPE_CHECKING:
    from optathlon.spec import Suite


def list_suites(
    names: SuiteNames = None,
    json: Annotated[bool, typer.Option("--json", help="Print JSON for scripts.")] = False,
) -> None:
    """List the suites with their workloads, methods, metrics and claims."""
    suites = load_suites(names or ())
    if json:
        print_json([_describe(suite) for suite in suites])
        return
    for suite in suites:
        typer.secho(f"{suite.name} (version {suite.version}): {suite.title}", bold=True)
        typer.echo(f"  {suite.source}")
        for workload in suite.workloads:
            typer.echo(f"  {workload.scale:<7}{workload.name:<34}{workload.description}")
        typer.echo(f"  methods: {', '.join(method.name for method in suite.methods)}")
        typer.echo(f"  reference method: {suite.reference_method}")
        typer.echo(f"  metrics: {', '.join(f'{metric.name} ({metric.better} is better)' for metric in suite.metrics)}")
        typer.echo(f"  claims:  {len(suite.claims)} (optathlon claims {suite.name})\n")


def _describe(suite: Suite) -> dict[str, Any]:
    return {
        "name": suite.name,
        "version": suite.version,
        "title": suite.title,
        "source": suite.source,
        "reference_method": suite.reference_method,
        "workloads": [
            {
                "name": w.name,
                "scale": str(w.scale),
                "seeds": w.seeds,
                "budget": w.budget,
                "memory": w.memory,
                "target": w.target,
                "data": list(w.data),
                "description": w.description,
            }
            for w in suite.workloads
        ],
        "methods": [
            {"name": m.name, "settings": dict(m.settings), "reference": m.reference, "devices": list(m.devices)}
            for m in suite.methods
        ],
        "metrics": [{"name": m.name, "unit": m.unit, "better": m.better} for m in suite.metrics],
        "claims": [
            {"id": c.id, "source": c.source, "statement": c.statement, "reported": c.reported, "scale": str(c.scale)}
            for c in suite.claims
        ],
    }
