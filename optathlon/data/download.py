"""Downloads of data files: to a temporary place, verified, then moved in one step."""

from __future__ import annotations

import hashlib
import io
import os
import tempfile
from collections.abc import Callable
from pathlib import Path
from urllib.parse import urlsplit

_TIMEOUT_SECONDS = 30
_CONVERTED = 4  # how many times larger a published file may be than what we make of it


class FetchFailed(OSError):
    """A download did not succeed; the message says which file, and what each address answered."""


def fetch_file(
    name: str,
    sha256: str,
    urls: tuple[str, ...],
    target: Path,
    *,
    size: int,
    convert: Callable[[bytes], bytes] | None = None,
    report: Callable[[str], None] = lambda line: None,
) -> None:
    """Put the file with checksum `sha256` at `target`, from the first address that has it.

    Parameters
    ----------
    name : str
        The data set, for messages.
    sha256 : str
        Checksum of the file at `target`, that is after `convert`.
    urls : tuple of str
        Addresses, tried in turn: https, file, or http of this machine itself, where nobody stands in between.
    target : Path
        Where the file goes; it appears complete or not at all.
    size : int
        Its bytes: a download beyond them is broken off.
    convert : callable, optional
        ``convert(downloaded) -> bytes``.
    report : callable
        ``report(line)`` is told of every attempt.

    Raises
    ------
    FetchFailed
        No address had the right bytes.
    """
    answers = []
    for url in urls:
        report(f"{name}: {url}")
        try:
            downloaded = _download(url, size if convert is None else _CONVERTED * size + 2**20)
            write_file(name, sha256, convert(downloaded) if convert else downloaded, target)
            return
        except (OSError, ValueError) as error:
            answers.append(f"{url}: {error}")
    raise FetchFailed(
        f"data set {name}: {target.name} could not be downloaded. Get it by another way, put it at {target} (or below a folder"
        f" named by OPTATHLON_DATA), and run `optathlon data verify {name}`. " + "; ".join(answers)
    )


def write_file(name: str, sha256: str, content: bytes, target: Path) -> None:
    """Write `content` to `target` in one step, if its checksum is `sha256`."""
    found = hashlib.sha256(content).hexdigest()
    if found != sha256:
        raise FetchFailed(f"{target.name} of data set {name} has sha256 {found}, expected {sha256}; it is not kept")
    target.parent.mkdir(parents=True, exist_ok=True)
    handle, temporary = tempfile.mkstemp(dir=target.parent, prefix=".fetch-")
    try:
        with os.fdopen(handle, "wb") as stream:
            stream.write(content)
            stream.flush()
            os.fsync(stream.fileno())
        os.chmod(temporary, 0o644)
        os.replace(temporary, target)
    except BaseException:
        Path(temporary).unlink(missing_ok=True)
        raise


class _Bounded(io.BytesIO):
    """Takes so many bytes and no more."""

    def __init__(self, size: int) -> None:
        super().__init__()
        self.size = size

    def write(self, chunk: bytes) -> int:  # type: ignore[override]
        if self.tell() + len(chunk) > self.size:
            raise ValueError(f"it sent more than the {self.size} bytes declared, and was broken off")
        return super().write(chunk)


def _download(url: str, size: int) -> bytes:
    """Return the bytes at an address, at most `size`."""
    parts = urlsplit(url)
    taken = _Bounded(size)
    if parts.scheme == "file":
        from urllib.request import url2pathname  # not before it is needed: it imports what speaks to servers

        if parts.netloc not in ("", "localhost"):
            raise ValueError(f"a file address must start with file:///, got {url}")
        with Path(url2pathname(parts.path)).open("rb") as stream:
            taken.write(stream.read(size + 1))
    elif parts.scheme == "https" or (parts.scheme == "http" and parts.hostname in ("localhost", "127.0.0.1", "::1")):
        import pooch

        pooch.HTTPDownloader(timeout=_TIMEOUT_SECONDS)(url, taken, None)
    else:
        raise ValueError(f"an address must be https, got {parts.scheme or 'none'}")
    return taken.getvalue()
