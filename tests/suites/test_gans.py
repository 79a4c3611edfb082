"""What records of the GAN suite show besides scores."""

from __future__ import annotations

import base64
from pathlib import Path

import numpy as np
import pytest

from optathlon.running import run_cell
from suites.gans import figures
from suites.gans.exhibits import GREYS, LOSSES, decoded, grid, png, thinned
from suites.gans.suite import SUITE

ROOT = Path(__file__).parents[2]


def shown(workload: str, method: str):
    record = run_cell(SUITE, SUITE.workload(workload), SUITE.method(method), "cpu", 0)
    assert record.reason == ""
    return record.exhibits


@pytest.mark.parametrize("size", [8, 14, 28])
def test_a_grid_survives_its_png_to_half_a_grey_level(size: int) -> None:
    pictures = np.random.default_rng(size).uniform(-1, 1, (64, size, size))
    picture = decoded(png(grid(pictures)))
    assert picture.shape == (8 * size + 7, 8 * size + 7)
    for index in (0, 9, 63):
        row, column = (place * (size + 1) for place in divmod(index, 8))
        back = picture[row : row + size, column : column + size] / 127.5 - 1
        assert np.abs(back - pictures[index]).max() <= 1 / (GREYS - 1) + 0.01


def test_the_thinned_losses_keep_the_mean() -> None:
    losses = np.random.default_rng(0).normal(size=5 * LOSSES)
    assert len(thinned(losses)) == LOSSES
    assert thinned(losses).mean() == pytest.approx(losses.mean())
    np.testing.assert_array_equal(thinned(losses[:7]), losses[:7])


def test_a_game_shows_its_path_and_a_gan_its_samples_and_losses() -> None:
    path = shown("bilinear-smoke", "gda-0.1")["distance"]
    np.testing.assert_allclose(path, np.sqrt(2 * 1.01 ** np.arange(41)), rtol=1e-3)
    ring = shown("ring-smoke", "adam")
    assert len(ring["x"]) == len(ring["y"]) == 500
    assert len(ring["generator-loss"]) == len(ring["discriminator-loss"]) == 8
    digits = shown("digits-smoke", "real-images")
    assert set(digits) == {"samples.png"}
    assert base64.b64decode(digits["samples.png"]).startswith(b"\x89PNG")


def test_the_figures_are_drawn_from_the_committed_records(tmp_path: Path) -> None:
    figures.main([str(ROOT / "results"), "bilinear", "ring-small", "digits-gan", "--out", str(tmp_path)])
    drawn = sorted(path.name for path in tmp_path.iterdir())
    assert drawn == ["bilinear.png", "digits-gan-losses.png", "digits-gan.png", "ring-small.png"]
    assert all(path.stat().st_size > 10_000 for path in tmp_path.iterdir())
    with pytest.raises(SystemExit):
        figures.main([str(ROOT / "results"), "no-such-figure"])
