"""Scores of generated samples: Inception Score and Frechet distance in a classifier's terms, and coverage of modes."""

from __future__ import annotations

import math
from collections.abc import Callable
from typing import Any, NamedTuple

import torch
import torch.nn.functional as F
from torch import Tensor, nn

from optathlon.baselines._rng import TorchRng, torch_generator
from optathlon.baselines.gans._checks import check_count, check_images, check_positive, check_samples, check_share, to_tensor

__all__ = [
    "ImageClassifier",
    "ModeCoverage",
    "classes_covered",
    "classify",
    "frechet_distance",
    "inception_score",
    "mode_coverage",
    "train_classifier",
]


def inception_score(probabilities: Any) -> float:
    r"""Return the Inception Score of a sample's class probabilities.

    .. math:: \exp \left( \tfrac1n \sum_i D_{KL}(p(y \mid x_i) \,\|\, p(y)) \right), \qquad p(y) = \tfrac1n \sum_i p(y \mid x_i)

    It lies between 1, when all samples get the same distribution, and the number of classes, when each is certain and all
    classes are equally frequent. It depends on the classifier and, at small n, on n: compare only equal ones.

    Parameters
    ----------
    probabilities : array_like, shape (n, n_classes)
        One distribution per sample. A row's sum may miss 1 by 1e-4, or by the precision of a coarser type, and is divided out.

    Raises
    ------
    ValueError
        If a row is no distribution.

    References
    ----------
    .. [1] Salimans et al.: Improved techniques for training GANs, NeurIPS 2016, section 4.
    """
    p = _check_distributions(probabilities)
    marginal = p.mean(dim=0)
    # x log x is 0 at 0, which xlogy knows
    divergence = torch.special.xlogy(p, p).sum(dim=1) - torch.special.xlogy(p, marginal).sum(dim=1)
    return float(divergence.mean().exp())


def classes_covered(probabilities: Any, share: float = 0.01) -> int:
    """Return how many classes are the likeliest one for at least this share of the samples.

    Parameters
    ----------
    probabilities : array_like, shape (n, n_classes)
        One distribution per sample.
    share : float
        In (0, 1].
    """
    p = _check_distributions(probabilities)
    check_share("share", share)
    counts = torch.bincount(p.argmax(dim=1), minlength=p.shape[1])
    return int((counts >= share * len(p)).sum())


def frechet_distance(features: Any, reference: Any) -> float:
    r"""Return the squared Frechet distance between Gaussians fitted to two samples.

    .. math:: \|\mu_1 - \mu_2\|^2 + \operatorname{tr}(\Sigma_1 + \Sigma_2 - 2 (\Sigma_1^{1/2} \Sigma_2 \Sigma_1^{1/2})^{1/2})

    Parameters
    ----------
    features, reference : array_like, shapes (n, d) and (m, d)
        Features of the two samples; at least two rows each.

    Raises
    ------
    ValueError
        If a sample has fewer than two rows, differs in width, or is not finite, or if the distance is not.

    References
    ----------
    .. [1] Heusel et al.: GANs trained by a two time-scale update rule converge to a local Nash equilibrium,
       NeurIPS 2017, eq. (6).
    """
    first = check_samples("features", features).double()
    second = check_samples("reference", reference, columns=first.shape[1]).double()
    if min(len(first), len(second)) < 2:
        raise ValueError(f"features and reference must have at least 2 rows each, got {len(first)} and {len(second)}")
    # a power of 2 scales without rounding, and no square overflows on the way
    largest = max(float(sample.abs().max()) for sample in (first, second))
    scale = math.ldexp(1.0, math.frexp(largest)[1] - 1)
    first, second = first / scale, second / scale
    first_root = _root(torch.atleast_2d(torch.cov(first.T)))
    second_cov = torch.atleast_2d(torch.cov(second.T))
    cross = torch.linalg.eigvalsh(first_root @ second_cov @ first_root).clamp(min=0).sqrt().sum()
    shift = (first.mean(dim=0) - second.mean(dim=0)).square().sum()
    traces = first_root.square().sum() + second_cov.trace()
    distance = float(shift + traces - 2 * cross) * scale * scale
    if not math.isfinite(distance):
        raise ValueError(f"features and reference must be at a finite squared distance, got entries of up to {largest:.3g}")
    return max(0.0, distance)


class ModeCoverage(NamedTuple):
    """How a sample covers a mixture of Gaussians.

    Attributes
    ----------
    modes : int
        Modes with enough samples near them.
    high_quality : float
        Share of the samples near any mode.
    """

    modes: int
    high_quality: float


def mode_coverage(samples: Any, centres: Any, sd: float, *, radius: float = 3.0, share: float = 0.01) -> ModeCoverage:
    """Count the modes of a mixture of round Gaussians that a sample covers.

    Parameters
    ----------
    samples : array_like, shape (n, d)
        Generated points.
    centres : array_like, shape (k, d)
        Centres of the modes.
    sd : float
        Standard deviation of every mode along each axis.
    radius : float
        A point within this many `sd` of its nearest centre is of high quality.
    share : float
        A mode is covered when this share of all points, in (0, 1], is near it.
    """
    check_positive("sd", sd)
    check_positive("radius", radius)
    check_share("share", share)
    middle = check_samples("centres", centres).double()
    points = check_samples("samples", samples, columns=middle.shape[1]).double()
    # the faster way by matrix products loses small distances far from the origin
    distance, nearest = torch.cdist(points, middle, compute_mode="donot_use_mm_for_euclid_dist").min(dim=1)
    near = nearest[distance <= radius * sd]
    counts = torch.bincount(near, minlength=len(middle))
    return ModeCoverage(int((counts >= share * len(points)).sum()), len(near) / len(points))


class ImageClassifier(nn.Module):
    """A small convolutional classifier of grey images, whose probabilities and features measure generated ones.

    Parameters
    ----------
    size : int
        Side of the images, a multiple of 2 and at least 8.
    n_classes : int
        Number of classes.
    n_features : int
        Width of the last hidden layer.
    """

    def __init__(self, size: int, n_classes: int = 10, n_features: int = 64) -> None:
        super().__init__()
        size, n_classes = check_count("size", size, least=8), check_count("n_classes", n_classes, least=2)
        self.size = size
        quarter = size // 4
        self.body = nn.Sequential(
            nn.Conv2d(1, 16, 3, padding=1),
            nn.ReLU(),
            nn.MaxPool2d(2),
            nn.Conv2d(16, 32, 3, padding=1),
            nn.ReLU(),
            nn.MaxPool2d(2),
            nn.Flatten(),
            nn.Linear(32 * quarter**2, n_features),
            nn.ReLU(),
        )
        self.head = nn.Linear(n_features, n_classes)

    def forward(self, images: Tensor) -> Tensor:
        """Return logits (n, n_classes) of images (n, 1, size, size) in [-1, 1]."""
        return self.head(self.body(images))


def train_classifier(
    images: Any,
    labels: Any,
    *,
    n_epochs: int = 2,
    batch_size: int = 64,
    lr: float = 2e-3,
    rng: TorchRng = None,
    callback: Callable[[int, ImageClassifier], None] | None = None,
) -> ImageClassifier:
    """Train the measuring classifier with Adam and a rate that falls linearly to zero.

    Parameters
    ----------
    images : array_like, shape (n, 1, size, size)
        Training images in [-1, 1].
    labels : array_like, shape (n,)
        Classes 0, 1, ..., all of which occur.
    n_epochs, batch_size : int
        Passes over the images, images per step.
    lr : float
        First step size.
    rng : int, torch.Generator, numpy.random.Generator or None
        Draws weights and order.
    callback : callable, optional
        ``callback(epoch, classifier)`` after each epoch.

    Returns
    -------
    ImageClassifier
        In evaluation mode.
    """
    check_count("n_epochs", n_epochs)
    batch_size = check_count("batch_size", batch_size)
    check_positive("lr", lr)
    pictures, classes = check_images("images", images).float(), to_tensor("labels", labels).long()
    if classes.shape != (len(pictures),) or int(classes.min()) < 0 or len(classes.unique()) < 2:
        raise ValueError(f"labels must be {len(pictures)} classes >= 0, at least 2 different, got shape {tuple(classes.shape)}")
    rng = torch_generator("rng", rng)
    with torch.random.fork_rng(devices=[]):
        torch.manual_seed(int(torch.randint(2**31, (), generator=rng)))
        classifier = ImageClassifier(pictures.shape[-1], int(classes.max()) + 1).to(pictures.device)
    optimizer = torch.optim.Adam(classifier.parameters(), lr=lr)
    n_steps = n_epochs * -(-len(pictures) // batch_size)
    schedule = torch.optim.lr_scheduler.LinearLR(optimizer, 1.0, 0.0, total_iters=n_steps)
    for epoch in range(1, n_epochs + 1):
        order = torch.randperm(len(pictures), generator=rng).to(pictures.device)
        for rows in order.split(batch_size):
            optimizer.zero_grad()
            F.cross_entropy(classifier(pictures[rows]), classes[rows]).backward()
            optimizer.step()
            schedule.step()
        if callback is not None:
            callback(epoch, classifier)
    return classifier.eval()


@torch.no_grad()
def classify(classifier: ImageClassifier, images: Any, batch: int = 1000) -> tuple[Tensor, Tensor]:
    """Return class probabilities (n, n_classes) and features (n, n_features) of images (n, 1, size, size).

    Raises
    ------
    ValueError
        If the images are of another size than the classifier's, or not finite.
    """
    pictures = check_images("images", images, size=classifier.size).float()
    features = torch.cat([classifier.body(part) for part in pictures.split(batch)])
    return classifier.head(features).double().softmax(dim=1), features


def _root(covariance: Tensor) -> Tensor:
    """Return the symmetric root of a covariance; rounding may have made small eigenvalues negative."""
    values, vectors = torch.linalg.eigh(covariance)
    return (vectors * values.clamp(min=0).sqrt()) @ vectors.T


def _check_distributions(probabilities: Any) -> Tensor:
    given = check_samples("probabilities", probabilities)
    p = given.double()
    sums = p.sum(dim=1, keepdim=True)
    worst = float((sums - 1).abs().max())
    if float(p.min()) < 0 or worst > max(1e-4, torch.finfo(given.dtype).eps):
        raise ValueError(
            f"probabilities must be distributions over classes, got a smallest entry of {float(p.min()):.3g} "
            f"and a row that misses a sum of 1 by {worst:.3g}"
        )
    return p / sums
