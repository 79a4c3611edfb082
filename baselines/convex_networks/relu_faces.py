"""The faces of the cones in which projections lie, as rows of the Newton matrix of :mod:`ssnal`: its kernels in numba."""

from __future__ import annotations

import numpy as np
from numba import njit

from optathlon.baselines.convex_networks._rows import JIT, combine_rows, row_products


@njit(**JIT)
def free_directions(P, lengths, beta, which, active, states, N, weights, owner):
    """Orthonormal basis of the face in which each projection listed in ``active`` lies, its own direction first.

    The projection's derivative followed by that of the shrinkage is ``N' diag(1, t, ..., t) N`` with
    ``t = 1 - beta/|p|``. Writes the rows of N, the square roots of the diagonal and the position of the column that each row
    belongs to; returns the number of rows, ``n_features - min(n_active[c], n_features - 1)`` for each column c, whatever its
    numbers are.
    """
    n_features, m = P.shape[1], 0
    h, w = np.empty(n_features), np.empty(n_features)
    for j in active:
        k, Q = min(states.n_active[which[j]], n_features - 1), states.Q[which[j]]
        # Reflect the basis of the complement so that its first row takes the direction of p.
        row_products(Q, k, n_features, P[j], h)
        square = 0.0
        for i in range(k, n_features):
            h[i] /= lengths[j]
            square += h[i] * h[i]
        length = np.sqrt(square)
        factor = 1.0 / (length * (length + abs(h[k])))
        h[k] += length if h[k] > 0.0 else -length
        combine_rows(Q, k, n_features, h, w)
        t = np.sqrt(1.0 - beta / lengths[j])
        for r in range(k, n_features):
            for i in range(n_features):
                N[m, i] = Q[r, i] - factor * h[r] * w[i]
            weights[m], owner[m] = t if r > k else 1.0, j
            m += 1
    return m


@njit(**JIT)
def face_bases(which, states, N, owner):
    """Orthonormal basis of the face of each listed column, as it stands in its state, and the column that each row belongs to."""
    n_features, m = N.shape[1], 0
    for c in which:
        for r in range(min(states.n_active[c], n_features - 1), n_features):
            for i in range(n_features):
                N[m, i] = states.Q[c, r, i]
            owner[m] = c
            m += 1


@njit(**JIT)
def coordinates_in_faces(which, P, lengths, states, h):
    """Coordinates of ``p / |p|`` in the basis of the face of each listed column, the rows of P, one after the other."""
    n_features, m = P.shape[1], 0
    products = np.empty(n_features)
    for j in range(which.size):
        k = min(states.n_active[which[j]], n_features - 1)
        row_products(states.Q[which[j]], k, n_features, P[j], products)
        for r in range(k, n_features):
            h[m] = products[r] / lengths[j]
            m += 1


@njit(**JIT)
def lay_out(gram, places, n_free, h, t, weight, M):
    """The rows and columns of ``gram`` at the given places, plus ``weight C^{-1}`` in each block, into the upper triangle of M.

    ``places`` lists the blocks one after the other, with n_free rows each; in the basis of its face ``C = h h' + t (I - h h')``.
    """
    for a in range(places.size):
        row = gram[places[a]]
        for b in range(a, places.size):
            M[a, b] = row[places[b]]
    first = 0
    for j in range(n_free.size):
        for a in range(first, first + n_free[j]):
            M[a, a] += weight / t[j]
            for b in range(a, first + n_free[j]):
                M[a, b] += weight * (1.0 - 1.0 / t[j]) * h[a] * h[b]
        first += n_free[j]


@njit(**JIT)
def bound_directions(which, factors, states, N, owner):
    """Orthonormal basis of the active normals of each listed column, times its factor: the complement of its face.

    Writes the rows of N, and the position in ``which`` of the column that each belongs to.
    """
    m = 0
    for j in range(which.size):
        Q = states.Q[which[j]]
        for r in range(states.n_active[which[j]]):
            for i in range(N.shape[1]):
                N[m, i] = factors[j] * Q[r, i]
            owner[m] = j
            m += 1


@njit(**JIT)
def masked_rows(H, D, pattern):
    """Multiply row j of H by the pattern ``D[pattern[j]]``, in place."""
    for j in range(H.shape[0]):
        row, mask = H[j], D[pattern[j]]
        for i in range(row.size):
            row[i] *= mask[i]


@njit(**JIT)
def masked_sum(H, D, pattern):
    """Sum over j of the rows of H, each times its pattern ``D[pattern[j]]``."""
    total = np.zeros(H.shape[1])
    for j in range(H.shape[0]):
        row, mask = H[j], D[pattern[j]]
        for i in range(row.size):
            total[i] += row[i] * mask[i]
    return total
