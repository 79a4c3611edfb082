"""What a record is worth: measured by the project, verified by running it again, or claimed by whoever submitted it.

``results/verified.json`` lists the recorded runs that somebody has run again with the same outcome, ``results/machines.json`` the
machines on which the project itself measures. Both are written by whoever takes a submission in, never by the submission.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import dataclass, field, replace
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

import orjson

from optathlon.spec import Cell
from optathlon.store.encoding import Group
from optathlon.store.files import replace_text

NAME = "verified.json"
MACHINES = "machines.json"
MEASURED, VERIFIED, CLAIMED = "measured", "verified", "claimed"
_FIELDS = {"key": str, "cell": str, "seeds": list, "machine": str, "commit": str, "date": str}


@dataclass(frozen=True)
class Trust:
    """Which machines are the project's own, and which runs were run again with the same outcome.

    Attributes
    ----------
    machines : frozenset of str or None
        Names of the project's own machines; None where none are listed: in a folder of one's own, nobody else submits.
    verified : mapping
        Address and key of a cell to its verified seeds. A record that was measured under other conditions has another key, and
        a key stands for its own address alone.
    """

    machines: frozenset[str] | None = None
    verified: Mapping[tuple[str, str], set[int]] = field(default_factory=dict)

    def of(self, cell: Cell, seeds: Sequence[int]) -> tuple[str, int]:
        """Return the word for a group of runs, and how many of them are verified.

        ``"verified"`` is a group all of whose runs were run again: its mean is a mean over all of them. Else it is ``"measured"``
        on a machine of the project's, and ``"claimed"`` on any other.
        """
        again = self.verified.get((address_text(cell), cell.key), ()) if self.verified else ()
        count = sum(seed in again for seed in seeds) if again else 0
        if seeds and count == len(seeds):
            return VERIFIED, count
        own = self.machines is None or cell.environment.machine in self.machines
        return MEASURED if own else CLAIMED, count

    def on(self, name: Callable[[], str]) -> Trust:
        """Return this trust by somebody who measures on a machine of his own, whose name is asked for where it matters."""
        return self if self.machines is None else replace(self, machines=self.machines | {name()})

    def kept(self, groups: Iterable[Group]) -> list[Group]:
        """Return the groups that are more than claimed: what decides verdicts."""
        return [group for group in groups if self.of(group.cell, [run["seed"] for run in group.runs])[0] != CLAIMED]


EVERYTHING = Trust()


def load_trust(results: Path) -> Trust:
    """Return what the results folder says of its records; ValueError where a file is not ours."""
    return Trust(own_machines(results), load_verified(results))


def own_machines(results: Path) -> frozenset[str] | None:
    """Return the names of the project's own machines, None where none are listed; ValueError where the file is not ours."""
    path = results / MACHINES
    if not path.is_file():
        return None
    return parse_machines(path.read_bytes(), str(path))


def parse_machines(text: bytes, where: str) -> frozenset[str]:
    """Return the names in the text of such a file."""
    try:
        names = orjson.loads(text)
        if type(names) is not list or any(type(name) is not str for name in names):
            raise ValueError("must be a list of names")
    except ValueError as error:
        raise ValueError(f"{where}: not readable as a list of machines ({error})") from None
    return frozenset(names)


def address_text(cell: Cell) -> str:
    """Return the address of a cell as it stands in the file."""
    return f"{cell.environment.machine} {cell.suite} {cell.workload} {cell.method} {cell.device}"


def load_verified(results: Path) -> dict[tuple[str, str], set[int]]:
    """Return the seeds that are verified of each address and key; ValueError where the file is not ours."""
    verified: dict[tuple[str, str], set[int]] = {}
    for entry in _entries(results):
        verified.setdefault((entry["cell"], entry["key"]), set()).update(entry["seeds"])
    return verified


def add_verified(results: Path, cells: Iterable[tuple[Cell, list[int]]], machine: str, commit: str) -> None:
    """Add runs that agreed when `machine` ran them at `commit`."""
    entries = {(entry["key"], entry["machine"]): entry for entry in _entries(results)}
    date = datetime.now(UTC).date().isoformat()
    for cell, seeds in cells:
        old = entries.get((cell.key, machine), {"seeds": []})
        merged = sorted({*old["seeds"], *seeds})
        entries[cell.key, machine] = {
            "key": cell.key, "cell": address_text(cell), "seeds": merged, "machine": machine, "commit": commit, "date": date
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
