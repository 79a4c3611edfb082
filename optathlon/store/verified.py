"""``results/verified.json``: which recorded runs somebody else has run again with the same outcome."""

from __future__ import annotations

from collections.abc import Iterable
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

import orjson

from optathlon.spec import Cell
from optathlon.store.files import replace_text

NAME = "verified.json"
_FIELDS = {"key": str, "cell": str, "seeds": list, "machine": str, "commit": str, "date": str}


def load_verified(results: Path) -> dict[str, set[int]]:
    """Return the seeds that are verified of each key; ValueError where the file is not ours."""
    verified: dict[str, set[int]] = {}
    for entry in _entries(results):
        verified.setdefault(entry["key"], set()).update(entry["seeds"])
    return verified


def add_verified(results: Path, cells: Iterable[tuple[Cell, list[int]]], machine: str, commit: str) -> None:
    """Add runs that agreed when `machine` ran them at `commit`."""
    entries = {(entry["key"], entry["machine"]): entry for entry in _entries(results)}
    date = datetime.now(UTC).date().isoformat()
    for cell, seeds in cells:
        old = entries.get((cell.key, machine), {"seeds": []})
        address = f"{cell.environment.machine} {cell.suite} {cell.workload} {cell.method} {cell.device}"
        merged = sorted({*old["seeds"], *seeds})
        entries[cell.key, machine] = {
            "key": cell.key, "cell": address, "seeds": merged, "machine": machine, "commit": commit, "date": date
        }  # fmt: skip
    lines = ",\n".join(orjson.dumps(entries[at]).decode() for at in sorted(entries))
    replace_text(results / NAME, f"[\n{lines}\n]\n")


def _entries(results: Path) -> list[dict[str, Any]]:
    path = results / NAME
    if not path.is_file():
        return []
    try:
        entries = orjson.loads(path.read_bytes())
        for entry in entries:
            if set(entry) != set(_FIELDS) or any(type(entry[name]) is not kind for name, kind in _FIELDS.items()):
                raise ValueError("an entry must hold " + ", ".join(_FIELDS))
            if any(type(seed) is not int or seed < 0 for seed in entry["seeds"]):
                raise ValueError("seeds must be whole numbers from 0")
    except (OSError, TypeError, ValueError) as error:
        raise ValueError(f"{path}: not readable as a list of verified runs ({error})") from None
    return entries
