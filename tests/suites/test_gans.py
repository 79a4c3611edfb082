"""The GAN suite: what its records show besides scores, exploding players, and checks of its own."""

from __future__ import annotations

import base64
import re
from dataclasses import replace
from pathlib import Path
from types import SimpleNamespace

import numpy as np
import pytest

from optathlon.judge.evidence import Evidence, FailedRuns
from optathlon.measure import plan_cell, run_cell
from optathlon.spec import Context, Method, Ruling, RunRecord, Status
from optathlon.suites.gans import figures
from optathlon.suites.gans.claims import at_best_rates, misses_the_ring
from optathlon.suites.gans.exhibits import GREYS, LOSSES, decoded, exhibit, grid, png, thinned
from optathlon.suites.gans.methods import GAN_METHODS
from optathlon.suites.gans.problem import Spectra, ring
from optathlon.suites.gans.suite import POINTS, SUITE

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


@pytest.mark.parametrize("rate", [1e4, 1e12])
@pytest.mark.parametrize("method", GAN_METHODS, ids=lambda m: m.name)
def test_exploding_players_are_diverged_with_their_step(method: Method, rate: float) -> None:
    plan = POINTS._replace(n_steps=8, generator=(16, 16), discriminator=(16, 16), rates=dict.fromkeys(POINTS.rates, rate))
    workload = replace(SUITE.workload("ring-smoke"), make=ring(plan))
    record = run_cell(SUITE, workload, method, "cpu", 0)
    assert record.status is Status.DIVERGED
    assert re.search(r"at step [1-8]$", record.reason)
    assert record.scores == {}


def test_a_few_pictures_and_points_in_space_are_shown() -> None:
    assert grid(np.zeros((10, 14, 14))).shape == (119, 119)
    space = SimpleNamespace(samples=np.zeros((9, 3)), discriminator_loss=[], generator_loss=[])
    assert exhibit(None, space) == {"x": [0.0] * 9, "y": [0.0] * 9}


def ring_run(method: str, seed: int, status: Status, modes: float | None = None) -> RunRecord:
    cell = replace(plan_cell(SUITE, SUITE.workload("ring-small"), SUITE.method("sgd")), method=method)
    return RunRecord(cell=cell, seed=seed, status=status, scores={} if modes is None else {"modes-covered": modes, "gap": 1.0})


def test_runs_that_did_not_end_decide_nothing() -> None:
    few, escaped = ring_run("sgd", 0, Status.OK, 1), ring_run("sgd", 1, Status.DIVERGED)
    check = misses_the_ring("sgd", 2)
    assert check(Evidence((few, escaped))).ruling is Ruling.REPRODUCED
    assert check(Evidence((few, ring_run("sgd", 1, Status.OK, 3)))).ruling is Ruling.CONTRADICTED
    assert check(Evidence((escaped,))).ruling is Ruling.REPRODUCED
    with pytest.raises(FailedRuns):
        check(Evidence((few, ring_run("sgd", 1, Status.TIMEOUT))))


def test_a_rate_that_diverges_is_not_the_best() -> None:
    runs = [ring_run(name, seed, Status.OK, modes) for name, modes in (("adam", 3.0), ("oadam", 4.0)) for seed in (0, 1)]
    rates = [f"{name}-x{factor}" for name in ("adam", "oadam") for factor in ("0.3", "3", "10")]
    runs += [ring_run(name, seed, Status.DIVERGED) for name in rates for seed in (0, 1)]
    verdict = at_best_rates("modes-covered", "oadam", "adam", ("ring-*",))(Evidence(tuple(runs)))
    assert verdict.ruling is Ruling.REPRODUCED
    assert "oadam 4, adam 3" in verdict.measured


def test_consensus_does_not_lower_the_ratio_of_every_game() -> None:
    B = [[-0.274, -0.355], [1.13, -0.961]]
    twisted = np.block([[np.diag([1.47, 4.23]), np.array(B)], [-np.array(B).T, np.diag([0.0816, 1.457])]])  # no normal matrix
    turning = np.array([[1.0, 2.0], [-2.0, 1.0]])
    method = SUITE.method("theory-consensus-ratio")
    trials = method.run(Spectra(np.stack([twisted])), Context(np.random.default_rng(0)), **method.settings)
    assert trials.failed.tolist() == [True]
    trials = method.run(Spectra(turning[None]), Context(np.random.default_rng(0)), **method.settings)
    assert trials.failed.tolist() == [False]


def test_the_figures_are_drawn_from_the_committed_records(tmp_path: Path) -> None:
    figures.main([str(ROOT / "results"), "bilinear", "ring-small", "digits-gan", "--out", str(tmp_path)])
    drawn = sorted(path.name for path in tmp_path.iterdir())
    assert drawn == ["bilinear.png", "digits-gan-losses.png", "digits-gan.png", "ring-small.png"]
    assert all(path.stat().st_size > 10_000 for path in tmp_path.iterdir())
    with pytest.raises(SystemExit):
        figures.main([str(ROOT / "results"), "no-such-figure"])
