"""Draw docs/architecture.md from the code: the rooms, what each is for, who imports whom (`--check`: exit 1 where stale)."""

from __future__ import annotations

import ast
import sys
import tomllib
from pathlib import Path

import grimp

HERE = Path(__file__).parent
PAGE = HERE / "architecture.md"

WAY = """\
## The way of one cell

```mermaid
sequenceDiagram
    participant cli as cli / api
    participant registry
    participant suites
    participant measure
    participant store
    participant judge
    participant show
    cli->>registry: which suites are there?
    registry->>suites: import the declaration (spec.Suite)
    cli->>measure: plan_jobs: address, conditions, key (a digest of code, data, versions, machine)
    cli->>store: load_runs: what is recorded under this key?
    cli->>measure: run_jobs: each cell in a process of its own, under its limits
    measure->>suites: make(rng, device), then run(problem, context, **settings) under the clock, then evaluate
    measure-->>cli: RunRecord: scores and seconds of the same solve
    cli->>store: save, atomically, as each cell ends
    store-->>judge: groups of records, the newest of each address
    judge-->>show: rows with ranks, verdicts on claims
    show-->>cli: terminal, Markdown, CSV, LaTeX, figures, pages
```
"""


def rooms() -> list[str]:
    """Return the rooms from the top floor down, as the contract of import-linter lists them, then the two libraries."""
    settings = tomllib.loads((HERE.parent / "pyproject.toml").read_text(encoding="utf-8"))
    (layers,) = (c["layers"] for c in settings["tool"]["importlinter"]["contracts"] if c["type"] == "layers")
    return [room.strip() for layer in layers for room in layer.split("|") if room.strip() != "__main__"] + ["suites", "baselines"]


def purpose(room: str) -> str:
    """Return the first line of what a room says of itself."""
    base = HERE.parent / ("optathlon" if room not in ("suites", "baselines") else ".") / room
    path = base / "__init__.py" if base.is_dir() else base.with_suffix(".py")
    text = ast.get_docstring(ast.parse(path.read_text(encoding="utf-8"))) or ""
    return text.split("\n")[0]


def page() -> str:
    """Return the text of the page."""
    graph = grimp.build_graph("optathlon", exclude_type_checking_imports=True, cache_dir=None)
    names = rooms()
    owners = {module: module.split(".")[1] for module in graph.modules if "." in module}
    arrows = sorted(
        {
            (owners[importer], owners[imported])
            for importer in owners
            for imported in graph.find_modules_directly_imported_by(importer)
            if imported in owners and owners[importer] != owners[imported] and owners[importer] in names
        }
    )
    lines = [
        "# Architecture",
        "",
        "Drawn from the code by `python docs/architecture.py`; a test fails where a room or an arrow is missing. An arrow means",
        "*imports*. A room imports only from rooms below it; `make lint` checks that (import-linter, in `pyproject.toml`).",
        "",
        "```mermaid",
        "flowchart TD",
        *(f"    {room}[{room}]" for room in names),
        *(f"    {importer} --> {imported}" for importer, imported in arrows),
        "```",
        "",
        "| room | what lives there |",
        "| --- | --- |",
        *(f"| `{room}` | {purpose(room)} |" for room in names),
        "",
    ]
    return "\n".join(lines) + "\n" + WAY


def main() -> int:
    """Write the page, or say that it is stale."""
    text = page()
    if "--check" in sys.argv[1:]:
        stale = not PAGE.is_file() or PAGE.read_text(encoding="utf-8") != text
        print(
            "docs/architecture.md is stale: python docs/architecture.py" if stale else "docs/architecture.md is that of the code"
        )
        return int(stale)
    PAGE.write_text(text, encoding="utf-8")
    return 0


if __name__ == "__main__":
    sys.exit(main())
