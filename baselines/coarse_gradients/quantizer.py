"""The quantised ReLU's levels: their spacing by k-means, and the slopes that stand for its derivative."""

from __future__ import annotations

import math
from functools import cache

import numpy as np
from numpy.typing import ArrayLike, NDArray

from optathlon.baselines.coarse_gradients._checks import check_bits, check_choice

ESTIMATORS = ("relu", "reverse-exponential", "log-tailed", "clipped-relu", "identity")
"""The straight-through estimators, by name."""


def kmeans_step(bits: int) -> float:
    r"""Return the spacing of :math:`2^b` equally spaced levels, zero among them, that is best for a rectified Gaussian input.

    .. math:: \tau = \arg\min_\tau \; E\Big[\min_{0 \le k < 2^b} (k \tau - \max(X, 0))^2\Big], \quad X \sim N(0, 1).

    k-means with centres tied to multiples of tau: every number goes to its nearest level, then tau becomes the least-squares
    spacing :math:`E[k X] / E[k^2]`. Both moments are sums of normal densities and tails over the borders
    :math:`(k - 1/2) \tau`, so that no sample is drawn.

    Parameters
    ----------
    bits : int
        Bit-width b, from 1 to 16.

    Returns
    -------
    float
        tau, in standard deviations of the input: 1.2240 for 1 bit, 0.6508 for 2, 0.1932 for 4.

    Raises
    ------
    ValueError
        When `bits` is out of range.

    References
    ----------
    .. [1] Long, thesis, section 3.7.2 (the scaling factor tau).
    .. [2] Cai, He, Sun and Vasconcelos, "Deep learning with low precision by half-wave Gaussian quantization", 2017.
    """
    return _kmeans_step(check_bits(bits))


@cache
def _kmeans_step(bits: int) -> float:
    from scipy.optimize import brentq

    top = 2**bits - 1
    # The step that k-means leaves as it is lies between levels that reach to 1/2 and a first level at 3 deviations.
    return float(brentq(_excess, 0.5 / top, 3.0, args=(np.arange(1, top + 1),), xtol=1e-300, rtol=1e-14))


def _excess(step: float, counts: NDArray[np.int64]) -> float:
    """Return tau E[k^2] - E[k X] where every number goes to its nearest level: zero at the best spacing."""
    from scipy.special import ndtr

    borders = (counts - 0.5) * step
    # k = sum over borders of 1[X > border], so that E[k X] is a sum of densities and E[k^2] one of (2k - 1) tails.
    densities = np.exp(-0.5 * borders**2) / math.sqrt(2 * math.pi)
    return float(step * ((2 * counts - 1) * ndtr(-borders)).sum() - densities.sum())


def slope(x: ArrayLike, *, bits: int, estimator: str) -> NDArray[np.float64]:
    r"""Return g'(x), which stands for the derivative of the quantised ReLU with levels 0, 1, ..., :math:`q = 2^b - 1`.

    ======================= ============================== =====================================
    estimator               g(x) for x > 0                 g'(x) for x > 0
    ======================= ============================== =====================================
    ``relu``                x                              1
    ``reverse-exponential`` q (1 - exp(-x / q))            exp(-x / q)
    ``log-tailed``          x, then q + log(x - q + 1)     1 up to q, then 1 / (x - q + 1)
    ``clipped-relu``        min(x, q)                      1 up to q, then 0
    ``identity``            x                              1 (and for x <= 0 too)
    ======================= ============================== =====================================

    All but ``identity`` have g'(x) = 0 for x <= 0.

    Parameters
    ----------
    x : array_like
        Pre-activations, in units of the spacing of the levels.
    bits : int
        Bit-width b, from 1 to 16.
    estimator : str
        One of `ESTIMATORS`.

    Returns
    -------
    ndarray of float64, of the shape of `x`
        Slopes from 0 to 1.

    Raises
    ------
    ValueError
        When `bits` or `estimator` is none.

    References
    ----------
    Long, thesis, section 3.1.3 and Figure 3.1.
    """
    check_choice("estimator", estimator, ESTIMATORS)
    top = 2 ** check_bits(bits) - 1
    x = np.asarray(x, np.float64)
    if estimator == "identity":
        return np.ones_like(x)
    positive = np.maximum(x, 0.0)
    tail = {
        "relu": np.ones_like(x),
        "reverse-exponential": np.exp(-positive / top),
        "log-tailed": 1 / np.maximum(positive - top + 1, 1.0),
        "clipped-relu": (positive <= top).astype(np.float64),
    }[estimator]
    return np.where(x > 0, tail, 0.0)
