"""Which lines of packs still say what the record files say."""

from __future__ import annotations

import hashlib
import itertools
from pathlib import Path

import numpy as np

from optathlon.store.listing import Folder, Listing, settled
from optathlon.store.packs import Pack, Range


def plan(listing: Listing, packs: list[Pack]) -> tuple[list[str | Range], int]:
    """Return what is to be read in the order of the paths: files as JSON and lines of packs; and how many lines are outdated.

    A line counts as long as its file is in the state in which it was packed or, where only the size is the same, has the same
    content, and none of its runs ended in the future: what is wrong with such a file is said where it is read.
    """
    found: list[str | Range] = []
    outdated = 0
    by_family: dict[tuple[str, str], list[Pack]] = {}
    for pack in packs:
        by_family.setdefault((pack.machine, pack.suite), []).append(pack)
    for folder in listing.folders:
        own = [pack for pack in by_family.get((folder.machine, folder.suite), ()) if folder.workload in pack.spans]
        if len(own) == 1 and _unchanged(listing, folder, own[0]):
            _append(found, Range(own[0], *own[0].spans[folder.workload]))
        else:
            outdated += _one_by_one(listing, folder, own, found)
    return found, outdated


def plan_alone(packs: list[Pack]) -> list[str | Range]:
    """Return the lines of packs that stand for themselves, in the order of the paths of the files that they were made from.

    Those with a run that ended in the future are left out.
    """
    found: list[str | Range] = []
    for _, own in itertools.groupby(packs, key=lambda pack: (pack.machine, pack.suite)):
        versions = list(own)
        if len(versions) == 1 and not versions[0].ahead.any():
            found += [Range(pack, 0, len(pack)) for pack in versions if len(pack)]
            continue
        lines = [
            (pack.workloads[i], pack.files[i], k, i)
            for k, pack in enumerate(versions)
            for i in np.flatnonzero(~pack.ahead).tolist()
        ]
        for _, _, k, line in sorted(lines):
            _append(found, Range(versions[k], line, line + 1))
    return found


def _unchanged(listing: Listing, folder: Folder, pack: Pack) -> bool:
    """Return whether all files of a folder, and no other, are in a pack, and none has been touched since."""
    files, (a, b) = slice(folder.start, folder.stop), pack.spans[folder.workload]
    return (
        listing.names[files] == pack.files[a:b]
        and np.array_equal(listing.states[files], pack.states[a:b])
        and not pack.ahead[a:b].any()
    )


def _one_by_one(listing: Listing, folder: Folder, packs: list[Pack], found: list[str | Range]) -> int:
    """Append the files of a folder, or the lines that stand for them; return how many are outdated."""
    lines = {pack.files[line]: (pack, line) for pack in packs for line in range(*pack.spans[folder.workload])}
    outdated = 0
    for index in range(folder.start, folder.stop):
        path, at = f"{folder.path}/{listing.names[index]}", lines.get(listing.names[index])
        if at is not None and _holds(*at, listing.states[index], path):
            _append(found, Range(at[0], at[1], at[1] + 1))
        else:
            outdated += at is not None
            found.append(path)
    return outdated


def _holds(pack: Pack, line: int, state: np.ndarray, path: str) -> bool:
    """Return whether a file is as it was packed, and may be a record today."""
    if pack.ahead[line]:
        return False
    if np.array_equal(state, pack.states[line]):
        return True
    try:
        return bool(state[0] == pack.states[line, 0]) and digest(path) == pack.digests[line].as_py()
    except OSError:
        return False


def _append(found: list[str | Range], lines: Range) -> None:
    last = found[-1] if found else None
    if isinstance(last, Range) and last.pack is lines.pack and last.stop == lines.start:
        found[-1] = Range(last.pack, last.start, lines.stop)
    else:
        found.append(lines)


def digest(path: str | Path) -> bytes:
    """Return the digest of a file's content."""
    return hashlib.sha256(Path(path).read_bytes()).digest()


def lasting(state: tuple[int, int, int, int]) -> tuple[int, int, int, int]:
    """Return a state as a pack keeps it: one that may not tell the next change is never met again."""
    return state if settled(np.array(state)) else (state[0], -1, -1, -1)
