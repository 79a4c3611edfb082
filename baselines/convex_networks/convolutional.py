"""A convolutional two-layer ReLU network with sum pooling as a convex program."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from numpy.typing import ArrayLike, NDArray

from optathlon.baselines.convex_networks import _checks
from optathlon.baselines.convex_networks._cone_program import group_cone_program
from optathlon.baselines.convex_networks._result import Certified, within
from optathlon.baselines.convex_networks.arrangements import enumerate_patterns

Array = NDArray[np.float64]


@dataclass(frozen=True)
class ConvolutionalNetwork(Certified):
    """Filters with a ReLU, summed over the patches.

    Attributes
    ----------
    W1 : ndarray, (patch_size, n_filters)
        Filters.
    w2 : ndarray, (n_filters,)
        Output weights.
    objective : float
        ``1/2 ||f - y||^2 + beta/2 (||W1||^2 + ||w2||^2)``.
    dual_bound : float
        Lower bound of the optimum over the patterns; over all networks where the patterns are all there are.
    converged : bool
        Whether `gap` is within the tolerance.
    """

    W1: Array
    w2: Array
    objective: float
    dual_bound: float
    converged: bool

    def predict(self, patches: ArrayLike) -> Array:
        """Return the outputs, (n_samples,), on patches (n_samples, n_patches, patch_size)."""
        pre = _checks.finite_array(patches, "patches", 3) @ self.W1
        return np.maximum(pre, 0).sum(axis=1) @ self.w2


def convolutional_program(
    patches: ArrayLike, y: ArrayLike, beta: float, *, patterns: ArrayLike | None = None, tol: float = 1e-6
) -> ConvolutionalNetwork:
    """Train ``f(x) = sum_j w2_j sum_k (x_k'w_j)_+`` over patches x_k to its global optimum.

    ``min 1/2 ||sum_i sum_k D_i^k X_k (u_i - v_i) - y||^2 + beta sum_i (||u_i|| + ||v_i||)`` subject to
    ``(2 D_i^k - I) X_k u_i >= 0`` for every patch k, and v_i alike. The patterns are those of all patches stacked
    as rows: polynomially many for a fixed patch size.

    Parameters
    ----------
    patches
        (n_samples, n_patches, patch_size).
    y
        Labels, (n_samples,).
    beta
        Weight decay, positive.
    patterns
        Patterns of the stacked patches, (n_samples * n_patches, P), 0/1; all of them where None.
    tol
        Certified relative gap that counts as converged; the interior-point method goes as far as it gets in any case.

    Returns
    -------
    ConvolutionalNetwork
        Filters, objective and bound.

    Raises
    ------
    ValueError
        An argument is not finite, misshapen or not positive, or there are too many patterns.

    References
    ----------
    T. Ergen and M. Pilanci (2021), Implicit convex regularizers of CNN architectures, section 3.1; M. Pilanci, Convex
    optimization for neural networks (slides), "Convolutional hyperplane arrangements".
    """
    from scipy import sparse

    patches = _checks.sized_array(patches, "patches", 3)
    n, n_patches, size = patches.shape
    y = _checks.labels(y, n)
    beta, tol = _checks.positive(beta, "beta"), _checks.positive(tol, "tol")
    stacked = patches.reshape(n * n_patches, size)
    if patterns is None:
        masks = enumerate_patterns(stacked, max_patterns=2000)
    else:
        masks = _checks.zero_one(patterns, "patterns", len(stacked), "patch")
    masks = masks[:, masks.any(axis=0)].astype(float)
    # Two signs; about 200 bytes per entry of a cone in the interior-point factor.
    _checks.require_memory(400.0 * masks.shape[1] * stacked.size, f"the program over {masks.shape[1]} patterns")
    features = [(mask[:, None] * stacked).reshape(n, n_patches, size).sum(axis=1) for mask in masks.T]
    cones = [(2 * mask - 1)[:, None] * stacked for mask in masks.T]
    F = np.hstack(features + [-f for f in features])
    solution = group_cone_program(F, y, beta, size, sparse.csr_array(sparse.block_diag(cones + cones)))

    lengths = np.linalg.norm(solution.w, axis=1)
    kept = lengths > 1e-7 * lengths.max(initial=0.0)
    root = np.sqrt(lengths[kept])
    W1 = (solution.w[kept] / np.maximum(root, 1e-300)[:, None]).T
    w2 = np.where(np.arange(len(lengths)) < len(features), 1.0, -1.0)[kept] * root
    residual = np.maximum(patches @ W1, 0).sum(axis=1) @ w2 - y
    objective = 0.5 * float(residual @ residual) + 0.5 * beta * float((W1**2).sum() + (w2**2).sum())
    return ConvolutionalNetwork(W1, w2, objective, solution.dual_bound, within(objective, solution.dual_bound, tol))
