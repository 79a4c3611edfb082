"""Records on their way: a file a run under ``results/.spool``, put there by rename, taken in by the next run.

A worker on another machine leaves each record here before it answers, so that what is finished is kept when the driver, the
scheduler or the network is lost. Nothing relies on locks: a name is the key and the seed, and the last one put there stays.
"""

from __future__ import annotations

import uuid
from pathlib import Path
from typing import Any

import orjson

from optathlon.spec import RunRecord
from optathlon.store.encoding import RecordError, check_run, decode_cell, decode_run, encode_cell, encode_run
from optathlon.store.files import load_runs, save

FOLDER = ".spool"
_REFUSALS = (OSError, KeyError, TypeError, ValueError, AttributeError, RecursionError)


def pack_record(record: RunRecord) -> bytes:
    """Return a record as one line of JSON."""
    document = {"cell": encode_cell(record.cell), "run": encode_run(record)}
    return orjson.dumps(document, option=orjson.OPT_SERIALIZE_NUMPY)


def unpack_record(data: bytes | str) -> RunRecord:
    """Return the record of such a line, checked; RecordError where it is none."""
    try:
        document: dict[str, Any] = orjson.loads(data)
        cell, run = decode_cell(document["cell"]), document["run"]
        check_run(cell, run)
        return decode_run(cell, run)
    except _REFUSALS as error:
        raise RecordError(f"not a record: {type(error).__name__}: {error}"[:400]) from None


def leave(results: Path, record: RunRecord) -> None:
    """Put a record into the spool; nothing happens where the folder of results is not to be seen from this machine."""
    if not results.is_dir():
        return
    path = _path_of(results, record.cell.key, record.seed)
    path.parent.mkdir(exist_ok=True)
    temporary = path.with_name(f".{path.name}.{uuid.uuid4().hex}")
    temporary.write_bytes(pack_record(record))
    temporary.replace(path)


def spooled(results: Path, key: str, seed: int) -> RunRecord | None:
    """Return what lies in the spool for a key and seed, or None."""
    try:
        return unpack_record(_path_of(results, key, seed).read_bytes())
    except (OSError, RecordError):
        return None


def forget(results: Path, record: RunRecord) -> None:
    """Remove a record from the spool: it is saved, or measured anew."""
    _path_of(results, record.cell.key, record.seed).unlink(missing_ok=True)


def take_in(results: Path) -> int:
    """Save what lies in the spool and is newer than what is recorded, and return how many runs that were."""
    count = 0
    for path in sorted((results / FOLDER).glob("*.json")):
        try:
            record = unpack_record(path.read_bytes())
            known = load_runs(results, record.cell).get(record.seed)
            if known is None or known.finished < record.finished:
                save(results, record)
                count += 1
        except RecordError:
            path.replace(path.with_suffix(".refused"))
            continue
        except FileNotFoundError:  # another run has taken it
            continue
        path.unlink(missing_ok=True)
    return count


def _path_of(results: Path, key: str, seed: int) -> Path:
    return results / FOLDER / f"{key}-{seed}.json"
