"""Data sets: embedded ones, and real ones from a data folder or a download, always by checksum.

A real data set is looked for in the folder named by ``OPTATHLON_DATA``, then in the cache (``OPTATHLON_CACHE``, or
``~/.cache/optathlon``), where `fetch` puts it. Nothing happens at import, and only `fetch` uses the network.
"""

from __future__ import annotations

import difflib
import hashlib
import json
import os
import tempfile
import time
from collections.abc import Callable, Iterable, Mapping
from functools import cache
from pathlib import Path
from typing import Literal, NamedTuple

import numpy as np

from optathlon.data.catalogue import DATASETS, DataFile, DataSet, Kind
from optathlon.data.download import fetch_file, write_file
from optathlon.data.formats import Arrays, CorruptData
from optathlon.spec import NeedsData

State = Literal["present", "verified", "absent", "corrupt"]

# A file changed this shortly before it was hashed may change again within one tick of the file system's clock.
_SETTLED_SECONDS = 2.0


class Row(NamedTuple):
    """One line of `optathlon data list`."""

    name: str
    kind: Kind
    state: State
    bytes: int
    path: str
    licence: str
    content: str
    note: str


# Data sets that suites declare themselves, by name.
_declared: dict[str, DataSet] = {}


def register(entries: Iterable[DataSet]) -> None:
    """Make the data sets of a suite known beside the catalogue; ValueError where a name means another one already."""
    for entry in entries:
        known = next((one for one in _known() if one.name == entry.name), entry)
        if known.checksum != entry.checksum:
            raise ValueError(f"data set {entry.name!r} is declared twice, with checksums {known.checksum} and {entry.checksum}")
        if known is entry:
            _declared[entry.name] = entry


def _known() -> tuple[DataSet, ...]:
    return (*DATASETS, *_declared.values())


def dataset(name: str) -> DataSet:
    """Return the declaration of a data set; a ValueError suggests near misses."""
    for candidate in _known():
        if candidate.name == name:
            return candidate
    known = [candidate.name for candidate in _known()]
    near = difflib.get_close_matches(name, known, n=1)
    hint = f"; did you mean {near[0]!r}?" if near else f"; there are {', '.join(known)}"
    raise ValueError(f"no data set is called {name!r}{hint}")


def checksum(name: str) -> str:
    """Return the checksum (sha256, hexadecimal) of what `load` returns for `name`, absent or not."""
    return dataset(name).checksum


def find(name: str) -> Path | None:
    """Return the folder that holds all files of a data set, or None: absent, or embedded (which needs no folder)."""
    files = dataset(name).files
    for folder in _folders():
        if files and all((folder / file.path).is_file() for file in files):
            return folder
    return None


def load(name: str) -> Arrays:
    """Return the arrays of a data set, verified.

    Parameters
    ----------
    name : str
        A name of `DATASETS`; its `content` says which arrays come, with their shapes.

    Returns
    -------
    dict of str to ndarray
        New arrays at every call, free to be changed.

    Raises
    ------
    NeedsData
        It is absent; the message holds the command that gets it.
    CorruptData
        A file differs from its checksum; the message holds both sums.
    """
    entry = dataset(name)
    if entry.kind == "embedded":
        return {name: array.copy() for name, array in _embedded(entry).items()}
    folder = find(name)
    if folder is None:
        raise needs_data(name)
    for file in entry.files:
        _require_checksum(entry, folder, file)
    return entry.read(folder)


def needs_data(name: str) -> NeedsData:
    """Return the exception that tells how to get a data set."""
    entry = dataset(name)
    wanted = entry.files[0].path if entry.files else ""
    where = "OPTATHLON_DATA" if not os.environ.get("OPTATHLON_DATA") else f"OPTATHLON_DATA={os.environ['OPTATHLON_DATA']}"
    return NeedsData(
        f"data set {name} is absent: run `optathlon data fetch {name}`, or set OPTATHLON_DATA to a folder that holds {wanted}"
        f" (looked in {where} and {cache_folder() / 'data'})"
    )


def verify(names: Iterable[str] = ()) -> list[Row]:
    """Read every byte of the named data sets (of all by default), remembering nothing of earlier checks; one row each."""
    return [_row(dataset(name), trust=False) for name in names or [entry.name for entry in _known()]]


def rows() -> list[Row]:
    """Return one row for each data set: name, kind, state, bytes, path, licence, content, and what is wrong with it."""
    return [_row(entry, trust=True) for entry in _known()]


def fetch(
    name: str, folder: Path | None = None, *, mirror: str | None = None, report: Callable[[str], None] = lambda line: None
) -> Path | None:
    """Download a data set and verify it; what is already there and right is kept.

    Parameters
    ----------
    name : str
        A data set.
    folder : Path, optional
        Where its files go; the cache by default.
    mirror : str, optional
        Address of a folder (``https://...`` or ``file:///...``) laid out as a data folder, asked instead of the public ones.
    report : callable, optional
        ``report(line)`` is told of every download.

    Returns
    -------
    Path or None
        The folder; None for an embedded set, which needs none.

    Raises
    ------
    FetchFailed
        No address gave the right bytes. Nothing is left behind but the files that were complete before.
    """
    entry = dataset(name)
    if entry.kind == "embedded":
        return None
    folder = folder or cache_folder() / "data"
    for file in entry.files:
        target = folder / file.path
        if target.is_file() and _sha256(target) == file.sha256:
            continue
        if mirror is not None:
            fetch_file(name, file.sha256, (f"{mirror.rstrip('/')}/{file.path}",), target, size=file.size, report=report)
        elif entry.derive is not None:
            fetch(entry.made_from, folder, report=report)
            write_file(name, file.sha256, entry.derive(folder), target)
        else:
            fetch_file(name, file.sha256, file.urls, target, size=file.size, convert=file.convert, report=report)
    return folder


def _folders() -> list[Path]:
    """Return the folders in which files are looked for, in this order."""
    given = os.environ.get("OPTATHLON_DATA")
    return ([Path(given).expanduser()] if given else []) + [cache_folder() / "data"]


def cache_folder() -> Path:
    """Return the cache folder of this user."""
    if given := os.environ.get("OPTATHLON_CACHE"):
        return Path(given).expanduser()
    base = Path(os.environ.get("XDG_CACHE_HOME") or os.path.expanduser("~/.cache"))
    return (base if base.is_absolute() else Path(tempfile.gettempdir())) / "optathlon"


def _row(entry: DataSet, *, trust: bool) -> Row:
    """Return the row of one data set; without `trust` every byte is read."""
    folder = find(entry.name)
    state: State = "present"
    note = ""
    try:
        if folder is not None:
            for file in entry.files:
                _require_checksum(entry, folder, file, trust=trust)
        elif entry.kind == "file":
            state, note = "absent", f"optathlon data fetch {entry.name}"
        elif not trust:
            _embedded(entry)
        if not trust and state == "present":
            state, note = (
                "verified",
                "\n".join(f"{file.path} {file.sha256}" for file in entry.files) or f"sha256 {entry.checksum}",
            )
    except CorruptData as error:
        state, note = "corrupt", str(error)
    return Row(entry.name, entry.kind, state, entry.size, str(folder or ""), entry.licence, entry.content, note)


def _require_checksum(entry: DataSet, folder: Path, file: DataFile, *, trust: bool = True) -> None:
    """Refuse a file that differs from its declaration; a file seen right before and unchanged since is not read again."""
    path = (folder / file.path).resolve()
    stamp = cache_folder() / "verified" / f"{hashlib.sha256(str(path).encode()).hexdigest()[:32]}.json"
    signature = [str(path), file.sha256, *_signature(path)]
    if trust and _remembered(stamp) == signature:
        return
    found = _sha256(path)
    if found != file.sha256:
        raise CorruptData(
            f"data set {entry.name}: {path} has sha256 {found}, expected {file.sha256}; it is refused. Delete it and run"
            f" `optathlon data fetch {entry.name}`"
        )
    if time.time() - path.stat().st_mtime > _SETTLED_SECONDS and [*_signature(path)] == signature[2:]:
        _remember(stamp, signature)


def _signature(path: Path) -> tuple[int, ...]:
    """Return what changes whenever a file does: the change time cannot be set back by a program, the modification time can."""
    info = path.stat()
    return info.st_size, info.st_mtime_ns, info.st_ctime_ns, info.st_ino


def _remembered(stamp: Path) -> object:
    try:
        return json.loads(stamp.read_text())
    except (OSError, ValueError):
        return None


def _remember(stamp: Path, signature: list[str | int]) -> None:
    """Note that a file was right; a cache that cannot be written only costs time."""
    try:
        stamp.parent.mkdir(parents=True, exist_ok=True)
        handle, temporary = tempfile.mkstemp(dir=stamp.parent)
        with os.fdopen(handle, "w") as stream:
            json.dump(signature, stream)
        os.replace(temporary, stamp)
    except OSError:
        pass


def _sha256(path: Path) -> str:
    with path.open("rb") as stream:
        return hashlib.file_digest(stream, "sha256").hexdigest()


@cache
def _embedded(entry: DataSet) -> Arrays:
    """Return the arrays of an embedded set, refused when scikit-learn ships others than the declared ones; read once."""
    arrays = entry.read(None)
    if (found := _arrays_sha256(arrays)) != entry.arrays_sha256:
        raise CorruptData(
            f"data set {entry.name}: scikit-learn's arrays have sha256 {found}, expected {entry.arrays_sha256}; they are refused"
        )
    return arrays


def _arrays_sha256(arrays: Mapping[str, np.ndarray]) -> str:
    """Return a digest of names, types, shapes and values."""
    digest = hashlib.sha256()
    for name, array in arrays.items():
        digest.update(f"{name} {array.dtype.str} {array.shape}\n".encode())
        digest.update(np.ascontiguousarray(array).tobytes())
    return digest.hexdigest()
