"""Writes the site: every page from records, declarations and texts, the data beside them, the scripts as they are."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from optathlon.judge import Judgement, Row, boards
from optathlon.show import ledger, sheet
from optathlon.show.site import claims, documents, facts, history, methods, reference, vendor
from optathlon.show.site.boards import board_data, default_board, wins
from optathlon.show.site.columns import script
from optathlon.show.site.runs import run_data
from optathlon.show.site.text import environment, inline_math
from optathlon.show.site.traces import trace_data
from optathlon.show.site.writer import Folder
from optathlon.spec import Ruling, Suite
from optathlon.store import Group, current, path_of

HERE = Path(__file__).parent
RULINGS = tuple((*claims.KINDS[ruling], str(ruling)) for ruling in Ruling)


@dataclass(frozen=True, kw_only=True)
class Material:
    """What the site is made from.

    Attributes
    ----------
    results : Path
        The results folder: records, history, asv's results.
    groups, rows, judgements : sequences
        The newest records, the board, the verdicts.
    suites : mapping
        The declarations by name; a suite that cannot be loaded is shown from its records.
    folders : mapping
        The folder of each suite, for its report.
    commit : str
        The commit of the working tree, where there is one.
    """

    results: Path
    groups: Sequence[Group]
    rows: Sequence[Row]
    judgements: Sequence[Judgement] = ()
    suites: Mapping[str, Suite] = field(default_factory=dict)
    folders: Mapping[str, Path] = field(default_factory=dict)
    commit: str = ""

    @property
    def repository(self) -> Path:
        """The folder that holds the results, and the texts of the repository."""
        return self.results.resolve().parent

    def names(self) -> list[str]:
        """Return the suites that are declared or recorded."""
        return sorted({row.suite for row in self.rows} | set(self.suites) | {one.suite for one in self.judgements})


class _Pages:
    """The templates, and what every page knows; `beside` names what other tools write."""

    def __init__(self, folder: Folder, beside: set[str], **everywhere: Any) -> None:
        self.folder, self.beside = folder, beside
        everywhere |= {name: name in beside for name in ("asv", "api")}
        self.environment = environment()
        self.environment.filters["page_name"] = methods.page_name
        self.environment.globals |= {"rulings": RULINGS, "home": documents.HOME, "text": inline_math, **everywhere}

    def write(self, name: str, template: str, **values: Any) -> Path:
        root = "../" * name.count("/")
        page = self.environment.get_template(f"{template}.html.j2").render(root=root, here=name, **values)
        return self.folder.write(name, page + "\n")


def publish(material: Material, target: Path, *, asv: bool = True, api: bool = True) -> Path:
    """Write the site.

    Parameters
    ----------
    material : Material
        Records, rows, verdicts and declarations.
    target : Path
        Folder of the site; files that an earlier publishing wrote and this one does not are removed, nothing else is.
    asv, api : bool
        Whether to write asv's own pages, where it has results, and the reference of the library, where pdoc is installed.

    Returns
    -------
    Path
        The first page.

    Raises
    ------
    ValueError
        asv or pdoc failed; the message holds the end of its output.
    """
    folder = Folder(target)
    others = [reference.start_asv(material.repository, folder)] if asv else []
    others += [reference.start_api(folder)] if api else []
    running = [process for process in others if process is not None]
    made = facts.made(material.groups, material.commit)
    pages = _Pages(folder, {process.name for process in running}, made=made)
    try:
        index = _write(material, folder, pages)
    finally:
        failed = [process.wait() for process in running]
    if any(failed):
        raise ValueError("; ".join(filter(None, failed)))
    folder.close()
    return index


def _write(material: Material, folder: Folder, pages: _Pages) -> Path:
    for source in (HERE / "assets", vendor.FOLDER):
        for path in sorted(source.iterdir()):
            if path.suffix in (".js", ".css", ".svg", ".txt", ".json"):
                folder.copy(f"{source.name}/{path.name}", path)
    folder.write("leaderboard.csv", sheet.to_csv(material.rows))
    found = [_write_suite(name, material, folder, pages) for name in material.names()]
    _write_histories(material, folder, pages)
    folder.write("data/runs.js", script("runs", run_data(material.groups)))
    for group in material.groups:
        path = path_of(material.results, group.cell)
        if path.is_file():
            folder.copy(str(path.relative_to(material.results)), path)
    pages.write("runs.html", "runs")
    pages.write("machines.html", "machines", machines=facts.machines(material.groups))
    pages.write("data.html", "data", sets=facts.data_sets(material.suites))
    if "api" in pages.beside:
        pages.write("api.html", "api", groups=reference.modules())
    for name, (title, _) in documents.PAGES.items():
        pages.write(name, "prose", title=title, bodies=documents.document(name, material.repository))
    return pages.write(
        "index.html",
        "index",
        suites=found,
        wins=wins(material.rows),
        changes=facts.newest(material.groups),
        counts=claims.count(material.judgements),
        methods=sum(one["methods"] for one in found),
        boards=sum(one["boards"] for one in found),
    )


def _outdated(version: str, rows: Sequence[Row]) -> str:
    """Say which boards are of an earlier version of the suite: they stand as they were, and decide no claim."""
    older = {row.version: sorted({one.machine for one in rows if one.version == row.version}) for row in rows}
    current = older.pop(version, None)
    if not older:
        return ""
    what = "; ".join(f"version {old} on {', '.join(machines)}" for old, machines in sorted(older.items()))
    if current:
        return f"Some boards are of earlier declarations, which decide no claim: {what}."
    return f"All records are of earlier declarations ({what}): no claim of version {version} is tested yet."


def _write_suite(name: str, material: Material, folder: Folder, pages: _Pages) -> dict[str, Any]:
    """Write the pages and the data of one suite, and return what the index says of it."""
    rows = [row for row in material.rows if row.suite == name]
    groups = current(group for group in material.groups if group.cell.suite == name)
    judgements = [one for one in material.judgements if one.suite == name]
    declared = material.suites.get(name)
    names = methods.method_names(rows, {name: declared} if declared else {})[name] if rows or declared else []
    report, picture = documents.suite_report(name, material.folders.get(name), folder)
    suite = {
        "name": name,
        "title": declared.title if declared else name,
        "source": declared.source if declared else "",
        "version": declared.version if declared else rows[0].version if rows else "",
        "outdated": _outdated(declared.version, rows) if declared else "",
        "picture": picture,
        "methods": len(names),
        "boards": len(list(boards(rows))),
        "claims": len(judgements),
        "counts": claims.count(judgements),
        "count": ledger.count(judgements),
        "stated": sum(one.claim.basis == "stated" for one in judgements),
        "fitted": sum(one.claim.basis == "fitted" for one in judgements),
    }
    libraries = [file for file in vendor.lock() if file.endswith(".js")]
    folder.write(f"data/{name}.js", script(f"boards/{name}", board_data(rows)))
    folder.write(f"data/{name}.traces.js", script(f"traces/{name}", trace_data(groups)))
    shown = {"suite": suite, "methods": names, "readme": report, "libraries": libraries}
    pages.write(f"suite/{name}/index.html", "suite", default_board=default_board(rows), **shown)
    pages.write(f"suite/{name}/claims.html", "claims", suite=suite, **_cards(judgements))
    for method in names:
        page = methods.method_page(method, rows, groups, declared, documents.HOME)
        pages.write(f"method/{name}/{methods.page_name(method)}.html", "method", suite=suite, method=page)
    return suite


def _cards(judgements: Sequence[Judgement]) -> dict[str, Any]:
    """Return the claims by verdict, those that fail first, and what they can be filtered by."""
    order = [kind for kind, _ in (claims.KINDS[ruling] for ruling in claims.ORDER)]
    cards: list[dict[str, Any]] = [claims.card(one) | {"place": place} for place, one in enumerate(judgements)]
    cards.sort(key=lambda one: (order.index(one["kind"]), one["place"]))
    kinds = {"basis": "basis", "scale": "scale", "machine": "machine"}
    choices = [(name, sorted({one[key] for one in cards} - {""})) for name, key in kinds.items()]
    return {"cards": cards, "choices": [(name, values) for name, values in choices if values]}


def _write_histories(material: Material, folder: Folder, pages: _Pages) -> None:
    names = set(material.names())
    series = [one for one in history.collect(material.results, material.rows, material.groups) if one.suite in names]
    suites = sorted({one.suite for one in series})
    for name in suites:
        own = [one for one in series if one.suite == name]
        folder.write(f"data/{name}.history.js", script(f"history/{name}", history.history_data(own)))
    longest = max((len(one.points) for one in series), default=0)
    reason = (
        f"the longest series has {longest} commits, and steps are looked for from {history.FEWEST} on."
        if longest < history.FEWEST
        else f"{len(series)} series of up to {longest} commits hold no step."
    )
    libraries = [file for file in vendor.lock() if file.endswith(".js")]
    found = history.changes(series)
    pages.write("history.html", "history", suites=suites, changes=found, reason=reason, libraries=libraries)
