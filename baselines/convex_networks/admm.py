"""Alternating directions on the two-layer ReLU program: the simple first-order baseline.

In the notation of :mod:`relu_certificate` the program is split as

    min  1/2 |sum_c F_c u_c - y|^2 + beta sum_c |z_c| + [s_c >= 0]    s.t.  z_c = u_c,  s_c = A_c u_c.

Since ``A_c'A_c = X'X`` for every column, the quadratic step needs one n x n Cholesky factor whatever the number of columns:

    I + F B^{-1} F' = I + 2 (D D') o (X B^{-1} X'),   B = rho_z I + rho_s X'X.

References
----------
S. Boyd, N. Parikh, E. Chu, B. Peleato, J. Eckstein (2011), Distributed optimization and statistical learning via the
alternating direction method of multipliers, sections 3.1 (scaled form) and 3.4.3 (over-relaxation).
"""

from __future__ import annotations

from collections.abc import Callable

import numpy as np

from optathlon.baselines.convex_networks import _checks
from optathlon.baselines.convex_networks._result import relative_gap
from optathlon.baselines.convex_networks.relu_certificate import (
    ReluAnswer,
    ReluNetwork,
    ReluProblem,
    dual_value,
    network_objective,
    recover_network,
)
from optathlon.baselines.convex_networks.relu_feasible import feasible_answer, new_certifier

_RELAXATION = 1.6
# The penalties are a rule of thumb for X and y of unit mean square; one that is 40 times wrong costs a factor of 100 in the gap.
#: Iterations between two certificates.
_CHECK_EVERY = 50


def admm(
    problem: ReluProblem,
    tol: float,
    max_steps: int | None = None,
    callback: Callable[[int, ReluNetwork], None] | None = None,
) -> ReluAnswer:
    """Solve the two-layer ReLU program by ADMM until its certified relative gap is ``tol``.

    Parameters
    ----------
    problem
        The instance, X and y with entries of mean square 1; its patterns are distinct and not zero.
    tol
        Relative gap at which to stop, looked at every 50 iterations.
    max_steps
        Iterations at most; None means 5000.
    callback
        Called as ``callback(step, network)`` with the feasible network of each certificate.

    Returns
    -------
    ReluAnswer
        The best feasible point and the best dual point of all certificates.
    """
    from scipy.linalg import cho_factor, cho_solve

    X, y, beta, D = problem
    (n_samples, n_features), n_columns = X.shape, 2 * D.shape[1]
    _checks.require_memory(64.0 * n_samples * (n_columns + n_samples), f"admm on {n_columns} columns of {n_samples} samples")
    certifier = new_certifier(problem)
    sides, gates = np.hstack([2 * D - 1, 2 * D - 1]), np.hstack([D, -D])  # A_c = sides_c X, F_c = gates_c X
    rho_s, rho_z = beta, 0.05 * beta * n_samples
    gram = cho_factor(rho_z * np.eye(n_features) + rho_s * X.T @ X)
    outer = cho_factor(np.eye(n_samples) + 2.0 * (D @ D.T) * (X @ cho_solve(gram, X.T)))

    z, s = np.zeros((n_features, n_columns)), np.zeros((n_samples, n_columns))
    alpha, mu = np.zeros_like(z), np.zeros_like(s)
    best, objective, dual_point = ReluAnswer(z[:, :0], np.arange(0), z[0, :0], 0 * y, 0, "max_steps"), float(0.5 * y @ y), 0 * y
    step, status = 0, "max_steps"
    for step in range(1, (max_steps or 5000) + 1):
        # u = argmin 1/2 |F u - y|^2 + rho_z/2 |u - z + alpha|^2 + rho_s/2 |A u - s + mu|^2, by Woodbury; v = y - F u.
        linear = cho_solve(gram, rho_z * (z - alpha) + rho_s * X.T @ (sides * (s - mu)))
        v = cho_solve(outer, y - np.sum(gates * (X @ linear), axis=1))
        u = linear + cho_solve(gram, X.T @ (gates * v[:, None]))
        relaxed_u = _RELAXATION * u + (1 - _RELAXATION) * z
        relaxed_s = _RELAXATION * (sides * (X @ u)) + (1 - _RELAXATION) * s
        # The two proximal maps: shrink every block, clip every margin.
        z = relaxed_u + alpha
        z *= np.maximum(1.0 - beta / rho_z / np.maximum(np.linalg.norm(z, axis=0), np.finfo(float).tiny), 0.0)
        s = np.maximum(relaxed_s + mu, 0.0)
        alpha += relaxed_u - z
        mu += relaxed_s - s
        if step % _CHECK_EVERY:
            continue
        answer = feasible_answer(certifier, z, v, step, status)
        network = recover_network(answer.blocks, answer.sign)
        value = network_objective(X, y, beta, *network)
        if value < objective:
            best, objective = answer, value
        dual_point = max(dual_point, answer.dual_point, key=lambda point: dual_value(y, point))
        if callback is not None:
            callback(step, recover_network(best.blocks, best.sign))
        if relative_gap(objective, dual_value(y, dual_point)) <= tol:
            status = "converged"
            break
    return best._replace(dual_point=dual_point, n_steps=step, status=status)
