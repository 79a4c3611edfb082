"""Downloads of data files: to a temporary place, verified, then moved in one step."""

from __future__ import annotations

import hashlib
import os
import tempfile
from collections.abc import Callable
from pathlib import Path
from urllib.parse import urlsplit
from urllib.request import url2pathname

_TIMEOUT_SECONDS = 30


class FetchFailed(OSError):
    """A download did not succeed; the message says which file, and what each address answered."""


def fetch_file(
    name: str,
    sha256: str,
    urls: tuple[str, ...],
    target: Path,
    *,
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
        Addresses (http, https, file), tried in turn.
    target : Path
        Where the file goes; it appears complete or not at all.
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
            downloaded = _download(url, target.name)
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


def _download(url: str, name: str) -> bytes:
    """Return the bytes at an address, by way of a folder that is gone afterwards."""
    parts = urlsplit(url)
    if parts.scheme == "file":
        if parts.netloc not in ("", "localhost"):
            raise ValueError(f"a file address must start with file:///, got {url}")
        return Path(url2pathname(parts.path)).read_bytes()
    import pooch

    with tempfile.TemporaryDirectory(prefix="optathlon-fetch-") as staging:
        path = Path(staging) / name
        pooch.HTTPDownloader(timeout=_TIMEOUT_SECONDS)(url, str(path), None)
        return path.read_bytes()
