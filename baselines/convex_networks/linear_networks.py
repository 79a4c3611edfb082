"""Linear networks by convex duality: what weight decay makes of a two-layer or deep linear network, in closed form.

Weight decay on a product of L layers costs ``(beta L / 2) sum_i s_i^(2/L)`` in the singular values s_i of the
product, for at the optimum all layers share them: ``s_i^(1/L)`` each.
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from numpy.typing import ArrayLike, NDArray

from optathlon.baselines.convex_networks import _checks
from optathlon.baselines.convex_networks._result import Certified, within

Array = NDArray[np.float64]


_CLOSED = 1e-9  # relative gap to which rounding lets a closed form be evaluated
_CHECK_EVERY = 20


@dataclass(frozen=True)
class LinearNetwork(Certified):
    """A linear network, at its global optimum where `converged`.

    Attributes
    ----------
    weights : tuple of ndarray
        The layers W_1, ..., W_L, (n_features, width), (width, width), ..., (width, n_outputs); width is the rank,
        at least 1.
    objective : float
        ``1/2 ||X W_1 ... W_L - Y||^2 + beta/2 sum_l ||W_l||^2``.
    dual_bound : float
        Lower bound of the optimum: the value of the dual for two layers; for deeper networks the least value of the function
        of the singular values to which von Neumann's trace inequality reduces the problem.
    converged : bool
        Whether `gap` is within the tolerance.
    rank : int
        Rank of the product of the layers.
    multiplier : ndarray, (n_samples, n_outputs) or (n_samples,)
        The residual ``Y - X W_1 ... W_L``; for two layers the optimal dual variable.
    """

    weights: tuple[Array, ...]
    objective: float
    dual_bound: float
    converged: bool
    rank: int
    multiplier: Array

    @property
    def frobenius_norms(self) -> tuple[float, ...]:
        """The Frobenius norm of every layer."""
        return tuple(float(np.linalg.norm(W)) for W in self.weights)

    def predict(self, X: ArrayLike) -> Array:
        """Return the outputs on X, (n_samples, n_features): (n_samples,) for one output, else (n_samples, n_outputs)."""
        out = _checks.finite_array(X, "X", 2)
        for W in self.weights:
            out = out @ W
        return out[:, 0] if self.multiplier.ndim == 1 else out


def two_layer_linear(X: ArrayLike, Y: ArrayLike, beta: float, *, tol: float = 1e-9, n_steps: int = 20_000) -> LinearNetwork:
    """Train ``X W_1 W_2`` with weight decay to its global optimum.

    ``min_W 1/2 ||X W - Y||^2 + beta ||W||_*``; its dual is the projection of Y on
    ``{Lambda: sigma_max(X' Lambda) <= beta}``. For one output that is one root of a secular equation; for several,
    singular-value thresholding where ``X'X = I`` and alternating ridge regressions of the two layers otherwise.

    Parameters
    ----------
    X, Y
        Data (n_samples, n_features); labels (n_samples,) or (n_samples, n_outputs).
    beta
        Weight decay, positive.
    tol
        Certified relative gap at which the alternation stops.
    n_steps
        Its steps at most; what was reached is certified in any case.

    Returns
    -------
    LinearNetwork
        Layers, objective, dual bound, rank.

    Raises
    ------
    ValueError
        An argument is not finite, misshapen or not positive.

    References
    ----------
    T. Ergen and M. Pilanci (2020), Revealing the structure of deep neural networks via convex duality, Theorems 2.2 and
    2.4. The loss has the factor 1/2 and the penalty is the norm, as in the dual given there.
    """
    X, Y, scalar = _data(X, Y)
    beta = _checks.positive(beta, "beta")
    _checks.positive(tol, "tol")
    _checks.positive_integer(n_steps, "n_steps")
    if scalar:
        W = _scalar_output(X, Y[:, 0], beta, depth=2)[:, None]
    elif np.linalg.norm(X.T @ Y, 2) <= beta:
        W = np.zeros((X.shape[1], Y.shape[1]))
    elif _whitened(X):
        U, s, Vt = np.linalg.svd(X.T @ Y, full_matrices=False)
        W = (U * np.maximum(s - beta, 0)) @ Vt
    else:
        W = _nuclear_norm_regression(X, Y, beta, tol, n_steps)
    residual = Y - X @ W
    bound = _dual_value(X, Y, residual, beta)
    return _factored(X, Y, W, beta, 2, scalar, bound, tol)


def deep_linear(X: ArrayLike, Y: ArrayLike, beta: float, depth: int) -> LinearNetwork:
    """Train ``X W_1 ... W_L`` with weight decay to its global optimum, in closed form.

    With ``X'X = I`` every singular value sigma of ``X'Y`` gives
    ``min_{s >= 0} 1/2 (s - sigma)^2 + (beta L / 2) s^(2/L)``. With one output any X will do:
    ``min_w 1/2 ||X w - y||^2 + (beta L / 2) ||w||^(2/L)``, whose stationary points are ridge solutions.

    Parameters
    ----------
    X, Y
        Data (n_samples, n_features), orthonormal columns unless there is one output; labels (n_samples,) or
        (n_samples, n_outputs).
    beta
        Weight decay, positive.
    depth
        Number of layers L, at least 2.

    Returns
    -------
    LinearNetwork
        Layers of equal Frobenius norm, objective, rank.

    Raises
    ------
    ValueError
        An argument is not finite, misshapen or not positive; several outputs with ``X'X`` other than the identity.

    References
    ----------
    T. Ergen and M. Pilanci (2020), Revealing the structure of deep neural networks via convex duality, Theorems 2
    and 3.
    """
    X, Y, scalar = _data(X, Y)
    beta = _checks.positive(beta, "beta")
    if _checks.positive_integer(depth, "depth") < 2:
        raise ValueError(f"depth must be at least 2, got {depth}")
    if scalar:
        W = _scalar_output(X, Y[:, 0], beta, depth)[:, None]
        size = float(np.linalg.norm(W))
        residual = Y - X @ W
        bound = 0.5 * float((residual**2).sum()) + 0.5 * beta * depth * size ** (2 / depth)
    elif _whitened(X):
        U, sigma, Vt = np.linalg.svd(X.T @ Y, full_matrices=False)
        s = np.array([_shrink(value, beta, depth) for value in sigma])
        W = (U * s) @ Vt
        outside = float((Y**2).sum() - (sigma**2).sum())
        bound = 0.5 * (outside + float(((s - sigma) ** 2).sum()) + beta * depth * float((s ** (2 / depth)).sum()))
    else:
        raise ValueError(
            "X must have orthonormal columns (X'X = I) for a deep network with several outputs, "
            f"got |X'X - I| = {np.abs(X.T @ X - np.eye(X.shape[1])).max():.3g}"
        )
    return _factored(X, Y, W, beta, depth, scalar, bound, _CLOSED)


def _shrink(sigma: float, beta: float, depth: int) -> float:
    """Return the minimiser over ``s >= 0`` of ``1/2 (s - sigma)^2 + (beta L / 2) s^(2/L)``."""
    from scipy.optimize import root_scalar

    power = 2 / depth - 1  # stationary where s + beta s^power = sigma, convex in s: the larger root is the local minimum
    turn = (-beta * power) ** (1 / (1 - power)) if depth > 2 else 0.0

    def slope(s: float) -> float:
        return s - sigma + beta * s**power

    if sigma <= turn or slope(turn) >= 0:
        return 0.0
    s = float(root_scalar(slope, bracket=(turn, sigma), xtol=1e-15 * sigma).root)
    return s if (s - sigma) ** 2 + beta * depth * s ** (2 / depth) < sigma**2 else 0.0


def _scalar_output(X: Array, y: Array, beta: float, depth: int) -> Array:
    """Minimise ``1/2 ||X w - y||^2 + (beta L / 2) ||w||^(2/L)`` over its stationary points.

    They are ridge solutions ``w(mu) = (X'X + mu I)^{-1} X'y`` with ``mu = beta ||w||^(2/L - 2)``.
    """
    from scipy.optimize import root_scalar

    U, s, Vt = np.linalg.svd(X, full_matrices=False)
    b = U.T @ y
    gradient = float(np.linalg.norm(s * b))
    if gradient == 0 or (depth == 2 and gradient <= beta):
        return np.zeros(X.shape[1])
    power = depth / (2 * depth - 2)

    def mismatch(log_mu: Array | float) -> Array:
        mu = np.exp(np.atleast_1d(log_mu))
        norms = np.linalg.norm(s * b / (s**2 + mu[:, None]), axis=1)
        return np.log(norms) + power * (np.log(mu) - np.log(beta))

    # For L = 2 the mismatch rises throughout, to log(|X'y|/beta) > 0; deeper networks have several stationary points.
    positive = s > 1e-12 * s[0]
    shortest = float(np.linalg.norm(b[positive] / s[positive]))
    low = min(np.log(beta) - np.log(shortest) / power, 2 * np.log(s[positive][-1])) - 5
    high = max(2 * np.log(s[0]), np.log(beta) + np.log(s[0] ** 2 / gradient + 1.0) * 2, low) + 60
    grid = np.linspace(low, high, 4000)
    sign = np.sign(mismatch(grid))
    candidates = [np.zeros(len(s))]
    for k in np.flatnonzero(sign[:-1] * sign[1:] <= 0):
        found = root_scalar(lambda t: float(mismatch(t)[0]), bracket=(grid[k], grid[k + 1]), xtol=1e-14)
        candidates.append(s * b / (s**2 + np.exp(float(found.root))))

    def objective(c: Array) -> float:
        return 0.5 * float(((s * c - b) ** 2).sum()) + beta * depth / 2 * float(np.linalg.norm(c)) ** (2 / depth)

    return Vt.T @ min(candidates, key=objective)


def _nuclear_norm_regression(X: Array, Y: Array, beta: float, tol: float, n_steps: int) -> Array:
    """Minimise ``1/2 ||X W - Y||^2 + beta ||W||_*`` over the two layers of ``W = V U A'`` in turns, V the singular vectors of X.

    Each turn is solved exactly, so that the conditioning of X does not matter; wide enough layers have no local minima.
    """
    left, s, Vt = np.linalg.svd(X, full_matrices=False)
    squares = s[:, None] ** 2
    moments = s[:, None] * (left.T @ Y)
    root, sizes, At = np.linalg.svd(moments / (squares + beta), full_matrices=False)
    U, A = root * np.sqrt(sizes), At.T * np.sqrt(sizes)
    for step in range(1, n_steps + 1):
        weights, axes = np.linalg.eigh(A.T @ A)
        U = (moments @ (A @ axes) / (squares * weights + beta)) @ axes.T
        A = np.linalg.solve(U.T @ (squares * U) + beta * np.eye(U.shape[1]), U.T @ moments).T
        if step % _CHECK_EVERY == 0:
            residual = Y - X @ (Vt.T @ (U @ A.T))
            triangles = [np.linalg.qr(layer)[1] for layer in (U, A)]
            norm = float(np.linalg.svd(triangles[0] @ triangles[1].T, compute_uv=False).sum())
            objective = 0.5 * float((residual**2).sum()) + beta * norm
            if within(objective, _dual_value(X, Y, residual, beta), 0.5 * tol):
                break
    return np.asarray(Vt.T @ (U @ A.T), dtype=np.float64)


def _dual_value(X: Array, Y: Array, residual: Array, beta: float) -> float:
    """Return ``<Y, L> - 1/2 ||L||^2`` for L, the residual scaled into ``sigma_max(X' L) <= beta``."""
    squared = float((residual**2).sum())
    if squared == 0:
        return 0.0
    fit = float((Y * residual).sum())
    reach = float(np.linalg.norm(X.T @ residual, 2))
    scale = min(beta / max(reach, 1e-300), max(fit, 0.0) / squared)
    return max(0.0, scale * fit - 0.5 * scale**2 * squared)


def _factored(X: Array, Y: Array, W: Array, beta: float, depth: int, scalar: bool, bound: float, tol: float) -> LinearNetwork:
    """Split W into layers that share its singular values, ``s^(1/L)`` each."""
    U, s, Vt = np.linalg.svd(W, full_matrices=False)
    rank = int((s > 1e-9 * max(s[0], 1e-300)).sum()) if s[0] > 0 else 0
    width = max(rank, 1)
    root = np.where(np.arange(width) < rank, s[:width], 0.0) ** (1 / depth)
    inner = [np.diag(root) for _ in range(depth - 2)]
    weights = (U[:, :width] * root, *inner, root[:, None] * Vt[:width])
    product = (U[:, :width] * root**depth) @ Vt[:width]
    residual = Y - X @ product
    objective = 0.5 * float((residual**2).sum()) + 0.5 * beta * depth * float((root**2).sum())
    return LinearNetwork(
        weights=weights,
        objective=objective,
        dual_bound=bound,
        converged=within(objective, bound, tol),
        rank=rank,
        multiplier=residual[:, 0] if scalar else residual,
    )


def _whitened(X: Array) -> bool:
    return bool(np.abs(X.T @ X - np.eye(X.shape[1])).max() < 1e-9)


def _data(X: ArrayLike, Y: ArrayLike) -> tuple[Array, Array, bool]:
    X = _checks.samples(X)
    scalar = np.ndim(Y) == 1
    Y = _checks.finite_array(Y, "Y", 1 if scalar else 2)
    if len(Y) != len(X):
        raise ValueError(f"Y must have one row per row of X ({len(X)}), got {len(Y)}")
    return X, Y.reshape(len(X), -1), scalar
