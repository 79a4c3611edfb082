"""The teacher problem of binary activations: its loss and its coarse gradient in closed form, and both from samples."""

from __future__ import annotations

import math
from dataclasses import dataclass

import numpy as np
from numpy.typing import ArrayLike, NDArray

from optathlon.baselines.coarse_gradients._checks import check_array, check_count, check_rng

_CHUNK = 2**21  # numbers drawn at once


def teacher_loss(w: ArrayLike, w_star: ArrayLike, v: ArrayLike) -> float:
    r"""Return :math:`f(w) = E[\frac12 (v^\top \sigma(Z w) - v^\top \sigma(Z w^*))^2] = \frac{|v|^2}{2 \pi} \theta`.

    sigma is 1 for positive and 0 for other numbers, the rows of Z are standard Gaussian, theta is the angle of w and w*.

    Parameters
    ----------
    w, w_star : array_like, shape (n,)
        Weights and the teacher's, neither zero.
    v : array_like, shape (m,)
        Second layer.

    Returns
    -------
    float
        The population loss.

    Raises
    ------
    ValueError
        When shapes differ, a number is not finite, or `w` or `w_star` is zero.

    References
    ----------
    Long, thesis, Lemma 4.1.
    """
    w, w_star, v = _unit("w", w), _unit("w_star", w_star), check_array("v", v, 1)
    _same_length(w, w_star)
    # The angle by both chords: exact near 0 and pi, where the arc cosine is not.
    angle = 2 * math.atan2(float(np.linalg.norm(w - w_star)), float(np.linalg.norm(w + w_star)))
    return float(v @ v) * angle / (2 * math.pi)


def coarse_gradient(w: ArrayLike, w_star: ArrayLike, v: ArrayLike) -> NDArray[np.float64]:
    r"""Return :math:`\frac{|v|^2}{2 \sqrt{2 \pi}} (w / |w| - w^* / |w^*|)`, the expected coarse gradient of the ReLU estimator.

    Parameters
    ----------
    w, w_star, v
        As for `teacher_loss`.

    Returns
    -------
    ndarray, shape (n,)
        What `sampled_gradient` estimates. It vanishes only in the teacher's direction.

    Raises
    ------
    ValueError
        As `teacher_loss` does.

    References
    ----------
    Long, thesis, Lemma 4.2 (equation 4.4).
    """
    w, w_star, v = _unit("w", w), _unit("w_star", w_star), check_array("v", v, 1)
    _same_length(w, w_star)
    return float(v @ v) / (2 * math.sqrt(2 * math.pi)) * (w - w_star)


@dataclass(frozen=True, eq=False)
class SampledGradient:
    """Means over samples, with the standard errors of these means.

    Attributes
    ----------
    gradient, gradient_error : ndarray, shape (n,)
        The coarse gradient.
    loss, loss_error : float
        The loss.
    as_printed : ndarray, shape (n,)
        The thesis's sample gradient as it is printed before Lemma 4.2, with the loss where the residual belongs.
    as_printed_error : ndarray, shape (n,)
        Its standard error.
    """

    gradient: NDArray[np.float64]
    gradient_error: NDArray[np.float64]
    loss: float
    loss_error: float
    as_printed: NDArray[np.float64]
    as_printed_error: NDArray[np.float64]


def sampled_gradient(
    w: ArrayLike,
    w_star: ArrayLike,
    v: ArrayLike,
    *,
    n_samples: int,
    rng: int | np.random.Generator | None = None,
) -> SampledGradient:
    r"""Average :math:`Z^\top (1[Z w > 0] \odot v) (v^\top \sigma(Z w) - v^\top \sigma(Z w^*))` over Gaussian Z.

    Parameters
    ----------
    w, w_star, v
        As for `teacher_loss`; Z is (m, n).
    n_samples : int
        Number of matrices Z, at least 2.
    rng : int, numpy.random.Generator, optional
        Source of the samples.

    Returns
    -------
    SampledGradient
        Means and standard errors.

    Raises
    ------
    ValueError
        As `teacher_loss` does, and for an impossible `n_samples` or `rng`.

    References
    ----------
    Long, thesis, section 4.1.3. The text's factor :math:`\ell(w; Z)` must be the residual: with the loss the mean is another.
    """
    w, w_star, v = _unit("w", w), _unit("w_star", w_star), check_array("v", v, 1)
    _same_length(w, w_star)
    n_samples, rng = check_count("n_samples", n_samples, least=2), check_rng(rng)
    sums = np.zeros((2, 2 * len(w) + 1))  # of values, and of their squares
    chunk = max(1, _CHUNK // (len(v) * len(w)))
    for start in range(0, n_samples, chunk):
        Z = rng.standard_normal((min(chunk, n_samples - start), len(v), len(w)))
        on, teacher = Z @ w > 0, Z @ w_star > 0
        residual = on @ v - teacher @ v
        direction = ((on * v)[:, None, :] @ Z)[:, 0]
        loss = residual**2 / 2
        values = np.column_stack((direction * residual[:, None], direction * loss[:, None], loss))
        sums += values.sum(axis=0), (values**2).sum(axis=0)
    mean = sums[0] / n_samples
    error = np.sqrt(np.maximum(sums[1] / n_samples - mean**2, 0) / (n_samples - 1))
    n = len(w)
    return SampledGradient(mean[:n], error[:n], float(mean[-1]), float(error[-1]), mean[n:-1], error[n:-1])


def _unit(name: str, value: ArrayLike) -> NDArray[np.float64]:
    vector = check_array(name, value, 1)
    largest = np.abs(vector).max()
    if largest == 0:
        raise ValueError(f"{name} must have a direction, got a vector of zeros")
    vector = vector / largest  # neither overflow nor underflow in the norm
    return vector / np.linalg.norm(vector)


def _same_length(w: NDArray[np.float64], w_star: NDArray[np.float64]) -> None:
    if len(w) != len(w_star):
        raise ValueError(f"w and w_star must have the same length, got {len(w)} and {len(w_star)}")
