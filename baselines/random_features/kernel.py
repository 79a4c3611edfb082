"""The Gaussian kernel, its bandwidth, and what theory says of its random approximations."""

from __future__ import annotations

import math
from collections.abc import Iterator
from typing import Any, Literal

import numpy as np
from numpy.typing import ArrayLike

from optathlon.baselines._distances import squared_distances
from optathlon.baselines._rng import Rng, numpy_generator
from optathlon.baselines.random_features._checks import check_choice, check_count, check_matrix, check_positive

_MEDIAN_ROWS = 1000
_BLOCK_NUMBERS = 2**20  # of a block of distances: 8 MiB


def gaussian_kernel(X: ArrayLike, Y: ArrayLike | None = None, *, gamma: float) -> np.ndarray:
    r"""Gram matrix of the Gaussian kernel, :math:`k(x, y) = \exp(-\gamma \|x - y\|^2)`.

    Parameters
    ----------
    X : array_like, shape (n, d)
        One point per row.
    Y : array_like, shape (m, d), optional
        Other points; X by default.
    gamma : float
        Inverse squared width, :math:`1 / (2 \sigma^2)`.

    Returns
    -------
    ndarray, shape (n, m)
        Kernel values in [0, 1].

    Raises
    ------
    ValueError
        If a matrix is empty or not finite, the numbers of columns differ, or gamma is not positive.
    """
    X = check_matrix("X", X)
    Y = X if Y is None else check_matrix("Y", Y)
    gamma = check_positive("gamma", gamma)
    if X.shape[1] != Y.shape[1]:
        raise ValueError(f"X and Y must have as many columns, got {X.shape[1]} and {Y.shape[1]}")
    K = np.empty((len(X), len(Y)), np.result_type(X, Y))
    points, exponent = _balanced(X) if Y is X else _balanced(X, Y)
    with np.errstate(over="ignore"):
        gamma = min(float(np.ldexp(gamma, 2 * exponent)), np.finfo(np.float64).max)
        for rows, squares in _distance_blocks(points[0], points[-1]):
            np.multiply(squares, -gamma, out=squares)
            K[rows] = np.exp(squares, out=squares)
    return K


def _distance_blocks(X: np.ndarray, Y: np.ndarray) -> Iterator[tuple[slice, np.ndarray]]:
    """Yield blocks of rows of the squared distances between the rows of X (n, d) and of Y (m, d)."""
    block, size = squared_distances(X, Y), max(1, _BLOCK_NUMBERS // len(Y))
    for start in range(0, len(X), size):
        rows = slice(start, start + size)
        yield rows, block(rows)


def _balanced(*matrices: np.ndarray) -> tuple[list[np.ndarray], int]:
    """Return the matrices in float64 over a power of two, so that no square overflows or vanishes, and its exponent."""
    exponent = int(np.frexp(max(float(np.abs(matrix).max()) for matrix in matrices))[1])
    return [np.ldexp(matrix.astype(np.float64, copy=False), -exponent) for matrix in matrices], exponent


def median_gamma(X: ArrayLike, *, rng: Rng = 0) -> float:
    r"""Inverse squared width with :math:`\sigma^2` the median squared distance between two different rows.

    .. math:: \gamma = \frac{1}{2 \sigma^2}, \qquad \sigma^2 = \mathrm{median}_{i < j} \|x_i - x_j\|^2

    Parameters
    ----------
    X : array_like, shape (n, d)
        At least two rows; a random 1000 of them are used when there are more.
    rng : int, Generator or None
        Chooses the rows, as `numpy.random.default_rng` takes it; the same rows at every call by default.

    Returns
    -------
    float
        The inverse squared width.

    Raises
    ------
    ValueError
        If X is not a finite matrix of at least two rows, or the median distance is zero (constant data).
    """
    X = check_matrix("X", X)
    rng = numpy_generator("rng", rng)
    if len(X) < 2:
        raise ValueError("X must have at least two rows for a median distance, got one sample (n_samples = 1)")
    if len(X) > _MEDIAN_ROWS:
        X = X[rng.choice(len(X), _MEDIAN_ROWS, replace=False)]
    (points,), exponent = _balanced(X)
    squares = np.vstack([block for _, block in _distance_blocks(points, points)])
    median = float(np.median(squares[np.triu_indices(len(points), 1)]))
    with np.errstate(over="ignore", divide="ignore"):
        gamma = float(np.ldexp(np.divide(0.5, median), -2 * exponent))
    if not 0 < gamma < np.inf:
        raise ValueError(
            f"the median distance between rows must be positive, with a finite square, got {math.sqrt(median)} * 2^{exponent} "
            f"for {len(points)} rows: the data are constant, or half of all pairs are alike; give gamma as a number"
        )
    return gamma


def scale_gamma(X: ArrayLike) -> float:
    r"""Inverse squared width by the variance of all entries, :math:`\gamma = 1 / (d \operatorname{var} X)`; 1 for constant data.

    Parameters
    ----------
    X : array_like, shape (n, d)
        Data.

    Returns
    -------
    float
        The inverse squared width, as scikit-learn's support vector machines have it.

    Raises
    ------
    ValueError
        If X is not a finite matrix, or the variance is no finite number.
    """
    X = check_matrix("X", X)
    with np.errstate(over="ignore", invalid="ignore"):
        variance = float(X.var(dtype=np.float64))
        gamma = 1.0 / (X.shape[1] * variance) if variance else 1.0
    if not 0 < gamma < np.inf:
        raise ValueError(
            f"the variance of X must be a finite number with a finite inverse, got {variance}; give gamma as a number"
        )
    return gamma


def resolve_gamma(gamma: Any, X: np.ndarray) -> float:
    """Return gamma as a number; ``"median"`` means that of `median_gamma`, ``"scale"`` that of `scale_gamma`."""
    if isinstance(gamma, str) and gamma in _RULES:
        return _RULES[gamma](X)
    if isinstance(gamma, str):
        raise ValueError(f"gamma must be a finite number above 0 or 'median' or 'scale', got {gamma!r}")
    return check_positive("gamma", gamma)


_RULES = {"median": median_gamma, "scale": scale_gamma}


def kernel_variance(k: ArrayLike, n_components: int, *, features: Literal["cos", "cos-sin", "normalized"] = "cos") -> np.ndarray:
    r"""Variance of the estimate of a Gaussian kernel value k from D independent random Fourier features.

    .. math::
        \text{cos with phase:} &\quad \frac{1}{D} \Bigl(\tfrac12 + \tfrac12 (1 - k^2)^2\Bigr) \\
        \text{normalised:} &\quad \text{that} - \frac{1}{D} \tfrac14 k^2 (3 - k^4) \quad (D \to \infty) \\
        \text{cos and sin of } D/2 \text{ frequencies:} &\quad \frac{1}{D} (1 - k^2)^2

    So normalising helps cosines with a phase, and yet never beats cosine-sine pairs: the difference of the last two is
    :math:`k^2 (1 - k^2)^2 / (4 D) \ge 0`.

    Parameters
    ----------
    k : array_like
        Kernel values in [0, 1].
    n_components : int
        Number D of output features.
    features : {"cos", "cos-sin", "normalized"}
        The kind of feature.

    Returns
    -------
    ndarray
        Variances, in the shape of k.

    Raises
    ------
    ValueError
        If a kernel value is outside [0, 1], or an argument is not one of those allowed.

    References
    ----------
    Sutherland, Schneider. *On the error of random Fourier features*. UAI 2015, section 3.
    Li. *Linearized GMM kernels and normalized random Fourier features*. KDD 2017, theorem 3.
    """
    k = np.asarray(k, dtype=np.float64)
    check_choice("features", features, ("cos", "cos-sin", "normalized"))
    n_components = check_count("n_components", n_components)
    if not ((k >= 0) & (k <= 1)).all():
        raise ValueError(f"k must be kernel values in [0, 1], got {k.min()} to {k.max()}")
    pairs = (1.0 - k**2) ** 2
    if features == "cos-sin":
        return pairs / n_components
    phase = 0.5 + 0.5 * pairs
    return (phase - (k**2 * (3.0 - k**4) / 4.0 if features == "normalized" else 0.0)) / n_components
