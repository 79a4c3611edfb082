"""Ranks between two commands, in the reader's own cache folder: no repository, and no request to one, can bring any along."""

from __future__ import annotations

import contextlib
import hashlib
import os
import struct
from collections.abc import Mapping
from pathlib import Path

from optathlon.data import cache_folder

_MAGIC = b"optathlon ranks 1\n"
_KEY = 32


def remembered_at(results: Path, code: str) -> Path:
    """Return the file for the boards of a results folder, judged by code of a digest."""
    folder = hashlib.sha256(os.fsencode(results.resolve())).hexdigest()[:24]
    return cache_folder() / "ranks" / f"{folder}-{code[:32]}"


def recall(path: Path) -> dict[bytes, bytes]:
    """Return what a file holds; nothing where it is absent, torn or changed."""
    try:
        data = path.read_bytes()
        head, body = data[: len(_MAGIC) + 32], data[len(_MAGIC) + 32 :]
        if head != _MAGIC + hashlib.sha256(body).digest():
            return {}
        found, at = {}, 0
        while at < len(body):
            (size,) = struct.unpack_from("<I", body, at)
            start = at + 4 + _KEY
            found[body[at + 4 : start]] = body[start : start + size]
            at = start + size
    except (OSError, struct.error):
        return {}
    return found


def remember(path: Path, entries: Mapping[bytes, bytes]) -> None:
    """Write a file in one step, and remove those of other code for the same folder; nothing where the folder is read-only."""
    body = b"".join(struct.pack("<I", len(value)) + key + value for key, value in entries.items())
    temporary = path.with_name(f".{path.name}.{os.getpid()}")
    try:
        path.parent.mkdir(parents=True, exist_ok=True)
        temporary.write_bytes(_MAGIC + hashlib.sha256(body).digest() + body)
        temporary.replace(path)
        for other in path.parent.glob(f"{path.name.partition('-')[0]}-*"):
            if other != path:
                other.unlink(missing_ok=True)
    except OSError:
        with contextlib.suppress(OSError):
            temporary.unlink(missing_ok=True)
