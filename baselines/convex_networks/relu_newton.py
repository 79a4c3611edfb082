"""The Newton matrix of :mod:`ssnal`, ``I + sigma sum_c F_c N_c' C_c N_c F_c'``, and the systems solved with it.

N_c is an orthonormal basis of the face of the cone K_c in which the projection p_c lies, as rows, and C_c the derivative of the
shrinkage within it, over the columns c with ``|p_c| > beta``. With fewer such rows than samples the system is solved on their
side: with ``B' = [F_c N_c', ..]``

    (r I + sigma B' C B)^{-1} = (I - B' (B B' + r/sigma C^{-1})^{-1} B) / r        (Sherman, Morrison and Woodbury),

where B and ``B B'`` change from step to step in the rows of those columns only whose face has changed.
"""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray
from scipy.linalg import get_lapack_funcs

from optathlon.baselines.convex_networks.relu_cone import ConeStates
from optathlon.baselines.convex_networks.relu_faces import (
    bound_directions,
    coordinates_in_faces,
    face_bases,
    free_directions,
    lay_out,
    masked_rows,
)

Array = NDArray[np.float64]
# Cholesky factorisation and solution without the checks of scipy.linalg.cho_factor, which cost more than small solves.
_potrf, _potrs = get_lapack_funcs(("potrf", "potrs"), dtype=np.float64)

#: Rows from which a Newton matrix is summed up at a time, to bound its memory.
_MAX_ROWS = 8192
#: Least t: C^{-1} holds 1 and 1/t, and one must not drown in the other.
_LEAST = 1e-8
#: Share of new rows from which all are computed afresh.
_MANY_NEW = 0.5


class NewtonMatrix:
    """The Newton matrix at the point last given to :meth:`move_to`.

    Parameters
    ----------
    columns
        X transposed, (n_features, n_samples).
    D
        Patterns as rows, (n_patterns, n_samples); column c of the program has pattern ``c % n_patterns``.
    """

    def __init__(self, columns: Array, D: Array) -> None:
        self.columns, self._D = columns, D
        self.n_rows = 0  # of the system to be solved
        self._samples: Array | None = None  # the sum itself, where there are more rows than samples
        self._n_free, self._t, self._h = np.zeros(0, dtype=np.int64), np.zeros(0), np.zeros(0)
        self._owner = np.zeros(0, dtype=np.int64)  # the column of each row of B, or -1
        self._version = np.full(2 * len(D), -1, dtype=np.int64)  # of the face of each column when its rows were computed
        self._B, self._gram = np.empty((0, columns.shape[1])), np.empty((0, 0))

    def move_to(self, which: NDArray[np.int64], P: Array, lengths: Array, beta: float, states: ConeStates) -> None:
        """Take the columns ``which``, each once, with projections P longer than beta, as they stand in their states."""
        n_features, n_samples = self.columns.shape
        bound = np.minimum(states.n_active[which], n_features - 1)
        n_rows, n_bound = int((n_features - bound).sum()), int(bound.sum())
        self.n_rows = min(n_rows, n_samples)
        self._samples = None
        if n_rows <= n_samples:
            order = np.argsort(which)
            self._update_rows(which[order], states, n_rows)
            self._n_free, self._h = n_features - bound[order], np.empty(n_rows)
            self._t = np.maximum(1.0 - beta / lengths[order], _LEAST)
            coordinates_in_faces(which[order], P[order], lengths[order], states, self._h)
        elif n_rows <= min(n_bound, _MAX_ROWS):
            self._samples = self._sum_of_free(which, P, lengths, beta, states, n_rows)
        else:
            self._samples = self._sum_of_bound(which, P, lengths, beta, states)

    def solve(self, sigma: float, ridge: float, gradient: Array) -> Array:
        """``-(matrix + (ridge - 1) I)^{-1} gradient`` by a Cholesky factorisation; ``-gradient / ridge`` where that fails."""
        if self._samples is not None:
            M = self._samples.copy()
            M[np.diag_indices_from(M)] += ridge / sigma
            factor, failed = _potrf(M.T, lower=1, clean=0, overwrite_a=1)
            return -gradient / ridge if failed else -_potrs(factor, gradient, lower=1)[0] / sigma
        places = np.argsort(self._owner, kind="stable")[-len(self._h) :]  # column by column
        if not len(self._h):
            return -gradient / ridge
        M = np.empty((len(places), len(places)))
        lay_out(self._gram, places, self._n_free, self._h, self._t, ridge / sigma, M)
        factor, failed = _potrf(M.T, lower=1, clean=0, overwrite_a=1)  # lower for LAPACK, and the quicker one
        if failed:
            return -gradient / ridge
        solved = np.zeros(len(self._owner))
        B = self._B[: len(solved)]
        solved[places] = _potrs(factor, (B @ gradient)[places], lower=1)[0]
        return (solved @ B - gradient) / ridge

    def _update_rows(self, which: NDArray[np.int64], states: ConeStates, n_rows: int) -> None:
        """Bring B and ``B B'`` up to date."""
        stays = np.zeros(len(self._version), dtype=np.bool_)
        stays[which] = self._version[which] == states.version[which]
        owner = np.where(stays[self._owner], self._owner, -1)  # stays[-1], of a free place, is irrelevant
        n_new = n_rows - np.count_nonzero(owner >= 0)
        if n_new > _MANY_NEW * n_rows:
            owner, n_new, stays = owner[:0], n_rows, np.zeros_like(stays)
        self._version[~stays] = -1
        n_more = max(0, n_new - np.count_nonzero(owner < 0))
        self._owner = np.concatenate([owner, np.full(n_more, -1)])
        n_places = len(self._owner)
        self._make_room(n_places)
        if n_new == 0:
            return
        changed = which[~stays[which]]
        N, owner = np.empty((n_new, len(self.columns))), np.empty(n_new, dtype=np.int64)
        face_bases(changed, states, N, owner)
        rows = N @ self.columns
        masked_rows(rows, self._D, owner % len(self._D))
        places = np.flatnonzero(self._owner < 0)[:n_new]
        self._owner[places], self._version[changed] = owner, states.version[changed]
        self._B[places] = rows
        if n_new == n_rows:
            self._gram[:n_rows, :n_rows] = rows @ rows.T
        else:
            products = rows @ self._B[:n_places].T
            self._gram[places, :n_places] = products
            self._gram[:n_places, places] = products.T

    def _make_room(self, n_places: int) -> None:
        """Let B and its products have at least so many rows."""
        if n_places > len(self._B):
            n_old, n_all = len(self._B), n_places + n_places // 4
            B, gram = np.zeros((n_all, self._B.shape[1])), np.zeros((n_all, n_all))
            B[:n_old], gram[:n_old, :n_old] = self._B, self._gram
            self._B, self._gram = B, gram

    def _sum_of_free(
        self, which: NDArray[np.int64], P: Array, lengths: Array, beta: float, states: ConeStates, n_rows: int
    ) -> Array:
        """The sum over the columns from the directions inside their faces."""
        n_features = len(self.columns)
        N, weights, owner = np.empty((n_rows, n_features)), np.empty(n_rows), np.empty(n_rows, dtype=np.int64)
        free_directions(P, lengths, beta, which, np.arange(len(which)), states, N, weights, owner)
        B = (weights[:, None] * N) @ self.columns  # the signs of the columns cancel
        masked_rows(B, self._D, which[owner] % len(self._D))
        return B.T @ B

    def _sum_of_bound(self, which: NDArray[np.int64], P: Array, lengths: Array, beta: float, states: ConeStates) -> Array:
        """The same from the active normals Q_c, not the free directions.

        With ``p = p_c/|p_c|``, ``t = 1 - beta/|p_c|`` and D_c the pattern of column c it is the sum over the active columns of

            t D_c X X' D_c - t (D_c X Q_c')(D_c X Q_c')' + (1 - t) (D_c X p)(D_c X p)'.
        """
        n_features, n_samples = self.columns.shape
        total, weighted = np.zeros((n_samples, n_samples)), np.zeros((n_samples, n_samples))
        chunk = max(1, _MAX_ROWS // n_features)
        for part in (slice(start, start + chunk) for start in range(0, len(which), chunk)):
            t, D = 1.0 - beta / lengths[part], self._D[which[part] % len(self._D)]
            n_bound = int(states.n_active[which[part]].sum())
            N, owner = np.empty((n_bound, n_features)), np.empty(n_bound, dtype=np.int64)
            bound_directions(which[part], np.sqrt(t), states, N, owner)
            Y = N @ self.columns
            masked_rows(Y, D, owner)
            A = (P[part] * (np.sqrt(1.0 - t) / lengths[part])[:, None]) @ self.columns * D
            D = np.sqrt(t)[:, None] * D
            total += A.T @ A - Y.T @ Y
            weighted += D.T @ D
        return total + weighted * (self.columns.T @ self.columns)
