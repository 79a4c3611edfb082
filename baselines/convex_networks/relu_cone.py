"""Projection on the cones of the two-layer ReLU program, warm-started: the kernels of :mod:`ssnal` in numba.

The cone of a pattern is ``K = {w: A w >= 0}`` with one unit normal ``a_i = (2 D_ii - 1) x_i / |x_i|`` per row of X. By Moreau

    Proj_K(x) = x + A' lam,   lam = argmin_{lam >= 0} |x + A' lam|,

and Lawson and Hanson's active-set method finds lam with d x d work only: the active normals are kept as ``A_I' = Q R``, with Q
completed to an orthogonal matrix, for p is the part of x in the complement of the active normals. A column of the program keeps
its active rows, lam, Q and R between calls. The old lam >= 0 is a feasible start for another x. Which rows are violated is
looked up for many columns at once, in single precision; what that leaves in doubt is settled in double precision.

References
----------
C. L. Lawson, R. J. Hanson (1974), Solving least squares problems, chapter 23.
"""

from __future__ import annotations

from typing import NamedTuple

import numpy as np
from numba import njit
from numpy.typing import NDArray

from optathlon.baselines.convex_networks import _checks
from optathlon.baselines.convex_networks._rows import JIT, add_multiple, combine_rows, dot, row_products

#: A row counts as violated below this multiple of |p|.
_VIOLATED = 2e-14
#: A normal whose part outside the active ones is shorter than this depends on them.
_DEPENDENT = 1e-13
#: A projection below this multiple of |x| is zero.
_ZERO = 1e-13
#: Rows that a scan hands on, so that the next rows need no scan.
_N_CANDIDATES = 16
#: Columns whose projections are compared with the rows by one matrix product.
_AT_ONCE = 32
#: Unit of rounding in single precision, of which a product of unit vectors is off by at most about one per term.
_ROUNDING = 2.0**-24


class Cones(NamedTuple):
    """The cones of all patterns on one data set."""

    rows: NDArray[np.float64]
    """Rows of X at unit length, (n_samples, n_features); zero rows stay zero and bind nothing."""
    columns: NDArray[np.float64]
    """The same transposed."""
    coarse: NDArray[np.float32]
    """The same in single precision."""
    sides: NDArray[np.float32]
    """``2 D - 1``, one pattern per row, (n_patterns, n_samples)."""


class ConeStates(NamedTuple):
    """What each column of the program keeps between projections; changed in place by the kernels.

    The first ``n_active[c]`` entries (rows and columns, for R) belong to the active normals of column c.
    """

    n_active: NDArray[np.int64]
    """Number of active rows, (n_columns,)."""
    updates: NDArray[np.int64]
    """Changes of Q and R since they were last computed afresh, (n_columns,); negative where they never were."""
    version: NDArray[np.int64]
    """Changes of Q in all, (n_columns,): as long as it stays the same, so does Q."""
    active: NDArray[np.int32]
    """Active rows, (n_columns, n_features)."""
    lam: NDArray[np.float64]
    """Their multipliers, (n_columns, n_features)."""
    Q: NDArray[np.float64]
    """Orthonormal basis as rows, (n_columns, n_features, n_features): of the active normals, then of their complement."""
    R: NDArray[np.float64]
    """Upper triangular, (n_columns, n_features, n_features): the normals are the rows of ``R' Q``."""


def new_cones(X: NDArray[np.float64], D: NDArray[np.float64]) -> Cones:
    """The cones of the patterns D, (n_patterns, n_samples), on the data X."""
    norms = np.linalg.norm(X, axis=1, keepdims=True)
    rows = X / np.where(norms > 0, norms, 1.0)
    columns = np.ascontiguousarray(rows.T)
    return Cones(rows, columns, columns.astype(np.float32), (2.0 * D - 1.0).astype(np.float32))


def new_states(n_columns: int, n_features: int) -> ConeStates:
    """States without active rows; memory is touched only where a column becomes active."""
    n_bytes = 16.0 * n_columns * n_features**2
    _checks.require_memory(n_bytes, f"the factors of {n_columns} cones in {n_features} dimensions")
    return ConeStates(
        np.zeros(n_columns, dtype=np.int64),
        np.full(n_columns, -1, dtype=np.int64),
        np.zeros(n_columns, dtype=np.int64),
        np.empty((n_columns, n_features), dtype=np.int32),
        np.empty((n_columns, n_features)),
        np.empty((n_columns, n_features, n_features)),
        np.empty((n_columns, n_features, n_features)),
    )


@njit(**JIT)
def _any_below(coarse, sides, start, stop, threshold):
    """Whether any of the given values is below the threshold: by vector operations, as a search for the least is not."""
    found = False
    for i in range(start, stop):
        found |= coarse[i] * sides[i] < threshold
    return found


@njit(**JIT)
def _violated(coarse, sides, rows, p, length, active, candidates):
    """Rows of which p is on the wrong side into ``candidates``; returns how many, 0 where p is in the cone.

    ``coarse`` holds ``a_i'p / |p|`` of every row, without its side, in single precision, and is overwritten at the active rows,
    on whose hyperplanes p lies. The worst row of each of equally many chunks is taken where rounding leaves no doubt; only
    where there is none are those looked at that are nearly active.
    """
    n_samples, n_candidates = coarse.size, candidates.size
    doubt = np.float32(_ROUNDING * (p.size + 8))
    for i in active:
        coarse[i] = sides[i]
    if not _any_below(coarse, sides, 0, n_samples, doubt):
        return 0
    chunk = (n_samples + 32 * n_candidates - 1) // (32 * n_candidates) * 32  # whole vectors
    found = 0
    for start in range(0, n_samples, chunk):
        stop, smallest = min(start + chunk, n_samples), -doubt
        if _any_below(coarse, sides, start, stop, smallest):
            for i in range(start, stop):
                value = coarse[i] * sides[i]
                if value < smallest:
                    candidates[found], smallest = i, value
            found += 1
    if found > 0:
        return found
    for start in range(0, n_samples, chunk):
        stop, least = min(start + chunk, n_samples), -_VIOLATED * length
        if _any_below(coarse, sides, start, stop, doubt):
            worst = -1
            for i in range(start, stop):
                if coarse[i] * sides[i] < doubt:
                    value = sides[i] * dot(rows[i], p)
                    if value < least:
                        worst, least = i, value
            if worst >= 0:
                candidates[found] = worst
                found += 1
    return found


@njit(**JIT)
def _append(row, normal, k, active, Q, R, h, w):
    """Add a normal to the QR factorisation by a Householder reflection; False where it depends on the others."""
    n_features = normal.size
    row_products(Q, 0, n_features, normal, h)
    length = 0.0
    for i in range(k, n_features):
        length += h[i] * h[i]
    length = np.sqrt(length)
    if length < _DEPENDENT:
        return False
    for i in range(k):
        R[i, k] = h[i]
    factor = 1.0 / (length * (length + abs(h[k])))
    R[k, k] = -length if h[k] > 0.0 else length
    h[k] -= R[k, k]
    combine_rows(Q, k, n_features, h, w)
    for i in range(k, n_features):
        add_multiple(Q[i], -factor * h[i], w)
    active[k] = row
    return True


@njit(**JIT)
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


@njit(**JIT)
def _refactor(rows, sides, k, active, lam, Q, R, u, h, w):
    """Compute Q and R afresh; returns the number of independent normals."""
    Q[:] = 0.0
    for i in range(u.size):
        Q[i, i] = 1.0
    kept = 0
    for j in range(k):
        row = active[j]
        for i in range(u.size):
            u[i] = sides[row] * rows[row, i]
        multiplier = lam[j]
        if _append(row, u, kept, active, Q, R, h, w):
            lam[kept] = multiplier
            kept += 1
    return kept


@njit(**JIT)
def _solve_face(k, R, q, mu):
    """Unconstrained multipliers ``mu = -R^{-1} q`` of the active rows; returns the smallest."""
    smallest = np.inf
    i = k
    while i >= 4:  # four rows at a time: their sums over what is known do not wait for one another
        i -= 4
        a, b, c, d = R[i], R[i + 1], R[i + 2], R[i + 3]
        s0 = s1 = s2 = s3 = 0.0
        for j in range(i + 4, k):
            s0 += a[j] * mu[j]
            s1 += b[j] * mu[j]
            s2 += c[j] * mu[j]
            s3 += d[j] * mu[j]
        m3 = -(q[i + 3] + s3) / d[i + 3]
        m2 = -(q[i + 2] + s2 + c[i + 3] * m3) / c[i + 2]
        m1 = -(q[i + 1] + s1 + b[i + 3] * m3 + b[i + 2] * m2) / b[i + 1]
        m0 = -(q[i] + s0 + a[i + 3] * m3 + a[i + 2] * m2 + a[i + 1] * m1) / a[i]
        mu[i], mu[i + 1], mu[i + 2], mu[i + 3] = m0, m1, m2, m3
        smallest = min(smallest, min(min(m0, m1), min(m2, m3)))
    while i > 0:
        i -= 1
        total = q[i]
        row = R[i]
        for j in range(i + 1, k):
            total += row[j] * mu[j]
        mu[i] = -total / row[i]
        smallest = min(smallest, mu[i])
    return smallest


@njit(**JIT)
def _advance(x, threshold, c, cones, states, p, candidates, n_found, work):
    """Lawson and Hanson's steps from the state of column c, as far as the candidates carry.

    Returns ``|p|`` of the point p reached, p = x + A' lam with lam >= 0, so that ``|Proj_K(x)| <= |p|`` in any case, and whether
    that is the end: else p is the projection unless a row that is no candidate is violated.
    """
    rows, sides = cones.rows, cones.sides[c % cones.sides.shape[0]]
    n_active, updates, version, actives, lams, Qs, Rs = states
    active, lam, Q, R = actives[c], lams[c], Qs[c], Rs[c]
    q, mu, u, normal = work
    n_features, k = x.size, n_active[c]
    if updates[c] < 0 or updates[c] > 10 * n_features:
        k = _refactor(rows, sides, k, active, lam, Q, R, normal, u, mu)
        updates[c] = 0
        version[c] += 1
    size = np.sqrt(dot(x, x))
    row_products(Q, 0, n_features, x, q)
    combine_rows(Q, k, n_features, q, p)
    newest, length, ended = -1, 0.0, True
    for _ in range(20 * n_features + 100):
        refused = False
        while k > 0 and _solve_face(k, R, q, mu) < 0.0:
            # Step from lam towards mu as far as lam >= 0 allows, and drop the row that blocks.
            step, blocking = 1.0, -1
            for j in range(k):
                if mu[j] < 0.0 and lam[j] <= step * (lam[j] - mu[j]):
                    step, blocking = lam[j] / (lam[j] - mu[j]), j
            if blocking < 0:  # only numbers that are not finite, which the door keeps out, block nothing
                return np.inf, True
            # The row just added cannot block before anything has moved, but for rounding: then nothing is to be gained.
            refused = refused or (step == 0.0 and active[blocking] == newest)
            for j in range(k):
                lam[j] += step * (mu[j] - lam[j])
            _delete(blocking, k, active, lam, Q, R, q)
            k -= 1
            updates[c] += 1
            version[c] += 1
            add_multiple(p, q[k], Q[k])
        for j in range(k):
            lam[j] = mu[j]
        length = np.sqrt(dot(p, p))
        if length <= threshold or refused:
            break
        if k == n_features or length <= _ZERO * size:
            length = 0.0
            p[:] = 0.0
            break
        row_products(Q, k, n_features, p, u)  # leave behind what rounding put along the active normals
        combine_rows(Q, k, n_features, u, p)
        worst, smallest = -1, -_VIOLATED * length
        for j in range(n_found):
            row = candidates[j]
            value = sides[row] * dot(rows[row], p)
            if value < smallest:
                worst, smallest = row, value
        if worst < 0:
            ended = False
            break
        for i in range(n_features):
            normal[i] = sides[worst] * rows[worst, i]
        if not _append(worst, normal, k, active, Q, R, u, mu):
            break
        newest = worst
        updates[c] += 1
        version[c] += 1
        lam[k] = 0.0
        q[k] = dot(Q[k], p)
        add_multiple(p, -q[k], Q[k])
        k += 1
    n_active[c] = k
    return length, ended


@njit(**JIT)
def _workspace(n_samples, n_features):
    return (
        (np.empty(n_features), np.empty(n_features), np.empty(n_features), np.empty(n_features)),
        np.empty((_AT_ONCE, n_features), dtype=np.float32),
        np.empty((_AT_ONCE, n_samples), dtype=np.float32),
        np.empty((_AT_ONCE, _N_CANDIDATES), dtype=np.int64),
        np.empty(_AT_ONCE, dtype=np.int64),
        np.empty(_AT_ONCE, dtype=np.int64),
    )


@njit(**JIT)
def _project(Z, thresholds, which, cones, states, P, lengths, workspace):
    """Project row j of Z on the cone of column ``which[j]``, or stop as soon as ``|Proj_K(x)| <= thresholds[j]`` is certain.

    At most _AT_ONCE rows: where their projections stand is compared with all rows of X by one matrix product, in single
    precision.
    """
    work, directions, coarse, candidates, n_found, left = workspace
    n_left = which.size
    for j in range(n_left):
        left[j] = j
        n_found[j] = 0
    for _ in range(20 * Z.shape[1] + 100):
        kept = 0
        for j in left[:n_left]:
            lengths[j], ended = _advance(Z[j], thresholds[j], which[j], cones, states, P[j], candidates[j], n_found[j], work)
            if not ended:
                for i in range(Z.shape[1]):
                    directions[kept, i] = P[j, i] / lengths[j]
                left[kept] = j
                kept += 1
        if kept == 0:
            break
        np.dot(directions[:kept], cones.coarse, coarse[:kept])
        n_left = 0
        for a in range(kept):
            j = left[a]
            sides, active = cones.sides[which[j] % cones.sides.shape[0]], states.active[which[j], : states.n_active[which[j]]]
            n_found[j] = _violated(coarse[a], sides, cones.rows, P[j], lengths[j], active, candidates[j])
            if n_found[j] > 0:
                left[n_left] = j
                n_left += 1


@njit(**JIT)
def project_columns(Z, threshold, which, cones, states, P, lengths):
    """Project row j of Z on the cone of column ``which[j]``, into row j of P and ``lengths[j] = |P_j|``.

    A projection that is certain to be no longer than the threshold stops early; it is not in the cone, its length is a bound.
    """
    workspace = _workspace(*cones.rows.shape)
    thresholds = np.full(_AT_ONCE, threshold)
    for start in range(0, which.size, _AT_ONCE):
        part = slice(start, min(start + _AT_ONCE, which.size))
        _project(Z[part], thresholds, which[part], cones, states, P[part], lengths[part], workspace)


@njit(**JIT)
def price_columns(G, beta, working, order, cones, states, lengths):
    """Bound ``|Proj_{K_c}(F_c'v)|`` of every column from above, exactly for those that matter.

    G holds ``X' D_p v`` as rows; columns c and c + n_patterns are its two signs. ``lengths[c] = |x + A' lam|`` is computed from
    the multipliers themselves. A column outside the working set stops once it can be neither above beta nor among the
    n_working largest of its kind, a column of the working set once it cannot be the largest of all. Columns are taken in
    the given order: the sooner the large ones come, the sooner the others stop. Returns the least length of the
    n_working largest outside, or beta.
    """
    n_patterns, n_features = G.shape
    workspace = _workspace(*cones.rows.shape)
    Z, P = np.empty((_AT_ONCE, n_features)), np.empty((_AT_ONCE, n_features))
    thresholds, bounds = np.empty(_AT_ONCE), np.empty(_AT_ONCE)
    top = np.full(max(np.sum(working), 1), beta)
    highest = beta
    for start in range(0, order.size, _AT_ONCE):
        which = order[start : min(start + _AT_ONCE, order.size)]
        for a in range(which.size):
            c = which[a]
            sign = 1.0 if c < n_patterns else -1.0
            for i in range(n_features):
                Z[a, i] = sign * G[c % n_patterns, i]
            thresholds[a] = highest if working[c] else top[0]
        _project(Z, thresholds, which, cones, states, P, bounds, workspace)
        for a in range(which.size):
            c = which[a]
            sides, x = cones.sides[c % n_patterns], Z[a]
            for j in range(states.n_active[c]):
                row = states.active[c, j]
                add_multiple(x, states.lam[c, j] * sides[row], cones.rows[row])
            lengths[c] = np.sqrt(dot(x, x))
            if working[c]:
                highest = max(highest, bounds[a])
            elif bounds[a] > top[0]:
                # Keep the largest in ascending order; the least of them is the threshold.
                j = 0
                while j + 1 < top.size and top[j + 1] < bounds[a]:
                    top[j] = top[j + 1]
                    j += 1
                top[j] = bounds[a]
    return top[0]
