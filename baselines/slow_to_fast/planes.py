"""Points in planes, and the two ways to start the neurons."""

from __future__ import annotations

import math

import numpy as np
from numpy.typing import ArrayLike, NDArray

from optathlon.baselines.slow_to_fast._checks import (
    check_angle,
    check_array,
    check_count,
    check_non_negative,
    check_rng,
)

RADII = tuple(20 / j for j in range(20, 9, -1))
"""The eleven radii of the thesis, from 1 to 2."""


def plane_grid(radii: ArrayLike = RADII, *, n_angles: int = 80) -> NDArray[np.float64]:
    r"""Return the points :math:`r (\cos \varphi, \sin \varphi)` with :math:`\varphi = 2 \pi j / n`, j = 1 ... n.

    Parameters
    ----------
    radii : array_like, shape (n_radii,)
        Radii, above 0.
    n_angles : int
        Number n of angles, at least 3.

    Returns
    -------
    ndarray, shape (n_radii * n_angles, 2)
        Points; those of one angle stand together.

    Raises
    ------
    ValueError
        When a radius or the number of angles is out of range.

    References
    ----------
    Long, thesis, section 2.5.1.
    """
    r, u = check_radii(radii), directions(check_count("n_angles", n_angles, least=3))
    return (u[:, None, :] * r[None, :, None]).reshape(-1, 2)


def two_planes(
    angle: float = 90.0,
    *,
    radii: ArrayLike = RADII,
    n_angles: int = 80,
    noise: float = 0.0,
    rng: int | np.random.Generator | None = None,
) -> tuple[NDArray[np.float64], NDArray[np.float64]]:
    r"""Return points in two planes of :math:`R^4` with an angle between them, and their labels.

    .. math:: V_1 = span(e_1, \sin\theta\, e_2 + \cos\theta\, e_3), \quad V_2 = span(e_3, e_4)

    Parameters
    ----------
    angle : float
        theta in degrees, above 0 and at most 90.
    radii, n_angles
        As for `plane_grid`.
    noise : float
        Standard deviation of Gaussian noise on every coordinate.
    rng : int, numpy.random.Generator, optional
        Source of the noise.

    Returns
    -------
    X : ndarray, shape (n, 4)
        Points of the first plane, then of the second.
    y : ndarray, shape (n,)
        +1 and -1.

    Raises
    ------
    ValueError
        When an argument is out of range.

    References
    ----------
    Long, thesis, section 2.5.1, Fig. 2.3.
    """
    theta = math.radians(check_angle("angle", angle))
    noise, rng = check_non_negative("noise", noise), check_rng(rng)
    grid = plane_grid(radii, n_angles=n_angles)
    # The cosine of 90 degrees is 6e-17 in radians: orthogonal planes are to be orthogonal.
    cosine = 0.0 if angle == 90 else math.cos(theta)
    first = grid @ np.array([[1.0, 0, 0, 0], [0, math.sin(theta), cosine, 0]])
    second = grid @ np.array([[0.0, 0, 1, 0], [0, 0, 0, 1]])
    X = np.concatenate([first, second])
    if noise:
        X += noise * rng.standard_normal(X.shape)
    return X, np.repeat([1.0, -1.0], len(grid))


def random_start(
    n_neurons: int, n_runs: int = 1, *, dimension: int = 2, rng: int | np.random.Generator | None = None
) -> NDArray[np.float64]:
    """Return standard normal weights, shape (n_runs, n_neurons, dimension).

    Raises
    ------
    ValueError
        When a number is below 1.

    References
    ----------
    Long, thesis, section 2.5.1 (random initialization).
    """
    shape = (
        check_count("n_runs", n_runs),
        check_count("n_neurons", n_neurons),
        check_count("dimension", dimension),
    )
    return check_rng(rng).standard_normal(shape)


def half_space_start(
    n_neurons: int, n_runs: int = 1, *, dimension: int = 2, rng: int | np.random.Generator | None = None
) -> NDArray[np.float64]:
    """Return normal weights whose first coordinate is made positive, so that the geometric condition fails.

    Parameters, result and errors are those of `random_start`; of one seed, both draw the same numbers.

    References
    ----------
    Long, thesis, section 2.5.1 (half space initialization).
    """
    weights = random_start(n_neurons, n_runs, dimension=dimension, rng=rng)
    weights[..., 0] = np.abs(weights[..., 0])
    return weights


def figure_start() -> NDArray[np.float64]:
    """Return the six neurons that Fig. 2.5 starts from, shape (1, 6, 2): three directions, each positive and negative.

    References
    ----------
    Long, thesis, section 2.5.1 (last simulation).
    """
    angles = (2 - np.arange(1, 4)) * math.pi / 6
    three = 0.75 * np.column_stack((np.cos(angles), np.sin(angles)))
    return np.concatenate([three, three])[None]


def directions(n_angles: int) -> NDArray[np.float64]:
    """Return the unit vectors of the angles, shape (n_angles, 2)."""
    angles = 2 * math.pi * np.arange(1, n_angles + 1) / n_angles
    return np.column_stack((np.cos(angles), np.sin(angles)))


def check_radii(radii: ArrayLike) -> NDArray[np.float64]:
    """Return radii above 0 in ascending order."""
    r = np.sort(check_array("radii", radii, 1))
    if r[0] <= 0:
        raise ValueError(f"radii must be above 0, got {r[0]:g}")
    return r
