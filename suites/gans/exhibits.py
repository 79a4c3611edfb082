"""What a record shows of a game, a mixture or a GAN besides its scores: paths, points, pictures and losses."""

from __future__ import annotations

import base64
import io
from collections.abc import Sequence
from typing import Any

import numpy as np
from numpy.typing import NDArray

from optathlon.suites.gans.problem import Path, Pictures, Spectra

ITERATIONS = 200  # of a game's path, from its start
POINTS = 500  # of a mixture
SIDE = 8  # pictures along each side of a grid
LOSSES = 200  # values along a loss curve, each the mean of as many steps as there are for it
GREYS = 16  # levels of a shown picture

Exhibits = dict[str, str | Sequence[float]]


def exhibit(problem: Any, answer: Any) -> Exhibits:
    """Return ``distance`` of a game, ``x`` and ``y`` of a mixture, ``samples.png`` of pictures, and a GAN's two losses."""
    if isinstance(answer, Path):
        return {"distance": _rounded(np.linalg.norm(answer.points[:ITERATIONS], axis=1))}
    if isinstance(problem, Spectra):
        return {}
    shown: Exhibits = {}
    if isinstance(problem, Pictures):
        shown["samples.png"] = png(grid(answer.samples[: SIDE**2, 0]))
    else:
        shown |= {axis: _rounded(values) for axis, values in zip("xy", answer.samples[:POINTS, :2].T, strict=False)}
    for player in ("discriminator", "generator"):
        losses = getattr(answer, f"{player}_loss")
        if len(losses):
            shown[f"{player}-loss"] = _rounded(thinned(losses))
    return shown


def grid(pictures: NDArray[np.floating]) -> NDArray[np.uint8]:
    """Lay at most SIDE^2 pictures (n, h, w) in [-1, 1] out as one of bytes, with a line of one grey pixel between them."""
    pictures = np.pad(pictures, ((0, SIDE**2 - len(pictures)), (0, 0), (0, 0)), constant_values=-1)
    levels = np.round((pictures + 1) / 2 * (GREYS - 1)) * (255 / (GREYS - 1))
    framed = np.pad(levels.clip(0, 255).astype(np.uint8), ((0, 0), (0, 1), (0, 1)), constant_values=128)
    rows, columns = framed.shape[1:]
    return framed.reshape(SIDE, SIDE, rows, columns).transpose(0, 2, 1, 3).reshape(SIDE * rows, SIDE * columns)[:-1, :-1]


def png(picture: NDArray[np.uint8]) -> str:
    """Return a grey picture as the base64 text of a PNG."""
    from PIL import Image

    file = io.BytesIO()
    Image.fromarray(picture).quantize(2 * GREYS).save(file, "png", optimize=True)
    return base64.b64encode(file.getvalue()).decode()


def decoded(text: str) -> NDArray[np.uint8]:
    """Return the bytes of a picture that `png` made."""
    from PIL import Image

    return np.asarray(Image.open(io.BytesIO(base64.b64decode(text))).convert("L"))


def thinned(losses: NDArray[np.floating]) -> NDArray[np.floating]:
    """Return the means of at most `LOSSES` equal stretches of a curve."""
    return np.array([part.mean() for part in np.array_split(losses, min(LOSSES, len(losses)))])


def _rounded(values: NDArray[np.floating]) -> list[float]:
    return [float(f"{value:.4g}") for value in values]
