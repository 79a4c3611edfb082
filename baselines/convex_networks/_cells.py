"""Coordinates in which shifts and units of the features do not matter, and the cells of an arrangement in them."""

from __future__ import annotations

from typing import Any

import numpy as np
import scipy.linalg
from numpy.typing import NDArray

Array = NDArray[np.float64]
Cells = tuple[NDArray[np.bool_], Array]

#: Two unit rows that differ by less than this are one hyperplane.
PARALLEL = 1e-12
#: A column whose part outside the others is below this share of it depends on them: rounding of the data can do as much.
_DEPENDENT = 1e-14
#: Multiplications up to which the basis is computed in extended precision.
_EXTENDED_UP_TO = 2e7
#: Powers of two between the largest and the smallest row from which each row is scaled by itself.
_EQUILIBRATED = 40
#: Lines in the plane whose angle is below this are one, and cells narrower than it count as empty.
_EMPTY = 1e-9


def orthonormal_rows(X: Array) -> Array:
    """Return the unit rows of Q in X = Q R, (n_samples, rank): X w and Q w have the same sets of signs.

    Constant columns come first: to subtract a constant from numbers near it is exact, so that a shift of the other features by
    much more than their spread costs no digits. Extended precision takes care of features that depend on each other otherwise.
    """
    heights = np.asarray(np.frexp(np.abs(X).max(axis=1, keepdims=True))[1])
    if np.ptp(heights) > _EQUILIBRATED:
        X = np.ldexp(X, -heights)
    X = np.ldexp(X, -np.asarray(np.frexp(np.abs(X).max(axis=0))[1]))  # by powers of two, which is exact
    X = X[:, np.argsort(np.ptp(X, axis=0) > 0, kind="stable")]
    Q = _gram_schmidt(X.astype(np.longdouble)) if X.size * X.shape[1] <= _EXTENDED_UP_TO else _householder(X)
    lengths = np.sqrt((Q**2).sum(axis=1, keepdims=True))
    return np.asarray(Q / np.where(lengths > 0, lengths, 1), dtype=np.float64)


def _gram_schmidt(X: NDArray[np.longdouble]) -> NDArray[np.longdouble]:
    Q = np.zeros((len(X), 0), dtype=np.longdouble)
    for column in X.T:
        rest = column
        for _ in range(2):
            rest = rest - Q @ (Q.T @ rest)
        size = np.sqrt(rest @ rest)
        if size > _DEPENDENT * np.sqrt(column @ column):
            Q = np.column_stack([Q, rest / size])
    return Q


def _householder(X: Array) -> Array:
    if np.ptp(X[:, 0]) == 0 and X[0, 0] != 0:
        X = np.column_stack([X[:, 0], X[:, 1:] - X[:, 1:].mean(axis=0)])
    norms = np.linalg.norm(X, axis=0)
    factors: Any = scipy.linalg.qr(X / np.where(norms > 0, norms, 1.0), mode="economic", pivoting=True)
    return factors[0][:, np.abs(np.diagonal(factors[1])) > len(X) * np.finfo(float).eps]


def distinct_lines(rows: Array) -> tuple[NDArray[np.intp], NDArray[np.intp], NDArray[np.bool_]]:
    """Sort unit rows by the hyperplanes they stand for.

    Returns
    -------
    first
        A row of each hyperplane.
    line
        The hyperplane of each row; -1 for zero rows.
    flipped
        Whether a row is opposite to the one that stands for its hyperplane.
    """
    line, flipped = np.full(len(rows), -1), np.zeros(len(rows), dtype=bool)
    # Equal rows have equal heights over a random direction, opposite ones too but for the sign.
    direction = np.random.default_rng(0).standard_normal(rows.shape[1])
    heights = np.abs(rows @ direction) / max(float(np.linalg.norm(direction)), 1.0)
    alive = np.flatnonzero(rows.any(axis=1))
    order = alive[np.argsort(heights[alive], kind="stable")]
    first: list[int] = []
    for group in np.split(order, np.flatnonzero(np.diff(heights[order]) > 2 * PARALLEL * np.sqrt(rows.shape[1])) + 1):
        others = len(first)
        for i in group:
            for j in range(others, len(first)):
                if any(np.abs(rows[first[j]] - sign * rows[i]).max() <= PARALLEL for sign in (1.0, -1.0)):
                    line[i], flipped[i] = j, rows[first[j]] @ rows[i] < 0
                    break
            else:
                line[i] = len(first)
                first.append(int(i))
    return np.array(first, dtype=np.intp), line, flipped


def open_cells(rows: Array) -> Cells:
    """Return the sides ``rows w > 0`` of all cells of the arrangement of distinct hyperplanes, and a point w of each.

    A new hyperplane cuts the cells that its own arrangement, that of the other hyperplanes restricted to it, has a cell for.

    Parameters
    ----------
    rows
        Unit normals, (n_rows, dimension), no two of them parallel; dimension is at least 1.

    Returns
    -------
    sides : ndarray of bool, (n_cells, n_rows)
    points : ndarray, (n_cells, dimension)
    """
    n_rows, dimension = rows.shape
    if dimension == 1:
        points = np.array([[1.0], [-1.0]])
        return points @ rows.T > 0, points
    if dimension == 2:
        return _sectors(rows)
    if n_rows <= dimension and np.linalg.svd(rows, compute_uv=False)[-1] > 1e-6:
        return _orthants(rows)
    start = dimension if np.linalg.svd(rows[:dimension], compute_uv=False)[-1] > 1e-6 else 1
    sides, points = _orthants(rows[:start])
    for i in range(start, n_rows):
        sides, points = _cut(sides, points, rows[:i], rows[i])
    return sides, points


def _orthants(rows: Array) -> Cells:
    """The cells of independent hyperplanes: every choice of sides."""
    n_rows = len(rows)
    sides = (np.arange(2**n_rows)[:, None] >> np.arange(n_rows)) % 2 == 1
    return sides, np.asarray(np.where(sides, 1.0, -1.0) @ np.linalg.pinv(rows).T, dtype=np.float64)


def _sectors(rows: Array) -> Cells:
    """The cells of lines through the origin of the plane, by the angles of their directions."""
    angles = np.sort(np.arctan2(rows[:, 0], -rows[:, 1]) % np.pi)
    angles = angles[np.append(True, np.diff(angles) > _EMPTY)]
    if len(angles) > 1 and angles[0] + np.pi - angles[-1] <= _EMPTY:
        angles = angles[:-1]
    middle = (angles + np.append(angles[1:], angles[0] + np.pi)) / 2
    points = np.column_stack([np.cos(middle), np.sin(middle)])
    points = np.vstack([points, -points])
    return points @ rows.T > 0, points


def _cut(sides: NDArray[np.bool_], points: Array, rows: Array, new: Array) -> Cells:
    """Add a hyperplane to an arrangement."""
    # An orthonormal basis of the hyperplane: the reflection that takes `new` to the first axis, less its first column.
    mirror = new.copy()
    mirror[0] += np.copysign(1.0, new[0])
    inside = np.eye(len(new))[:, 1:] - np.outer(mirror, 2 * mirror[1:] / (mirror @ mirror))
    restricted = rows @ inside
    restricted /= np.linalg.norm(restricted, axis=1, keepdims=True)
    first, line, flipped = distinct_lines(restricted)
    met, on_plane = open_cells(restricted[first])
    met, on_plane = met[:, line] ^ flipped, on_plane @ inside.T
    where = {cell.tobytes(): j for j, cell in enumerate(np.packbits(sides, axis=1))}
    cut = [where.get(cell.tobytes(), -1) for cell in np.packbits(met, axis=1)]
    # Both halves of a cell that is cut, the others on the side of their point.
    step = 0.5 * (np.abs(on_plane @ rows.T) / np.maximum(np.abs(rows @ new), 1e-300)).min(axis=1, keepdims=True)
    move = np.minimum(step, np.linalg.norm(on_plane, axis=1, keepdims=True)) * new
    whole = np.ones(len(sides), dtype=bool)
    whole[[j for j in cut if j >= 0]] = False
    own = points[whole] @ new > 0
    return (
        np.vstack(
            [
                np.column_stack([sides[whole], own]),
                np.column_stack([met, np.ones(len(met), dtype=bool)]),
                np.column_stack([met, np.zeros(len(met), dtype=bool)]),
            ]
        ),
        np.vstack([points[whole], on_plane + move, on_plane - move]),
    )
