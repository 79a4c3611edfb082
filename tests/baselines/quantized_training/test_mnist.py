"""QUANT on the real MNIST with activations of 4 bits: the figures that it is to reach. Skipped where the data is absent."""

from __future__ import annotations

import gzip
import os
from pathlib import Path

import numpy as np
import pytest
import torch

from optathlon.baselines.coarse_gradients import QuantizedReLU, accuracy, lenet5
from optathlon.baselines.quantized_training import train_quantized

FOLDER = Path(os.environ.get("OPTATHLON_DATA", Path(__file__).parents[4] / "shared" / "data")) / "MNIST" / "raw"

pytestmark = [
    pytest.mark.slow,
    pytest.mark.skipif(not FOLDER.is_dir(), reason="MNIST is absent: set OPTATHLON_DATA"),
]


def load(prefix: str) -> tuple[torch.Tensor, torch.Tensor]:
    def read(kind: str, offset: int) -> np.ndarray:
        return np.frombuffer(gzip.decompress((FOLDER / f"{prefix}-{kind}-ubyte.gz").read_bytes()), np.uint8, offset=offset)

    images = read("images-idx3", 16).reshape(-1, 1, 28, 28).astype(np.float32)
    return torch.from_numpy((images / 255 - 0.1307) / 0.3081), torch.from_numpy(read("labels-idx1", 8).astype(np.int64))


@pytest.mark.parametrize("method", ["binary", "ternary"])
def test_three_epochs_of_quant(method):
    torch.set_num_threads(1)
    X, y = load("train")
    found = train_quantized(lenet5(lambda: QuantizedReLU(4), seed=0), X, y, method=method, n_epochs=3, rng=0)
    assert accuracy(found.model, *load("t10k")) >= 0.988
