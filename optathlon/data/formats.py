"""Readers of the file formats in which data sets are published. Every one refuses a damaged file in a sentence."""

from __future__ import annotations

import csv
import gzip
import io
import math
import pickle
import tarfile
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import numpy as np

Arrays = dict[str, np.ndarray]

_IDX_UINT8 = 0x08
# One batch of CIFAR-10 holds 10,000 images of 3,072 bytes and its labels and file names.
_BATCH_LIMIT = 64 * 2**20
_BATCH_GLOBALS = {
    ("numpy.core.multiarray", "_reconstruct"),
    ("numpy._core.multiarray", "_reconstruct"),
    ("numpy", "ndarray"),
    ("numpy", "dtype"),
    ("_codecs", "encode"),
}


class CorruptData(ValueError):
    """A file of a data set is not what was declared; the message says in what it differs."""


@contextmanager
def _refuse_damage(path: Path) -> Iterator[None]:
    """Turn the errors of a damaged file into one `CorruptData` that names it."""
    try:
        yield
    except (CorruptData, FileNotFoundError, PermissionError):
        raise
    except Exception as error:  # of a hostile file any: each reader's library has its own
        words = " ".join(f"{type(error).__name__}: {error}".split())[:200]
        raise CorruptData(f"{path} is damaged: {words}") from error


def read_idx(path: Path, shape: tuple[int, ...]) -> np.ndarray:
    """Read a gzipped IDX file of unsigned bytes, the format of MNIST, without unpacking it on disk.

    Parameters
    ----------
    path : Path
        The ``.gz`` file: two zero bytes, the type (8), the number of axes, each axis as a big-endian uint32, then the values.
    shape : tuple of int
        What the header must say, so that a hostile header cannot ask for more memory.

    Returns
    -------
    ndarray of shape `shape`, dtype uint8

    Raises
    ------
    CorruptData
        Another header, fewer or more bytes than it promises, or no gzip file.
    """
    with _refuse_damage(path), gzip.open(path) as stream:
        header = stream.read(4 + 4 * len(shape))
        expected = bytes([0, 0, _IDX_UINT8, len(shape)]) + b"".join(n.to_bytes(4, "big") for n in shape)
        if header != expected:
            raise CorruptData(f"{path} must start with the IDX header of shape {shape}, got {header.hex()}")
        values = np.empty(math.prod(shape), np.uint8)
        filled, window = 0, values.data
        while filled < values.size and (count := stream.readinto(window[filled:])):
            filled += count
        if filled < values.size or stream.read(1):
            relation = "fewer" if filled < values.size else "more"
            raise CorruptData(f"{path} holds {relation} than the {values.size} bytes that its header promises")
    return values.reshape(shape)


def read_images(folder: Path) -> Arrays:
    """Read the four IDX files of MNIST or Fashion-MNIST in `folder`."""
    return {
        "train_images": read_idx(folder / "train-images-idx3-ubyte.gz", (60000, 28, 28)),
        "train_labels": read_idx(folder / "train-labels-idx1-ubyte.gz", (60000,)).astype(np.int64),
        "test_images": read_idx(folder / "t10k-images-idx3-ubyte.gz", (10000, 28, 28)),
        "test_labels": read_idx(folder / "t10k-labels-idx1-ubyte.gz", (10000,)).astype(np.int64),
    }


def read_npz(path: Path) -> Arrays:
    """Read every array of an npz archive; pickled objects are refused."""
    with _refuse_damage(path), np.load(path, allow_pickle=False) as archive:
        if not isinstance(archive, np.lib.npyio.NpzFile):
            raise CorruptData(f"{path} must be an npz archive, got a single array")
        return {name: archive[name] for name in archive.files}


def read_table(path: Path) -> tuple[list[str], list[list[str]]]:
    """Read a CSV file with a header line: the column names, and the rows as text."""
    with _refuse_damage(path), path.open(newline="", encoding="utf-8") as stream:
        lines = [line for line in csv.reader(stream) if line]
        if len(lines) < 2:
            raise CorruptData(f"{path} must hold a header and rows, got {len(lines)} lines")
        header, *rows = lines
        for number, row in enumerate(rows, start=2):
            if len(row) != len(header):
                raise CorruptData(f"{path} line {number} must have {len(header)} fields, got {len(row)}")
    return header, rows


def read_numeric_table(path: Path, positive: str | None = None) -> Arrays:
    """Read a CSV file whose last column is the target.

    Parameters
    ----------
    path : Path
        The file, with a header line.
    positive : str, optional
        The target's word that becomes 1 while the other becomes 0; a numeric target when left out.

    Returns
    -------
    dict
        ``X`` (n, p) float64, ``y`` (n,) float64 or int64, ``feature_names`` (p,) text.
    """
    header, rows = read_table(path)
    with _refuse_damage(path):
        X = np.array([[float(field) for field in row[:-1]] for row in rows])
        words = [row[-1] for row in rows]
        y = np.array([float(w) for w in words]) if positive is None else _indicator(words, positive)
        if not (np.isfinite(X).all() and np.isfinite(y).all()):
            raise CorruptData(f"{path} must hold finite numbers")
    return {"X": X, "y": y, "feature_names": np.array(header[:-1])}


def read_categorical_table(path: Path, positive: str) -> Arrays:
    """Read a CSV file of categories: as `read_numeric_table`, but ``X`` is text, with ``"?"`` where a value is missing."""
    header, rows = read_table(path)
    with _refuse_damage(path):
        y = _indicator([row[-1] for row in rows], positive)
    return {"X": np.array([row[:-1] for row in rows]), "y": y, "feature_names": np.array(header[:-1])}


def _indicator(words: list[str], positive: str) -> np.ndarray:
    """Return 1 where the word is `positive`, 0 where it is the only other one."""
    if positive not in words or len(set(words)) != 2:
        raise ValueError(f"its target must be {positive!r} or one other word, got {sorted(set(words))[:5]}")
    return np.array([int(word == positive) for word in words], dtype=np.int64)


class _BatchUnpickler(pickle.Unpickler):
    """Unpickles arrays, lists and bytes, and nothing that could run code."""

    def find_class(self, module: str, name: str) -> Any:
        if (module, name) not in _BATCH_GLOBALS:
            raise pickle.UnpicklingError(f"a CIFAR-10 batch must hold arrays only, got {module}.{name}")
        return super().find_class(module.replace("numpy.core", "numpy._core"), name)


def read_cifar_batches(path: Path) -> dict[str, tuple[np.ndarray, np.ndarray]]:
    """Read the batches of ``cifar-10-python.tar.gz`` without unpacking it on disk.

    Returns
    -------
    dict
        Batch name (``data_batch_1`` ... ``test_batch``) to images (n, 32, 32, 3) uint8 and labels (n,) int64.
    """
    batches = {}
    with _refuse_damage(path), tarfile.open(path, "r:gz") as archive:
        for member in archive:
            name = member.name.rpartition("/")[2]
            if not member.isfile() or "_batch" not in name:
                continue
            if member.size > _BATCH_LIMIT:
                raise CorruptData(f"{path}: {name} must be at most {_BATCH_LIMIT} bytes, got {member.size}")
            stream = archive.extractfile(member)
            assert stream is not None  # regular files have a stream
            batch = _BatchUnpickler(io.BytesIO(stream.read()), encoding="bytes").load()
            pixels = np.asarray(batch[b"data"], np.uint8).reshape(-1, 3, 32, 32)
            labels = np.array(batch[b"labels"], np.int64)
            if labels.shape != (len(pixels),):
                raise CorruptData(f"{path}: {name} must have a label for each of its {len(pixels)} images, got {labels.size}")
            batches[name] = pixels.transpose(0, 2, 3, 1).copy(), labels
        if missing := sorted({"test_batch", *(f"data_batch_{i}" for i in range(1, 6))} - set(batches)):
            raise CorruptData(f"{path} must hold six batches, got none named {', '.join(missing)}")
    return batches


def join_cifar_batches(batches: dict[str, tuple[np.ndarray, np.ndarray]]) -> Arrays:
    """Join the five training batches; arrays named as in `read_images`."""
    training = [batches[f"data_batch_{i}"] for i in range(1, 6)]
    return {
        "train_images": np.concatenate([images for images, _ in training]),
        "train_labels": np.concatenate([labels for _, labels in training]),
        "test_images": batches["test_batch"][0],
        "test_labels": batches["test_batch"][1],
    }


def select_cifar_subset(batches: dict[str, tuple[np.ndarray, np.ndarray]]) -> Arrays:
    """Choose the class-balanced subset of CIFAR-10: 500 training and 87 test images of each class.

    A row is taken while its class is not full: of the training set rows 0 to 1016 of batches 1 to 5, then rows 1024 to 1272 of
    batch 1; of the test set rows 0 to 1000. The training rows are then sorted by batch and row.

    Returns
    -------
    dict
        As `join_cifar_batches`, and ``train_source`` (5000, 2) int16 with batch number and row of each image, ``test_source``
        (870,) int16 with its row in the test batch.
    """
    walk = [(number, row) for number in range(1, 6) for row in range(1017)]
    walk += [(1, row) for row in range(1024, 1273)]
    labels = [int(batches[f"data_batch_{number}"][1][row]) for number, row in walk]
    train = sorted(walk[i] for i in _until_full(labels, 500))
    test_images, test_labels = batches["test_batch"]
    test = _until_full(test_labels[:1001].tolist(), 87)
    return {
        "train_images": np.stack([batches[f"data_batch_{number}"][0][row] for number, row in train]),
        "train_labels": np.array([batches[f"data_batch_{number}"][1][row] for number, row in train]),
        "test_images": test_images[test],
        "test_labels": test_labels[test],
        "train_source": np.array(train, dtype=np.int16),
        "test_source": np.array(test, dtype=np.int16),
    }


def _until_full(labels: list[int], capacity: int) -> list[int]:
    """Return the positions of the first `capacity` labels of each class, in order."""
    count = [0] * 10
    taken = []
    for position, label in enumerate(labels):
        if count[label] < capacity:
            count[label] += 1
            taken.append(position)
    return taken
