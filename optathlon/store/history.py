"""The records of a commit: each asv run leaves its own under `results/history`."""

from __future__ import annotations

import subprocess
from pathlib import Path

from optathlon.store.encoding import Group, RecordError
from optathlon.store.newest import newest
from optathlon.store.scanning import scan


class UnknownRevision(ValueError):
    """No records are kept of a revision; the message says where they were looked for, and how they come about."""


def history_of(results: Path, commit: str) -> Path:
    """Return the results folder in which the records of a commit's asv run lie."""
    return results / "history" / commit[:12]


def locate(revision: str, results: Path) -> Path:
    """Return the results folder of a revision.

    Parameters
    ----------
    revision : str
        A folder of results, or anything that git resolves to a commit whose asv run left its records.
    results : Path
        The results folder whose ``history`` holds the commits.

    Raises
    ------
    UnknownRevision
        There is neither.
    """
    if (Path(revision) / "records").is_dir():
        return Path(revision)
    command = ["git", "-C", str(results), "rev-parse", "--quiet", "--verify", "--end-of-options", f"{revision}^{{commit}}"]
    try:
        commit = subprocess.run(command, capture_output=True, text=True, timeout=60, check=True).stdout.strip()
    except (OSError, subprocess.SubprocessError):
        raise UnknownRevision(f"{revision!r} is neither a folder with records nor a commit of this repository") from None
    folder = history_of(results, commit)
    if not (folder / "records").is_dir():
        raise UnknownRevision(f"no records of {revision} ({commit[:12]}) in {folder.parent}: run `asv run {commit[:12]}^!` first")
    return folder


def load_revision(revision: str, results: Path, machine: str | None = None) -> list[Group]:
    """Return the newest group of each address that a revision's run left.

    Parameters
    ----------
    revision, results
        Of `locate`.
    machine : str, optional
        Only this machine's records.

    Raises
    ------
    ValueError
        The revision has no records, or a record file is refused: half of the evidence gives no verdict.
    """
    groups = []
    for group in scan(locate(revision, results)):
        if isinstance(group, RecordError):
            raise ValueError(f"a record is refused, so there is no verdict: {group}")
        if machine in (None, group.cell.environment.machine, group.cell.environment.place):
            groups.append(group)
    return newest(groups)
