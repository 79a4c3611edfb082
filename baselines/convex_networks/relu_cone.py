"""Projection on the cones of the two-layer ReLU program, warm-started: the kernels of :mod:`ssnal` in numba.

The cone of a pattern is ``K = {w: A w >= 0}`` with one unit normal ``a_i = (2 D_ii - 1) x_i / |x_i|`` per row of X. By Moreau

    Proj_K(x) = x + A' lam,   lam = argmin_{lam >= 0} |x + A' lam|,

and Lawson and Hanson's active-set method finds lam with d x d work only: the active normals are kept as ``A_I' = Q R``. A
column of the program keeps its active rows, lam, Q and R between calls. The old lam >= 0 is a feasible start for another x.

References
----------
C. L. Lawson, R. J. Hanson (1974), Solving least squares problems, chapter 23.
"""

from __future__ import annotations

from typing import Any, NamedTuple

import numpy as np
from numba import njit
from numpy.typing import NDArray

from optathlon.baselines.convex_networks import _checks

# Reassociation lets sums be vectorised; NaN and infinity stay as they are but for minima, which see none.
_JIT: dict[str, Any] = {
    "cache": True,
    "fastmath": {"reassoc", "contract", "nsz", "nnan"},
    "error_model": "numpy",
}
#: A row counts as violated below this multiple of |p|.
_VIOLATED = 2e-14
#: A normal whose part outside the active ones is shorter than this depends on them.
_DEPENDENT = 1e-13
#: A projection below this multiple of |x| is zero.
_ZERO = 1e-13
#: Rows that a scan hands on, so that the next rows need no scan.
_N_CANDIDATES = 16


class Cones(NamedTuple):
    """The cones of all patterns on one data set."""

    rows: NDArray[np.float64]
    """Rows of X at unit length, (n_samples, n_features); zero rows stay zero and bind nothing."""
    columns: NDArray[np.float64]
    """The same transposed."""
    sides: NDArray[np.float64]
    """``2 D - 1``, one pattern per row, (n_patterns, n_samples)."""


class ConeStates(NamedTuple):
    """What each column of the program keeps between projections; changed in place by the kernels.

    The first ``n_active[c]`` entries (rows, for Q; rows and columns, for R) belong to the active normals of column c.
    """

    n_active: NDArray[np.int64]
    """Number of active rows, (n_columns,)."""
    updates: NDArray[np.int64]
    """Changes of Q and R since they were last computed afresh, (n_columns,)."""
    active: NDArray[np.int32]
    """Active rows, (n_columns, n_features)."""
    lam: NDArray[np.float64]
    """Their multipliers, (n_columns, n_features)."""
    Q: NDArray[np.float64]
    """Orthonormal basis of the active normals as rows, (n_columns, n_features, n_features)."""
    R: NDArray[np.float64]
    """Upper triangular, (n_columns, n_features, n_features): the normals are the rows of ``R' Q``."""


def new_cones(X: NDArray[np.float64], D: NDArray[np.float64]) -> Cones:
    """The cones of the patterns D, (n_patterns, n_samples), on the data X."""
    norms = np.linalg.norm(X, axis=1, keepdims=True)
    rows = X / np.where(norms > 0, norms, 1.0)
    return Cones(rows, np.ascontiguousarray(rows.T), 2.0 * D - 1.0)


def new_states(n_columns: int, n_features: int) -> ConeStates:
    """States without active rows; memory is touched only where a column becomes active."""
    n_bytes = 16.0 * n_columns * n_features**2
    _checks.require_memory(n_bytes, f"the factors of {n_columns} cones in {n_features} dimensions")
    return ConeStates(
        np.zeros(n_columns, dtype=np.int64),
        np.zeros(n_columns, dtype=np.int64),
        np.empty((n_columns, n_features), dtype=np.int32),
        np.empty((n_columns, n_features)),
        np.empty((n_columns, n_features, n_features)),
        np.empty((n_columns, n_features, n_features)),
    )


@njit(**_JIT)
def _dot(a, b):
    total = 0.0
    for i in range(a.size):
        total += a[i] * b[i]
    return total


@njit(**_JIT)
def _add_multiple(target, factor, vector):
    for i in range(target.size):
        target[i] += factor * vector[i]


@njit(**_JIT)
def _scan(columns, sides, p, values):
    """Signed distances ``a_i'p`` of p from every hyperplane into ``values``; returns the smallest."""
    n_features, n_samples = columns.shape
    values[:] = 0.0
    k = 0
    while k + 4 <= n_features:
        p0, p1, p2, p3 = p[k], p[k + 1], p[k + 2], p[k + 3]
        c0, c1, c2, c3 = columns[k], columns[k + 1], columns[k + 2], columns[k + 3]
        for i in range(n_samples):
            values[i] += p0 * c0[i] + p1 * c1[i] + p2 * c2[i] + p3 * c3[i]
        k += 4
    while k < n_features:
        _add_multiple(values, p[k], columns[k])
        k += 1
    smallest = 0.0
    for i in range(n_samples):
        values[i] *= sides[i]
        smallest = min(smallest, values[i])
    return smallest


@njit(**_JIT)
def _collect(values, threshold, candidates):
    """The most violated row of each of equally many chunks; returns how many chunks have one."""
    n_samples, n_candidates = values.size, candidates.size
    chunk = (n_samples + n_candidates - 1) // n_candidates
    found = 0
    for start in range(0, n_samples, chunk):
        best, smallest = -1, threshold
        for i in range(start, min(start + chunk, n_samples)):
            if values[i] < smallest:
                best, smallest = i, values[i]
        if best >= 0:
            candidates[found] = best
            found += 1
    return found


@njit(**_JIT)
def _append(row, normal, k, active, Q, R, u):
    """Add a normal to the QR factorisation by Gram-Schmidt; False where it depends on the others."""
    u[:] = normal
    before = length = 1.0
    for i in range(k):
        R[i, k] = 0.0
    for _ in range(3):
        for i in range(k):
            r = _dot(Q[i], u)
            R[i, k] += r
            _add_multiple(u, -r, Q[i])
        length = np.sqrt(_dot(u, u))
        if length < _DEPENDENT:
            return False
        if length > 0.1 * before:
            break
        before = length
    R[k, k] = length
    for i in range(u.size):
        Q[k, i] = u[i] / length
    active[k] = row
    return True


@njit(**_JIT)
def _delete(j, k, active, lam, Q, R, q):
    """Remove the j-th of k normals: R becomes upper Hessenberg and is rotated back."""
    for i in range(j, k - 1):
        active[i] = active[i + 1]
        lam[i] = lam[i + 1]
    for i in range(k):
        for c in range(max(j, i - 1), k - 1):
            R[i, c] = R[i, c + 1]
    for i in range(j, k - 1):
        h = np.sqrt(R[i, i] ** 2 + R[i + 1, i] ** 2)
        cos, sin = R[i, i] / h, R[i + 1, i] / h
        upper, lower = R[i], R[i + 1]
        for c in range(i, k - 1):
            t = upper[c]
            upper[c] = cos * t + sin * lower[c]
            lower[c] = cos * lower[c] - sin * t
        upper, lower = Q[i], Q[i + 1]
        for c in range(upper.size):
            t = upper[c]
            upper[c] = cos * t + sin * lower[c]
            lower[c] = cos * lower[c] - sin * t
        t = q[i]
        q[i] = cos * t + sin * q[i + 1]
        q[i + 1] = cos * q[i + 1] - sin * t


@njit(**_JIT)
def _refactor(rows, sides, k, active, lam, Q, R, u):
    """Compute Q and R afresh; returns the number of independent normals."""
    kept = 0
    for j in range(k):
        row = active[j]
        for i in range(u.size):
            u[i] = sides[row] * rows[row, i]
        multiplier = lam[j]
        if _append(row, u.copy(), kept, active, Q, R, u):
            lam[kept] = multiplier
            kept += 1
    return kept


@njit(**_JIT)
def _solve_face(k, R, q, mu):
    """Unconstrained multipliers ``mu = -R^{-1} q`` of the active rows; returns the smallest."""
    smallest = np.inf
    for i in range(k - 1, -1, -1):
        total = -q[i]
        row = R[i]
        for c in range(i + 1, k):
            total -= row[c] * mu[c]
        mu[i] = total / row[i]
        smallest = min(smallest, mu[i])
    return smallest


@njit(**_JIT)
def _project(x, threshold, c, cones, states, p, work):
    """Project x on the cone of column c, or stop as soon as ``|Proj_K(x)| <= threshold`` is certain.

    Returns ``|p|`` of the point p reached, p = x + A' lam with lam >= 0, so that ``|Proj_K(x)| <= |p|`` in any case.
    """
    rows, columns, all_sides = cones
    sides = all_sides[c % all_sides.shape[0]]
    n_active, updates, actives, lams, Qs, Rs = states
    active, lam, Q, R = actives[c], lams[c], Qs[c], Rs[c]
    q, mu, u, normal, values, candidates = work
    n_features, k = x.size, n_active[c]
    if updates[c] > 10 * n_features:
        k = _refactor(rows, sides, k, active, lam, Q, R, u)
        updates[c] = 0
    size = np.sqrt(_dot(x, x))
    p[:] = x
    for j in range(k):
        q[j] = _dot(Q[j], x)
        _add_multiple(p, -q[j], Q[j])
    n_found, newest, length = 0, -1, 0.0
    for _ in range(20 * n_features + 100):
        refused = False
        while k > 0 and _solve_face(k, R, q, mu) < 0.0:
            # Step from lam towards mu as far as lam >= 0 allows, and drop the row that blocks.
            step, blocking = 1.0, -1
            for j in range(k):
                if mu[j] < 0.0 and lam[j] <= step * (lam[j] - mu[j]):
                    step, blocking = lam[j] / (lam[j] - mu[j]), j
            if blocking < 0:  # only numbers that are not finite, which the door keeps out, block nothing
                return np.inf
            # The row just added cannot block before anything has moved, but for rounding: then nothing is to be gained.
            refused = refused or (step == 0.0 and active[blocking] == newest)
            for j in range(k):
                lam[j] += step * (mu[j] - lam[j])
            _delete(blocking, k, active, lam, Q, R, q)
            k -= 1
            updates[c] += 1
            _add_multiple(p, q[k], Q[k])
        for j in range(k):
            lam[j] = mu[j]
        length = np.sqrt(_dot(p, p))
        if length <= threshold or refused:
            break
        if k == n_features or length <= _ZERO * size:
            length = 0.0
            p[:] = 0.0
            break
        for j in range(k):  # take out again what rounding left of the active normals
            _add_multiple(p, -_dot(Q[j], p), Q[j])
        # The most violated row: among those of the last scan while one is left, then among all.
        worst, smallest = -1, -_VIOLATED * length
        for j in range(n_found):
            row = candidates[j]
            value = sides[row] * _dot(rows[row], p)
            if value < smallest:
                worst, smallest = row, value
        if worst < 0:
            if _scan(columns, sides, p, values) >= smallest:
                break
            n_found = _collect(values, smallest, candidates)
            for j in range(n_found):
                if values[candidates[j]] < smallest:
                    worst, smallest = candidates[j], values[candidates[j]]
        for i in range(n_features):
            normal[i] = sides[worst] * rows[worst, i]
        if not _append(worst, normal, k, active, Q, R, u):
            break
        newest = worst
        updates[c] += 1
        lam[k] = 0.0
        q[k] = _dot(Q[k], p)
        _add_multiple(p, -q[k], Q[k])
        k += 1
    n_active[c] = k
    return length


@njit(**_JIT)
def _workspace(n_samples, n_features):
    return (
        np.empty(n_features),
        np.empty(n_features),
        np.empty(n_features),
        np.empty(n_features),
        np.empty(n_samples),
        np.empty(_N_CANDIDATES, dtype=np.int64),
    )


@njit(**_JIT)
def project_columns(Z, threshold, which, cones, states, P, lengths):
    """Project row j of Z on the cone of column ``which[j]``, into row j of P and ``lengths[j] = |P_j|``.

    A projection that is certain to be no longer than the threshold stops early; it is not in the cone, its length is a bound.
    """
    work = _workspace(*cones.rows.shape)
    for j in range(which.size):
        lengths[j] = _project(Z[j], threshold, which[j], cones, states, P[j], work)


@njit(**_JIT)
def price_columns(G, beta, working, order, cones, states, lengths):
    """Bound ``|Proj_{K_c}(F_c'v)|`` of every column from above, exactly for those that matter.

    G holds ``X' D_p v`` as rows; columns c and c + n_patterns are its two signs. ``lengths[c] = |x + A' lam|`` is computed from
    the multipliers themselves. A column outside the working set stops once it can be neither above beta nor among the
    n_working largest of its kind, a column of the working set once it cannot be the largest of all. Columns are taken in
    the given order: the sooner the large ones come, the sooner the others stop. Returns the least length of the
    n_working largest outside, or beta.
    """
    n_patterns, n_features = G.shape
    work = _workspace(*cones.rows.shape)
    x, p = np.empty(n_features), np.empty(n_features)
    top = np.full(max(np.sum(working), 1), beta)
    highest = beta
    for c in order:
        sign = 1.0 if c < n_patterns else -1.0
        sides = cones.sides[c % n_patterns]
        for i in range(n_features):
            x[i] = sign * G[c % n_patterns, i]
        threshold = highest if working[c] else top[0]
        bound = _project(x, threshold, c, cones, states, p, work)
        for j in range(states.n_active[c]):
            row = states.active[c, j]
            _add_multiple(x, states.lam[c, j] * sides[row], cones.rows[row])
        lengths[c] = np.sqrt(_dot(x, x))
        if working[c]:
            highest = max(highest, bound)
        elif bound > threshold:
            # Keep the largest in ascending order; the least of them is the threshold.
            j = 0
            while j + 1 < top.size and top[j + 1] < bound:
                top[j] = top[j + 1]
                j += 1
            top[j] = bound
    return top[0]


@njit(**_JIT)
def free_directions(P, lengths, beta, which, active, states, N, weights, owner):
    """Orthonormal basis of the face in which each projection listed in ``active`` lies, its own direction first.

    The projection's derivative followed by that of the shrinkage is ``N' diag(1, t, ..., t) N`` with
    ``t = 1 - beta/|p|``. Writes the rows of N, the square roots of the diagonal and the position of the column that each row
    belongs to; returns the number of rows, ``n_features - min(n_active[c], n_features - 1)`` for each column c, whatever its
    numbers are.
    """
    n_features = P.shape[1]
    rest, m = np.empty(n_features), 0
    for j in active:
        k, Q = states.n_active[which[j]], states.Q[which[j]]
        first = m
        for i in range(n_features):
            N[m, i] = P[j, i] / lengths[j]
        weights[m], owner[m] = 1.0, j
        m += 1
        if k + 1 >= n_features:
            continue
        # Complete the basis by the unit vectors that stick out most, in Gram-Schmidt order.
        for i in range(n_features):
            rest[i] = 1.0 - N[first, i] ** 2
            for r in range(k):
                rest[i] -= Q[r, i] ** 2
        for _ in range(n_features - k - 1):
            pivot = np.argmax(rest)
            u = N[m]
            u[:] = 0.0
            u[pivot] = 1.0
            for _ in range(2):
                for r in range(k):
                    _add_multiple(u, -_dot(Q[r], u), Q[r])
                for r in range(first, m):
                    _add_multiple(u, -_dot(N[r], u), N[r])
            length = np.sqrt(_dot(u, u))
            for i in range(n_features):
                u[i] /= length
                rest[i] -= u[i] ** 2
            weights[m], owner[m] = np.sqrt(1.0 - beta / lengths[j]), j
            m += 1
    return m


@njit(**_JIT)
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


@njit(**_JIT)
def masked_rows(H, D, pattern):
    """Multiply row j of H by the pattern ``D[pattern[j]]``, in place."""
    for j in range(H.shape[0]):
        row, mask = H[j], D[pattern[j]]
        for i in range(row.size):
            row[i] *= mask[i]


@njit(**_JIT)
def masked_sum(H, D, pattern):
    """Sum over j of the rows of H, each times its pattern ``D[pattern[j]]``."""
    total = np.zeros(H.shape[1])
    for j in range(H.shape[0]):
        row, mask = H[j], D[pattern[j]]
        for i in range(row.size):
            total[i] += row[i] * mask[i]
    return total
