"""Games with known answers, mixtures of Gaussians and pictures of digits: what a problem holds, and what makes one."""

from __future__ import annotations

import math
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field
from typing import Literal, NamedTuple

import numpy as np
from numpy.typing import NDArray

from optathlon import data
from optathlon.suites.gans.imagenet import require_inception
from optathlon.suites.gans.judge import Judge

Floats = NDArray[np.float64]
Singles = NDArray[np.float32]
Eigenvalues = NDArray[np.complex128]
Make = Callable[[np.random.Generator, str], "Game | Spectra | Mixture | Pictures"]


@dataclass(frozen=True)
class Game:
    """The game min over x, max over y of x'Ax/2 + x'By - y'Cy/2, started at all ones.

    Attributes
    ----------
    A, B, C : ndarray, shapes (n, n), (n, m), (m, m)
        Curvatures and interaction.
    n_steps : int
        Iterations.
    """

    A: Floats
    B: Floats
    C: Floats
    n_steps: int


@dataclass(frozen=True)
class Spectra:
    """Local games known by their field's Jacobian.

    Attributes
    ----------
    jacobians : ndarray, shape (n_games, m, m)
        Their symmetric parts are positive definite.
    """

    jacobians: Floats

    @property
    def eigenvalues(self) -> Eigenvalues:
        """Eigenvalues of every Jacobian, shape (n_games, m), complex with positive real parts."""
        return np.linalg.eigvals(self.jacobians).astype(np.complex128)


class Training(NamedTuple):
    """How a GAN is trained, whatever the optimiser; plain values, which count in a cell's key.

    Attributes
    ----------
    n_steps, batch_size, latent : int
        Generator updates, samples per batch, length of the noise vector.
    rates : mapping
        Base step size of the families "adam", "sgd" and "consensus"; a method may multiply it.
    generator, discriminator : tuple of int
        Hidden widths of the fully connected networks, or channels of the convolutional ones.
    slope : float
        Slope of the fully connected networks' rectifiers below zero.
    convolutional, batch_norm : bool
        Kind of networks; whether a fully connected generator normalises its layers.
    loss, n_critic, clip, gradient_penalty
        As in `optathlon.baselines.gans.training.train_gan`.
    """

    n_steps: int
    rates: Mapping[str, float]
    batch_size: int = 64
    latent: int = 64
    generator: tuple[int, ...] = (128, 256)
    discriminator: tuple[int, ...] = (256, 128)
    slope: float = 0.2
    convolutional: bool = False
    batch_norm: bool = False
    loss: Literal["non-saturating", "wasserstein"] = "non-saturating"
    n_critic: int = 1
    clip: float | None = None
    gradient_penalty: float = 0.0


@dataclass(frozen=True)
class Mixture:
    """Equal round Gaussians in the plane.

    Attributes
    ----------
    samples : ndarray, shape (n, 2), float32
        Real points.
    centres : ndarray, shape (k, 2)
        Centres of the modes.
    sd : float
        Standard deviation of each mode along each axis.
    n_samples : int
        Generated points that are scored.
    """

    samples: Singles
    centres: Floats
    sd: float
    training: Training
    n_samples: int = 2500


@dataclass(frozen=True)
class Pictures:
    """Grey pictures of digits in [-1, 1].

    Attributes
    ----------
    samples : ndarray, shape (n, 1, size, size), float32
        Pictures to learn from.
    held_out : ndarray, shape (n_samples, 1, size, size), float32
        Real pictures that neither players nor classifier have seen: the upper end of the scale.
    judge : Judge
        The measuring classifier.
    """

    samples: Singles
    held_out: Singles
    judge: Judge
    training: Training

    @property
    def n_samples(self) -> int:
        """Pictures that are scored: as many as are held out, for the Inception Score depends on the number."""
        return len(self.held_out)


@dataclass(frozen=True)
class Path:
    """How a game was played.

    Attributes
    ----------
    points : ndarray, shape (n + 1, d)
        Joint positions.
    radius : float or None
        Spectral radius of the exact step matrix; None where the iteration is not linear.
    """

    points: Floats
    radius: float | None = None


@dataclass(frozen=True)
class Trials:
    """A statement tried on every game: whether it failed.

    Attributes
    ----------
    failed : ndarray, shape (n_games,), bool
        True where the game is a counterexample.
    """

    failed: NDArray[np.bool_]


@dataclass(frozen=True)
class Samples:
    """What a generator makes, and how its training went.

    Attributes
    ----------
    samples : ndarray, shape (n_samples, ...), float32
        Generated points or pictures.
    generator_loss, discriminator_loss : ndarray, shape (n_steps,)
        The players' losses; empty for what was not trained.
    """

    samples: Singles
    generator_loss: Floats = field(default_factory=lambda: np.empty(0))
    discriminator_loss: Floats = field(default_factory=lambda: np.empty(0))


def bilinear(n_steps: int) -> Make:
    """Return the maker of min over x, max over y of xy."""

    def make(rng: np.random.Generator, device: str) -> Game:
        return Game(np.zeros((1, 1)), np.ones((1, 1)), np.zeros((1, 1)), n_steps)

    return make


def quadratic(dimension: int, n_steps: int, curvature: float = 0.1) -> Make:
    """Return the maker of games whose interaction outweighs their curvature, scaled to a Jacobian of norm 1."""

    def make(rng: np.random.Generator, device: str) -> Game:
        left, right, B = rng.standard_normal((3, dimension, dimension)) / math.sqrt(dimension)
        A, C = curvature * left @ left.T, curvature * right @ right.T
        norm = np.linalg.norm(np.block([[A, B], [-B.T, C]]), 2)
        return Game(A / norm, B / norm, C / norm, n_steps)

    return make


def spectra(n_games: int, dimension: int = 3) -> Make:
    """Return the maker of spectra of random games with a curvature that is positive definite."""

    def make(rng: np.random.Generator, device: str) -> Spectra:
        left, right, B = rng.standard_normal((3, n_games, dimension, dimension))
        A = left @ left.transpose(0, 2, 1) + 0.05 * np.eye(dimension)
        C = right @ right.transpose(0, 2, 1) + 0.05 * np.eye(dimension)
        B = B * rng.uniform(0.1, 5.0, (n_games, 1, 1))
        return Spectra(np.block([[A, B], [-B.transpose(0, 2, 1), C]]))

    return make


def ring(training: Training, n_modes: int = 8, radius: float = 2.0, sd: float = 0.05) -> Make:
    """Return the maker of Gaussians on a circle."""

    def make(rng: np.random.Generator, device: str) -> Mixture:
        angles = 2 * np.pi * np.arange(n_modes) / n_modes
        return _mixture(radius * np.stack([np.cos(angles), np.sin(angles)], axis=1), sd, training, rng)

    return make


def grid(training: Training, side: int = 5, spacing: float = 1.0, sd: float = 0.05) -> Make:
    """Return the maker of Gaussians on a square grid around the origin."""

    def make(rng: np.random.Generator, device: str) -> Mixture:
        axis = spacing * (np.arange(side) - (side - 1) / 2)
        return _mixture(np.stack(np.meshgrid(axis, axis), axis=-1).reshape(-1, 2), sd, training, rng)

    return make


def _mixture(centres: NDArray[np.floating], sd: float, training: Training, rng: np.random.Generator, n: int = 50_000) -> Mixture:
    samples = centres[rng.integers(len(centres), size=n)] + sd * rng.standard_normal((n, 2))
    return Mixture(samples.astype(np.float32), centres.astype(np.float64), sd, training)


def digits(training: Training, judging: tuple[int, int, float] = (10, 32, 4e-3)) -> Make:
    """Return the maker of scikit-learn's 8 x 8 digits: 1,297 to learn from, 500 held out.

    Parameters
    ----------
    training : Training
        How the GAN is trained.
    judging : tuple
        Epochs, batch size and first rate of the measuring classifier.
    """

    def make(rng: np.random.Generator, device: str) -> Pictures:
        arrays = data.load("digits")
        pictures = (arrays["X"].reshape(-1, 1, 8, 8) / 8 - 1).astype(np.float32)
        judge = Judge.train(pictures[:1297], arrays["y"][:1297], pictures[1297:], arrays["y"][1297:], judging, device)
        return Pictures(pictures[:1297], pictures[1297:], judge, training)

    return make


def mnist(training: Training, size: Literal[14, 28], n_train: int, n_samples: int, judging: tuple[int, int, int, float]) -> Make:
    """Return the maker of MNIST at 28 x 28, or halved by averaging 2 x 2 pixels.

    Parameters
    ----------
    training : Training
        How the GAN is trained.
    size : {14, 28}
        Side of the pictures.
    n_train, n_samples : int
        Training pictures, drawn anew for every seed; test pictures that set the scale, and generated ones that are scored.
    judging : tuple
        Of the measuring classifier, the same for every seed: its training pictures, epochs, batch size and first rate.
    """

    def make(rng: np.random.Generator, device: str) -> Pictures:
        arrays = data.load("mnist")
        train, test = (_scaled(arrays[name], size) for name in ("train_images", "test_images"))
        n_judge, *settings = judging
        judge = Judge.train(
            train[:n_judge], arrays["train_labels"][:n_judge], test, arrays["test_labels"], tuple(settings), device, n_samples
        )
        chosen = np.sort(rng.permutation(len(train))[:n_train])
        return Pictures(train[chosen], test[:n_samples], judge, training)

    return make


def scored_on_imagenet(make: Make) -> Make:
    """Return the maker of the same pictures for a workload that ImageNet's classes rank; `NeedsData` where they cannot."""

    def make_where_scored(rng: np.random.Generator, device: str) -> Game | Spectra | Mixture | Pictures:
        require_inception()
        return make(rng, device)

    return make_where_scored


def _scaled(images: NDArray[np.uint8], size: int) -> Singles:
    pictures = images.astype(np.float32)[:, None] / 127.5 - 1
    if size == 14:
        pictures = pictures.reshape(-1, 1, 14, 2, 14, 2).mean(axis=(3, 5))
    return pictures


def shape_of(problem: Mixture | Pictures) -> Sequence[int]:
    """Return the shape of one sample."""
    return problem.samples.shape[1:]
