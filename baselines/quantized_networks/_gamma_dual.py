"""The dual of the gamma_2 norm: the cheapest diagonal that dominates a symmetric matrix and its negative."""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray

from optathlon.baselines.quantized_networks._interior_point import _inverse, _length, _symmetric
from optathlon.baselines.quantized_networks._measurements import NotPositiveDefinite, cholesky

Array = NDArray[np.float64]

_MOST_STEPS = 60


def gamma_dual(S: Array, *, tol: float = 1e-10) -> Array:
    """Return argmin 1'mu with diag(mu) - S and diag(mu) + S positive semidefinite, strictly feasible.

    The dual is max <S, P - N> over psd P, N with diag(P + N) = 1. The same direction as `interior_point`, in d unknowns.
    """
    d = len(S)
    size = float(np.abs(np.linalg.eigvalsh(S)).max(initial=0.0))
    if size <= 0:
        return np.zeros(d)
    S = S / size
    P, N, mu = 0.5 * np.eye(d), 0.5 * np.eye(d), np.full(d, 1.1)
    best = mu
    for _ in range(_MOST_STEPS):
        A1, A2 = np.diag(mu) - S, np.diag(mu) + S
        try:
            L1, L2, K1, K2 = cholesky(A1), cholesky(A2), cholesky(P), cholesky(N)
            best = mu
            product = float(np.vdot(P, A1) + np.vdot(N, A2))
            if product <= tol * mu.sum():
                break
            G1, G2 = _inverse(L1), _inverse(L2)
            E = cholesky(P * G1 + N * G2)
        except NotPositiveDefinite:
            break
        tau = product / (2 * d)
        dP = dN = dA = np.zeros((d, d))
        primal = dual = 0.0
        for target in (0.0, 1.0):
            if target:
                ahead = np.vdot(P + primal * dP, A1 + dual * dA) + np.vdot(N + primal * dN, A2 + dual * dA)
                target = tau * min(max(float(ahead) / product, 0.0), 1.0) ** 3
            R1, R2 = target * G1 - _symmetric(dP @ dA @ G1), target * G2 - _symmetric(dN @ dA @ G2)
            right = np.diagonal(R1) + np.diagonal(R2) - 1
            dmu = np.linalg.solve(E.T, np.linalg.solve(E, right))
            dA = np.diag(dmu)
            dP, dN = R1 - P - _symmetric(P @ dA @ G1), R2 - N - _symmetric(N @ dA @ G2)
            primal, dual = min(_length(K1, dP), _length(K2, dN)), min(_length(L1, dA), _length(L2, dA))
            primal, dual = min(1.0, 0.95 * primal), min(1.0, 0.95 * dual)
        if max(primal, dual) < 1e-8:
            break
        P, N, mu = P + primal * dP, N + primal * dN, mu + dual * dmu
    return best * size
