"""The page of a method: what it is, where it comes from, how it does everywhere, where it fails."""

from __future__ import annotations

import re
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

from optathlon.judge import Row, boards, first_metric
from optathlon.show.site.boards import board_id
from optathlon.show.site.source import Piece, line_of, pieces_of
from optathlon.show.site.text import mathml, short
from optathlon.show.tables import display
from optathlon.spec import Method, Suite
from optathlon.store import Group

_FEW = 3


def page_name(name: str) -> str:
    """Return the file name of a method's page; names of records are safe already, those of rows made elsewhere may not be."""
    return re.sub(r"[^A-Za-z0-9_.+-]", "_", name)


def method_page(name: str, rows: Sequence[Row], groups: Sequence[Group], suite: Suite | None, home: str) -> dict[str, Any]:
    """Return what the page of a method shows.

    Parameters
    ----------
    name : str
        The method's name.
    rows, groups : sequences
        The rows and groups of its suite.
    suite : Suite, optional
        The declaration, where the suite can be loaded.
    home : str
        Web address of the repository.
    """
    declared = next((m for m in suite.methods if m.name == name), None) if suite else None
    own = [group for group in groups if group.cell.method == name]
    settings = dict(declared.settings if declared else own[-1].cell.settings if own else {})
    pieces = pieces_of(declared) if declared else []
    meant = _meant(pieces, name, settings)
    return {
        "name": name,
        "declared": declared is not None,
        "description": declared.description if declared else "",
        "reference": declared.reference if declared else "",
        "bibtex": bibtex(suite, declared) if suite and declared else "",
        "yardstick": bool(declared and declared.yardstick) or any(group.cell.yardstick for group in own),
        "devices": declared.devices if declared else (),
        "settings": settings,
        "pieces": [_piece(piece, home, _commit(own)) for piece in meant],
        "others": [_piece(piece, home, _commit(own)) for piece in pieces if piece not in meant],
        "adapter": _adapter(declared, home, _commit(own)) if declared else "",
        "commit": _commit(own),
        "ranks": _ranks(name, rows),
        "failures": _failures(own),
    }


def _meant(pieces: Sequence[Piece], name: str, settings: Mapping[str, Any]) -> list[Piece]:
    """Return the pieces that the settings or the method's name say are run; all where there are few, none where none is named."""
    texts = [_bare(str(value)) for value in settings.values() if isinstance(value, str)]
    said = [piece for piece in pieces if _bare(piece.name) in texts or _bare(piece.name) in _bare(name)]
    return said or (list(pieces) if len(pieces) <= _FEW else [])


def _bare(text: str) -> str:
    return re.sub(r"[^a-z0-9]", "", text.lower())


def _commit(groups: Sequence[Group]) -> str:
    """Return the commit that the newest record was made at."""
    runs = [run for group in groups for run in group.runs if run.get("commit")]
    return max(runs, key=lambda run: run.get("finished", ""))["commit"] if runs else ""


def _piece(piece: Piece, home: str, commit: str) -> dict[str, Any]:
    return {
        "name": f"{piece.package.removeprefix('optathlon.baselines.')}.{piece.name}",
        "summary": piece.summary,
        "formulas": [mathml(formula) for formula in piece.formulas],
        "references": piece.references,
        "reference": piece.reference,
        "code": f"{home}/blob/{commit or 'main'}/{piece.path}",
    }


def _adapter(method: Method, home: str, commit: str) -> str:
    """Return the address of the adapter's file at the recorded commit; empty where it is not one of this repository's."""
    place = line_of(method.run)
    found = re.search(r"(?:^|/)suites/[\w/]+\.py$", Path(place[0]).as_posix()) if place else None
    return f"{home}/blob/{commit or 'main'}/{found[0].lstrip('/')}" if found else ""


def bibtex(suite: Suite, method: Method) -> str:
    """Return an entry that cites the method as this suite does: its source as it stands in the declaration, nothing guessed."""
    key = re.sub(r"[^a-z0-9]+", "-", f"{suite.name}-{method.name}".lower())
    note = f"Optathlon suite {suite.name}, version {suite.version}, method {method.name}"
    return f"@misc{{{key},\n  howpublished = {{{_tex(method.reference or suite.source)}}},\n  note = {{{_tex(note)}}}\n}}"


def _tex(text: str) -> str:
    return re.sub(r"([&%$#_{}])", r"\\\1", text)


def _ranks(name: str, rows: Sequence[Row]) -> list[dict[str, Any]]:
    found = []
    for key, board in boards(rows):
        for row in first_metric(board):
            if row.method == name:
                rank, _, value, seconds, ratio, seeds, status = display(row)
                shown = {"rank": rank, "figure": value, "seconds": seconds, "ratio": ratio, "seeds": seeds, "status": status}
                others = sum(r.rank is not None for r in first_metric(board))
                found.append({"row": row, "board": board_id(key), "of": others, **shown})
    return found


def _failures(groups: Sequence[Group]) -> list[dict[str, Any]]:
    """Return the runs that did not end ok, each reason once a workload, with how many gave it."""
    found: dict[tuple[str, str, str], int] = {}
    for group in groups:
        for run in group.runs:
            if run["status"] != "ok":
                key = (group.cell.workload, str(run["status"]), short(run.get("reason", "")))
                found[key] = found.get(key, 0) + 1
    return [{"workload": w, "status": s, "reason": r, "count": n} for (w, s, r), n in found.items()]


def method_names(rows: Sequence[Row], suites: Mapping[str, Suite]) -> dict[str, list[str]]:
    """Return the methods of each suite that are recorded or declared, by name."""
    names: dict[str, set[str]] = {name: {m.name for m in suite.methods} for name, suite in suites.items()}
    for row in rows:
        names.setdefault(row.suite, set()).add(row.method)
    return {suite: sorted(own) for suite, own in sorted(names.items())}
