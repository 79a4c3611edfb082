"""Non-negative orthogonal matching pursuit: a few atoms whose non-negative combination is nearest to a target."""

from __future__ import annotations

import numpy as np
from scipy.linalg import solve_triangular

from optathlon.baselines.coresets._checks import fraction, non_negative, real_array, subset_size
from optathlon.baselines.coresets.coreset import Coreset
from optathlon.baselines.coresets.gradients import DenseGradients, Gradients, balanced

_DEPENDENT = 1e-26  # an atom this near the span of the others (squared sine of the angle) adds only rounding errors
_FLAT = 1e-13  # slope of a fit along a member, relative to their lengths; in reach of float32 input too: members are float64
_STEPS_PER_ATOM = 20  # a bound that only rounding errors can reach


def nonnegative_omp(atoms: np.ndarray, target: np.ndarray, k: int, *, ridge: float = 0.0, tol: float = 0.0) -> Coreset:
    r"""Minimise :math:`\|\sum_j w_j a_j - b\|^2 + \rho \|w\|^2` over w >= 0 with at most k positive weights, greedily.

    This is the active-set method of Lawson and Hanson for non-negative least squares, stopped as soon as k atoms are
    in: the atom of largest correlation with the residual enters, the weights are refitted, and atoms whose weight would
    turn negative leave. Leaving atoms do not count, so that the support is k unless fewer atoms are optimal already.
    With k = n the answer solves the problem. The objective never increases with k; with a ridge that is the penalised
    one, while the residual alone may.

    Parameters
    ----------
    atoms : ndarray, shape (n, d)
        One atom a row.
    target : ndarray, shape (d,)
        The vector b to approximate.
    k : int
        Most atoms to use, 1 to n.
    ridge : float
        The penalty rho, absolute.
    tol : float
        Stop early once the residual is at most this fraction of the target's length, from 0 to below 1.

    Returns
    -------
    Coreset
        At most k atoms with positive weights. Fewer where no other atom reduces the objective; none where the target is
        zero or no atom correlates with it, for then w = 0 is optimal.

    Raises
    ------
    ValueError
        Where shapes disagree, a number is not finite, k is not between 1 and n, ridge is negative, or tolerance is
        negative or not below 1.

    References
    ----------
    .. [1] Lawson and Hanson, "Solving least squares problems", 1974, chapter 23.
    .. [2] Killamsetty et al., "GRAD-MATCH", 2021, algorithm 2.
    """
    dictionary = DenseGradients(real_array("atoms", atoms, 2))
    target = real_array("target", target, 1)
    if len(target) != dictionary.rows.shape[1]:
        raise ValueError(f"target must have the atoms' length {dictionary.rows.shape[1]}, got shape {target.shape}")
    k = subset_size(k, dictionary.n)
    ridge, tol = non_negative("ridge", ridge), fraction("tol", tol)
    rows, exponent = balanced(dictionary.rows)
    target, target_exponent = balanced(target)
    with np.errstate(over="ignore"):  # an infinite ridge admits no atom; infinite weights are refused by Coreset
        coreset = pursue(DenseGradients(rows), target, k, float(np.ldexp(ridge, -2 * exponent)), tol)
        return Coreset(coreset.indices, np.ldexp(coreset.weights, target_exponent - exponent))


def pursue(gradients: Gradients, target: np.ndarray, k: int, ridge: float, tol: float) -> Coreset:
    """Run the pursuit on gradients of either form, without checks; `target` has the shape of their sum."""
    target = target.astype(np.float64)
    length = float(np.linalg.norm(target))
    norms = np.sqrt(gradients.squared_norms().astype(np.float64))
    support = _Support(gradients, norms, target, ridge)
    refused: list[int] = []  # rounding made these look useful: not again before the support has changed
    for _ in range(_STEPS_PER_ATOM * k):
        distance = float(np.linalg.norm(support.left))
        if len(support.members) == k or distance <= tol * length:
            break
        correlation = gradients.correlate(support.left)
        correlation[support.members + refused] = -np.inf
        noise = 4 * np.finfo(correlation.dtype).eps * distance + 10 * np.finfo(np.float64).eps * length
        entering = int(correlation.argmax())
        if correlation[entering] <= noise * norms[entering]:  # then look closely; nearly never before the end
            entering = int(np.where(correlation > noise * norms, correlation, -np.inf).argmax())
            if correlation[entering] <= noise * norms[entering]:
                break  # Karush-Kuhn-Tucker: no atom outside can reduce the objective
        if support.admit(entering):
            refused.clear()
        else:
            refused.append(entering)
    return Coreset(np.array(support.members, dtype=np.int64), support.weights)


class _Support:
    """The atoms in use, their weights, and the inverse of their Gram matrix plus ridge, kept up by rank-one steps.

    The inverse costs O(s^2) for an atom that enters or leaves, where a triangular factor would have to be rebuilt
    behind every atom that leaves. It squares the atoms' condition number, hence each fit is corrected once by the
    residual of its own normal equations, and made by a QR factorisation where its slope is still not zero.
    """

    def __init__(self, gradients: Gradients, norms: np.ndarray, target: np.ndarray, ridge: float) -> None:
        self.gradients, self.norms, self.target, self.ridge = gradients, norms, target, ridge
        self.members: list[int] = []
        self.weights = np.empty(0)
        self.left = target  # the residual
        self.inverse = np.empty((0, 0))
        self.buffers = [np.empty((16, factor.shape[1])) for factor in gradients]  # rows of the members, float64

    @property
    def atoms(self) -> Gradients:
        """The members' gradients."""
        return type(self.gradients)(*(buffer[: len(self.members)] for buffer in self.buffers))

    @np.errstate(divide="ignore", over="ignore", invalid="ignore")  # what a spoilt inverse gives is not accepted as a fit
    def admit(self, index: int) -> bool:
        """Admit an atom and refit; False, and all as before, if it depends on the members or does not reduce the objective."""
        before = self.members.copy(), self.weights, self.left, self.inverse
        highest = self._height() + 10 * np.finfo(np.float64).eps * np.linalg.norm(self.target)
        if not self._enter(index):
            return False
        if self._refit() and self._height() <= highest:
            return True
        self.members, self.weights, self.left, self.inverse = before
        for buffer, factor in zip(self.buffers, self.gradients.take(self.members), strict=True):
            buffer[: len(factor)] = factor
        return False

    def _height(self) -> float:
        """Return the root of the objective."""
        return float(np.sqrt(np.vdot(self.left, self.left) + self.ridge * (self.weights @ self.weights)))

    def _enter(self, index: int) -> bool:
        """Add an atom at weight zero, unless it depends on the members."""
        atom = self.gradients.take([index]).astype(np.float64)
        direction = atom.combine(np.ones(1))
        size = len(self.members)
        if size >= direction.size and not self.ridge:
            return False
        multipliers, remainder = self._fit(direction)  # explicit: a difference of Gram entries would lose the remainder
        pivot = np.vdot(remainder, remainder) + self.ridge * (1 + multipliers @ multipliers)
        if pivot <= _DEPENDENT * (np.vdot(direction, direction) + self.ridge):
            return False
        inverse = np.empty((size + 1, size + 1))
        np.multiply(multipliers[:, None], multipliers / pivot, out=inverse[:size, :size])
        inverse[:size, :size] += self.inverse
        inverse[size, :size] = inverse[:size, size] = -multipliers / pivot
        inverse[size, size] = 1 / pivot
        self.inverse = inverse
        for number, (buffer, factor) in enumerate(zip(self.buffers, atom, strict=True)):
            if size == len(buffer):
                self.buffers[number] = buffer = np.concatenate([buffer, np.empty_like(buffer)])
            buffer[size] = factor[0]
        self.members.append(index)
        self.weights = np.append(self.weights, 0.0)
        return True

    def _leave(self, place: int) -> None:
        """Dismiss the member at a place."""
        column = self.inverse[:, place]
        inverse = self.inverse - column[:, None] * (column / column[place])
        self.inverse = np.delete(np.delete(inverse, place, axis=0), place, axis=1)
        for buffer in self.buffers:
            buffer[place : len(self.members) - 1] = buffer[place + 1 : len(self.members)]
        del self.members[place]
        self.weights = np.delete(self.weights, place)

    def _refit(self) -> bool:
        """Move to the best weights, dismissing members that turn negative; False if the newest member would leave at once."""
        newest = self.members[-1]
        fitted, left = self._fit(self.target)
        while fitted.min() <= 0:
            falling = fitted <= 0
            if falling[-1] and self.members[-1] == newest and self.weights[-1] == 0:
                return False
            # The longest step towards the fit that keeps all weights non-negative.
            steps = np.full(len(fitted), np.inf)
            steps[falling] = self.weights[falling] / (self.weights[falling] - fitted[falling])
            self.weights = self.weights + steps.min() * (fitted - self.weights)
            for place in np.flatnonzero((steps == steps.min()) | (self.weights <= 0))[::-1].tolist():
                self._leave(place)
            fitted, left = self._fit(self.target)
        self.weights, self.left = fitted, left
        return True

    def _fit(self, target: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
        """Return the weights, of any sign, that minimise the distance from a target plus the ridge, and the residual."""
        atoms = self.atoms
        weights = self.inverse @ atoms.correlate(target)
        slope = atoms.correlate(target - atoms.combine(weights)) - self.ridge * weights
        weights += self.inverse @ slope
        left = target - atoms.combine(weights)
        slope = atoms.correlate(left) - self.ridge * weights
        if not (np.abs(slope) <= _FLAT * np.linalg.norm(target) * self.norms[self.members]).all():
            weights = self._factorised(target)
            left = target - atoms.combine(weights)
        return weights, left

    def _factorised(self, target: np.ndarray) -> np.ndarray:
        """Return the weights of the fit by a QR factorisation of the explicit members, and renew the inverse by it."""
        size = len(self.members)
        rows = self.atoms.sums(np.arange(size)[:, None]).rows
        lengths = np.sqrt(np.einsum("ij,ij->i", rows, rows) + self.ridge)
        columns = np.concatenate([rows.T, np.sqrt(self.ridge) * np.eye(size)]) / lengths
        q, r = np.linalg.qr(columns)
        root = solve_triangular(r, np.eye(size)) / lengths[:, None]
        self.inverse = root @ root.T
        return solve_triangular(r, q[: target.size].T @ target.ravel()) / lengths
