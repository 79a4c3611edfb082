"""Local theory of gradient play: rates, step sizes and momentum as functions of the eigenvalues of the field's Jacobian.

Eigenvalues lambda are those of the Jacobian of the descent field v at a stationary point; play w - eta v is locally stable when
their real parts are positive and eta is small enough.
"""

from __future__ import annotations

from typing import NamedTuple

import numpy as np
from numpy.typing import ArrayLike, NDArray
from scipy.optimize import minimize_scalar

from optathlon.baselines.gans._checks import check_beta, check_positive

__all__ = [
    "BestStep",
    "RateBounds",
    "best_momentum",
    "best_step",
    "momentum_eigenvalues",
    "momentum_helps",
    "rate_bounds",
    "stable_step",
]

Spectrum = NDArray[np.complex128]


class RateBounds(NamedTuple):
    """Bounds of the best squared rate and of the step size that attains it.

    Attributes
    ----------
    lower, upper : float
        Of the squared spectral radius at the best step size.
    step_low, step_high : float
        Of the best step size.
    """

    lower: float
    upper: float
    step_low: float
    step_high: float


class BestStep(NamedTuple):
    """The best settings found and the spectral radius at them.

    Attributes
    ----------
    step, momentum, radius : float
        Step size eta, momentum beta, largest modulus of an eigenvalue of the iteration.
    """

    step: float
    momentum: float
    radius: float


def rate_bounds(eigenvalues: ArrayLike) -> RateBounds:
    r"""Return the bounds of simultaneous gradient play at its best step size.

    With the eigenvalues sorted so that :math:`\Re(1/\lambda_1)` is the smallest, and :math:`\psi_k` their arguments,

    .. math::
       \max_k \sin^2 \psi_k \le \rho^2 \le 1 - \Re(1/\lambda_1) \delta, \qquad
       \delta = \min_k |\lambda_k|^2 (2 \Re(1/\lambda_k) - \Re(1/\lambda_1)), \qquad
       \Re(1/\lambda_1) \le \eta^* \le 2 \Re(1/\lambda_1).

    Parameters
    ----------
    eigenvalues : array_like, shape (m,)
        With positive real parts.

    References
    ----------
    .. [1] Gidel et al.: Negative momentum for improved game dynamics, AISTATS 2019, Theorem 2.
    """
    spectrum = _check_spectrum(eigenvalues)
    inverse = (1 / spectrum).real
    first = inverse.min()
    delta = (np.abs(spectrum) ** 2 * (2 * inverse - first)).min()
    return RateBounds(float((np.sin(np.angle(spectrum)) ** 2).max()), float(1 - first * delta), float(first), float(2 * first))


def best_step(eigenvalues: ArrayLike) -> BestStep:
    """Return the step size at which simultaneous gradient play contracts fastest, and its spectral radius.

    Parameters
    ----------
    eigenvalues : array_like, shape (m,)
        With positive real parts.
    """
    spectrum = _check_spectrum(eigenvalues)
    # The largest |1 - eta lambda|^2 is convex in eta, and at 2 / |lambda| cos(psi) the eigenvalue is back on the unit circle.
    end = float((2 * (1 / spectrum).real).min())
    found = minimize_scalar(
        lambda share: float((np.abs(1 - share * end * spectrum) ** 2).max()),
        bounds=(0.0, 1.0),
        method="bounded",
        options={"xatol": 1e-12},
    )
    return BestStep(float(found.x) * end, 0.0, float(np.sqrt(found.fun)))


def stable_step(eigenvalues: ArrayLike) -> float:
    r"""Return the step size below which simultaneous gradient play converges locally.

    .. math:: \min_k \frac{1}{|\Re \lambda_k|} \frac{2}{1 + (\Im \lambda_k / \Re \lambda_k)^2}

    Parameters
    ----------
    eigenvalues : array_like, shape (m,)
        With positive real parts.

    References
    ----------
    .. [1] Mescheder, Nowozin, Geiger: The numerics of GANs, NeurIPS 2017, Lemma 4.
    """
    spectrum = _check_spectrum(eigenvalues)
    return float((2 / (np.abs(spectrum.real) * (1 + (spectrum.imag / spectrum.real) ** 2))).min())


def momentum_eigenvalues(step: float, momentum: float, eigenvalue: complex) -> tuple[complex, complex]:
    r"""Return the two eigenvalues that momentum makes of one eigenvalue of the field.

    .. math:: \mu_\pm = (1 - \eta\lambda + \beta) \frac{1 \pm \Delta^{1/2}}{2}, \qquad
       \Delta = 1 - \frac{4 \beta}{(1 - \eta\lambda + \beta)^2}

    Parameters
    ----------
    step, momentum : float
        Step size eta above 0 and momentum beta in (-1, 1).
    eigenvalue : complex
        Eigenvalue lambda.

    References
    ----------
    .. [1] Gidel et al.: Negative momentum for improved game dynamics, AISTATS 2019, Theorem 3.
    """
    check_positive("step", step)
    check_beta("momentum", momentum, negative=True)
    trace = 1 - step * eigenvalue + momentum
    root = np.sqrt(complex(trace**2 - 4 * momentum))  # trace times the root of Delta: defined also where trace is 0
    if (root * np.conj(trace)).real < 0:  # the root of Delta has a positive real part
        root = -root
    return complex((trace + root) / 2), complex((trace - root) / 2)


def momentum_helps(step: float, eigenvalue: complex) -> bool:
    r"""Return whether a small negative momentum brings the eigenvalue of gradient play closer to the origin.

    .. math:: \eta \in \left( \frac{|\lambda| - |\Im \lambda|}{|\lambda| \Re \lambda},
       \frac{|\lambda| + |\Im \lambda|}{|\lambda| \Re \lambda} \right)

    Parameters
    ----------
    step : float
        Step size eta, above 0.
    eigenvalue : complex
        Eigenvalue lambda with a positive real part.

    References
    ----------
    .. [1] Gidel et al.: Negative momentum for improved game dynamics, AISTATS 2019, Theorem 4.
    """
    check_positive("step", step)
    value = _check_spectrum([eigenvalue])[0]
    size, imaginary = abs(value), abs(value.imag)
    return bool((size - imaginary) / (size * value.real) < step < (size + imaginary) / (size * value.real))


def best_momentum(eigenvalue: complex) -> BestStep:
    r"""Return the step size and momentum of the fastest contraction at one eigenvalue of argument :math:`\psi`.

    .. math:: \rho = \tan(|\psi| / 2), \qquad \beta = -\rho^2, \qquad \eta = \frac{1 - \rho^2}{\Re \lambda}

    Parameters
    ----------
    eigenvalue : complex
        Eigenvalue lambda with a positive real part.

    Notes
    -----
    The two eigenvalues of the iteration satisfy :math:`\mu_+ \mu_- = \beta` and :math:`(1 - \mu_+)(1 - \mu_-) = \eta\lambda`. Of
    moduli a and b, with a real product, they give the right side an argument of tangent at most
    :math:`(a + b) / \sqrt{(1 - a^2)(1 - b^2)}`, which is largest at a = b, where it is that of twice the arc tangent of a.
    """
    value = _check_spectrum([eigenvalue])[0]
    radius = float(np.tan(abs(np.angle(value)) / 2))
    return BestStep(float((1 - radius**2) / value.real), -(radius**2), radius)


def _check_spectrum(eigenvalues: ArrayLike) -> Spectrum:
    spectrum = np.asarray(eigenvalues, dtype=np.complex128)
    if spectrum.ndim != 1 or spectrum.size == 0 or not np.isfinite(spectrum).all():
        raise ValueError(f"eigenvalues must be finite, shape (m,) with m >= 1, got shape {spectrum.shape}")
    if spectrum.real.min() <= 0:
        raise ValueError(f"eigenvalues must have positive real parts, got a smallest one of {spectrum.real.min():.3g}")
    return spectrum
