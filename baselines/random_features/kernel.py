"""The Gaussian kernel, its bandwidth, and what theory says of its random approximations."""

from __future__ import annotations

from typing import Any, Literal

import numpy as np
from numpy.typing import ArrayLike

from optathlon.baselines.random_features._checks import check_choice, check_count, check_matrix, check_positive

_MEDIAN_ROWS = 1000


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
    return np.exp(-gamma * squared_distances(X, Y))


def squared_distances(X: np.ndarray, Y: np.ndarray) -> np.ndarray:
    """Squared Euclidean distances between the rows of X (n, d) and of Y (m, d)."""
    centre = X.mean(axis=0)  # the expansion of the square loses digits far from the origin
    X, Y = X - centre, Y - centre
    squares = (X**2).sum(axis=1)[:, None] - 2.0 * (X @ Y.T) + (Y**2).sum(axis=1)
    return np.maximum(squares, 0.0, out=squares)


def median_gamma(X: ArrayLike, *, rng: np.random.Generator | None = None) -> float:
    r"""Inverse squared width with :math:`\sigma` the median distance between two different rows.

    .. math:: \gamma = \frac{1}{2 \sigma^2}, \qquad \sigma = \mathrm{median}_{i < j} \|x_i - x_j\|

    Parameters
    ----------
    X : array_like, shape (n, d)
        At least two rows; a random 1000 of them are used when there are more.
    rng : numpy.random.Generator, optional
        Chooses the rows; ``default_rng(0)`` by default.

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
    if len(X) > _MEDIAN_ROWS:
        rng = np.random.default_rng(0) if rng is None else rng
        X = X[rng.choice(len(X), _MEDIAN_ROWS, replace=False)]
    pairs = np.triu_indices(len(X), 1)
    median = float(np.median(squared_distances(X, X)[pairs])) if len(X) > 1 else 0.0
    if median <= np.finfo(X.dtype).eps * float((X**2).sum(axis=1).max()):
        raise ValueError(
            f"the median distance between rows must be positive, got 0 for {len(X)} rows: the data are constant, "
            "or nearly; give gamma as a number"
        )
    return 1.0 / (2.0 * median)


def resolve_gamma(gamma: Any, X: np.ndarray) -> float:
    """Return gamma as a number; ``"median"`` means that of `median_gamma`."""
    if isinstance(gamma, str) and gamma == "median":
        return median_gamma(X)
    if isinstance(gamma, str):
        raise ValueError(f"gamma must be a finite number above 0 or 'median', got {gamma!r}")
    return check_positive("gamma", gamma)


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
