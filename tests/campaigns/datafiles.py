"""Hostile data files: every reader refuses them in one sentence that names the file."""

from __future__ import annotations

import csv
import gzip
import io
import pickle
import random
import struct
import tarfile
import tempfile
import zipfile
from collections.abc import Callable, Iterator
from functools import partial
from pathlib import Path

import campaign
import numpy as np

from optathlon.data import CorruptData, formats

Reader = Callable[[Path], object]


class _Evil:
    def __reduce__(self) -> tuple[Callable[..., object], tuple[str]]:
        return print, ("code was run",)


def idx(header: bytes, values: bytes) -> bytes:
    """Return a gzipped IDX file."""
    return gzip.compress(header + values)


def npz(**arrays: np.ndarray) -> bytes:
    """Return an npz archive."""
    stream = io.BytesIO()
    np.savez(stream, **arrays)  # type: ignore[arg-type]
    return stream.getvalue()


def cifar(**batches: object) -> bytes:
    """Return a tar archive of pickles; a good batch where nothing is given."""
    good = {b"data": np.zeros((2, 3072), np.uint8), b"labels": [0, 1]}
    stream = io.BytesIO()
    with tarfile.open(fileobj=stream, mode="w:gz") as archive:
        for name in ("test_batch", *(f"data_batch_{i}" for i in range(1, 6))):
            content = batches.get(name, good)
            data = content if isinstance(content, bytes) else pickle.dumps(content)
            member = tarfile.TarInfo(f"x/{name}")
            member.size = len(data)
            archive.addfile(member, io.BytesIO(data))
    return stream.getvalue()


def bomb() -> bytes:
    """Return a zip member that promises far more than it holds."""
    stream = io.BytesIO()
    with zipfile.ZipFile(stream, "w", zipfile.ZIP_DEFLATED) as archive:
        header = np.lib.format.magic(1, 0) + struct.pack("<H", 118)
        text = repr({"descr": "<f8", "fortran_order": False, "shape": (10**12,)})
        archive.writestr("ecg.npy", header + text.ljust(117).encode() + b"\n")
    return stream.getvalue()


SHAPE = (2, 3)
IDX = bytes([0, 0, 8, 2]) + struct.pack(">II", *SHAPE)
TABLE = "a,b,y\n1,2,0.5\n3,4,0.25\n"
IMAGES: Reader = partial(formats.read_idx, shape=SHAPE)
NUMBERS: Reader = formats.read_numeric_table
WORDS: Reader = partial(formats.read_categorical_table, positive="yes")
SIGNS: Reader = partial(formats.read_numeric_table, positive="g")

FILES: dict[str, tuple[Reader, bytes]] = {
    "idx, empty": (IMAGES, b""),
    "idx, not gzip": (IMAGES, IDX + bytes(6)),
    "idx, no values": (IMAGES, idx(IDX, b"")),
    "idx, few values": (IMAGES, idx(IDX, bytes(5))),
    "idx, many values": (IMAGES, idx(IDX, bytes(7))),
    "idx, another type": (IMAGES, idx(bytes([0, 0, 13, 2]) + IDX[4:], bytes(24))),
    "idx, huge axes": (IMAGES, idx(bytes([0, 0, 8, 2]) + b"\xff" * 8, bytes(6))),
    "idx, torn gzip": (IMAGES, idx(IDX, bytes(6))[:-6]),
    "idx, wrong checksum": (IMAGES, idx(IDX, bytes(6))[:-8] + bytes(8)),
    "idx, a bomb": (IMAGES, idx(IDX, bytes(10**7))),
    "npz, empty": (formats.read_npz, b""),
    "npz, text": (formats.read_npz, b"PK\x03\x04 not a zip"),
    "npz, one array": (formats.read_npz, npz(a=np.ones(2))[:50]),
    "npz, objects": (formats.read_npz, npz(a=np.array([_Evil()], dtype=object))),
    "npz, a pickle": (formats.read_npz, pickle.dumps(_Evil())),
    "npz, a bomb": (formats.read_npz, bomb()),
    "table, empty": (NUMBERS, b""),
    "table, a header": (NUMBERS, b"a,b,y\n"),
    "table, ragged": (NUMBERS, (TABLE + "1,2\n").encode()),
    "table, words": (NUMBERS, (TABLE + "1,x,2\n").encode()),
    "table, NaN": (NUMBERS, (TABLE + "1,nan,2\n").encode()),
    "table, infinity": (NUMBERS, (TABLE + "1,2,inf\n").encode()),
    "table, overflow": (NUMBERS, (TABLE + "1,1e999,2\n").encode()),
    "table, NUL": (NUMBERS, TABLE.encode() + b"1,\x00,2\n"),
    "table, Latin-1": (NUMBERS, TABLE.encode() + b"1,\xe9,2\n"),
    "table, a long field": (NUMBERS, (TABLE + "1,2," + "3" * (csv.field_size_limit() + 1) + "\n").encode()),
    "table, an open quote": (NUMBERS, (TABLE + '1,2,"3\n' * 3).encode()),
    "table, a third word": (SIGNS, b"a,y\n1,g\n2,b\n3,x\n"),
    "table, one word": (SIGNS, b"a,y\n1,g\n2,g\n"),
    "words, empty": (WORDS, b""),
    "words, no such target": (WORDS, b"a,y\nx,no\ny,maybe\n"),
    "cifar, empty": (formats.read_cifar_batches, b""),
    "cifar, no gzip": (formats.read_cifar_batches, b"x" * 512),
    "cifar, torn": (formats.read_cifar_batches, cifar()[:-100]),
    "cifar, code": (formats.read_cifar_batches, cifar(data_batch_1=_Evil())),
    "cifar, a list": (formats.read_cifar_batches, cifar(data_batch_1=[1, 2])),
    "cifar, no labels": (formats.read_cifar_batches, cifar(data_batch_1={b"data": np.zeros((2, 3072), np.uint8)})),
    "cifar, few labels": (
        formats.read_cifar_batches,
        cifar(data_batch_1={b"data": np.zeros((2, 3072), np.uint8), b"labels": [0]}),
    ),
    "cifar, labels of text": (
        formats.read_cifar_batches,
        cifar(data_batch_1={b"data": np.zeros((1, 3072), np.uint8), b"labels": ["x"]}),
    ),
    "cifar, odd pixels": (formats.read_cifar_batches, cifar(data_batch_1={b"data": np.zeros(5, np.uint8), b"labels": [0]})),
    "cifar, None": (formats.read_cifar_batches, cifar(data_batch_1={b"data": None, b"labels": None})),
    "cifar, torn pickle": (formats.read_cifar_batches, cifar(data_batch_1=b"\x80\x04\x95")),
    "cifar, a deep pickle": (formats.read_cifar_batches, cifar(data_batch_1=b"(" * 10**6)),
}
GOOD: tuple[tuple[Reader, bytes], ...] = (
    (IMAGES, idx(IDX, bytes(6))),
    (NUMBERS, TABLE.encode()),
    (SIGNS, b"a,y\n1,g\n2,b\n"),
    (formats.read_npz, npz(ecg=np.ones(3))),
    (formats.read_cifar_batches, cifar()),
)


def said_of(read: Reader, content: bytes) -> str:
    """Return the sentence with which a file is refused, the folder left out; empty where it is accepted."""
    with tempfile.TemporaryDirectory() as folder:
        path = Path(folder) / "file"
        path.write_bytes(content)
        try:
            read(path)
        except CorruptData as error:
            return str(error).replace(f"{folder}/", "") or "nothing"
    return ""


def refuse(read: Reader, content: bytes) -> None:
    """Require one sentence that names the file."""
    said = said_of(read, content)
    assert said.startswith("file"), said
    assert "\n" not in said
    assert len(said) < 500


def survive(read: Reader, content: bytes) -> None:
    """Require an answer or one sentence."""
    said = said_of(read, content)
    assert not said or said.startswith("file"), said


def trials(count: int, seed: int) -> Iterator[campaign.Trial]:
    """Yield the hostile files, and good ones with random faults up to `count` in all."""
    for read, content in GOOD:
        with tempfile.TemporaryDirectory() as folder:
            (Path(folder) / "file").write_bytes(content)
            read(Path(folder) / "file")  # what is refused below is refused for its fault
    for name, (read, content) in list(FILES.items())[:: max(1, len(FILES) // count)]:
        yield name, partial(refuse, read, content)
    rng = random.Random(seed)
    for number in range(count - len(FILES)):
        read, content = GOOD[number % len(GOOD)]
        data = bytearray(content)
        for _ in range(rng.randrange(1, 10)):
            data[rng.randrange(len(data))] = rng.randrange(256)
        yield f"random {number}", partial(survive, read, bytes(data))


if __name__ == "__main__":
    campaign.main("data files", trials, default=200)
