"""The published score: Inception Score on ImageNet's classes, with torchvision's weights where they are at hand."""

from __future__ import annotations

from functools import cache
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

from optathlon.spec import NeedsData

WEIGHTS = "inception_v3_google-0cc3c7bd.pth"
SPLITS = 10
BATCH = 50


def weights_path() -> Path:
    """Return the file of torchvision's Inception v3 weights; NeedsData says how to get it."""
    import torch

    path = Path(torch.hub.get_dir()) / "checkpoints" / WEIGHTS
    if not path.is_file():
        raise NeedsData(
            f"torchvision's Inception weights are absent: put {WEIGHTS} into {path.parent} "
            f"(https://download.pytorch.org/models/{WEIGHTS}), or set TORCH_HOME to a folder that holds them"
        )
    return path


def require_inception() -> None:
    """Raise `NeedsData` unless weights, torchvision and torchmetrics are there."""
    _inception(weights_path())
    _inception_score()


def imagenet_score(pictures: NDArray[np.float32]) -> float:
    """Return the mean Inception Score over ten splits of grey pictures (n, 1, size, size) in [-1, 1].

    Raises
    ------
    NeedsData
        If the weights, torchvision or torchmetrics are absent.
    """
    network = _inception(weights_path())
    import torch

    score = _inception_score()(feature=network, splits=min(SPLITS, len(pictures)))
    levels = torch.from_numpy(((pictures + 1) * 127.5).round().clip(0, 255).astype(np.uint8))
    with torch.random.fork_rng(devices=[]):
        torch.manual_seed(0)  # torchmetrics shuffles before it splits
        for part in levels.split(BATCH):
            score.update(part.expand(-1, 3, -1, -1))
        return float(score.compute()[0])


def _inception_score() -> Any:
    try:
        from torchmetrics.image.inception import InceptionScore  # pyright: ignore[reportMissingImports]
    except ImportError as error:
        raise NeedsData("the ImageNet score needs torchmetrics: pip install optathlon[inception]") from error
    return InceptionScore


@cache
def _inception(path: Path) -> Any:
    """Return torchvision's Inception v3 as a module from byte images to logits."""
    import torch
    from torch import nn

    from optathlon.data import import_torchvision

    try:
        torchvision = import_torchvision()
    except ImportError as error:
        raise NeedsData("the ImageNet score needs torchvision: pip install torchvision") from error
    network = torchvision.models.inception_v3(weights=None, init_weights=False, transform_input=True)
    network.load_state_dict(torch.load(path, weights_only=True))

    mean, sd = (torch.tensor(values).view(1, 3, 1, 1) for values in ((0.485, 0.456, 0.406), (0.229, 0.224, 0.225)))

    class FromBytes(nn.Module):
        """Enlarge to 299 x 299 and normalise as at training."""

        def __init__(self) -> None:
            super().__init__()
            self.network = network.eval()

        @torch.no_grad()
        def forward(self, images: torch.Tensor) -> torch.Tensor:
            large = nn.functional.interpolate(images.float() / 255, (299, 299), mode="bilinear", antialias=True)
            return self.network((large - mean) / sd)

    return FromBytes()
