"""Ranks over seeds, with tie groups, the ranks that remain possible, and how firm a first place is; pure functions of arrays."""

from __future__ import annotations

import math
from functools import lru_cache
from typing import NamedTuple

import numpy as np

from optathlon.judge.intervals import FRACTION, is_binary, spread, t_quantile
from optathlon.spec import Better

LEVEL = 0.05  # of the false discovery rate within a board
RESAMPLES = 1000
FIRM, LIKELY = 0.95, 0.8
_ROUNDING = 1e-12  # means closer than this, relative to the larger score, are equal


class Ranks(NamedTuple):
    """Ranks of the methods, each of shape (n_methods,), from 1.

    Attributes
    ----------
    rank : array of int
        Place by the mean; methods that the seeds cannot tell apart share the place of the first of them.
    low, high : array of int
        Best and worst rank that the data leave possible.
    """

    rank: np.ndarray
    low: np.ndarray
    high: np.ndarray


class Standing(NamedTuple):
    """How far a board can be believed.

    Attributes
    ----------
    leader : int
        Position of the method with the best mean.
    resolution : float
        The difference of two means that these seeds tell apart, in the metric's unit: the median over pairs.
    stability : float
        Share of paired resamples of the seeds in which the leader leads.
    halves : float
        Share of random splits of the seeds in which it leads in both halves.
    tied : int
        How many methods have that best mean.
    """

    leader: int
    resolution: float
    stability: float
    halves: float
    tied: int = 1

    @property
    def word(self) -> str:
        """Firm, likely or a coin flip; equal means are tied, and one seed says nothing."""
        if self.tied > 1:
            return "tied"
        if math.isnan(self.stability):
            return "one seed"
        return "firm" if self.stability >= FIRM else "likely" if self.stability >= LIKELY else "coin flip"


def rank(scores: np.ndarray, better: Better, *, tolerance: float = 0.0, exact: bool = False, unit: str = "") -> Ranks:
    """Rank methods by their means; those that the seeds cannot tell apart share a place.

    The best mean opens the first group, which ends before the first method that a member beats; that one opens the next group. So
    a worse mean never stands above a better one, and a wide interval alone wins no place. Two methods are told
    apart by a paired t test of their difference beyond `tolerance` (McNemar's exact test for scores of 0 and 1), at a false
    discovery rate of `LEVEL` over all pairs of the board. The possible ranks count the methods that are told apart.

    Parameters
    ----------
    scores : array of shape (n_seeds, n_methods)
        One row per seed, all methods on the same instance.
    better : {"lower", "higher"}
        Direction of the score.
    tolerance : float
        Differences of means up to this tie.
    exact : bool
        Compare the means themselves: for scores free of chance.
    unit : str
        Of the metric.
    """
    cost, better_by, margin = _compared(scores, better, tolerance)
    n_methods = cost.shape[1]
    apart = np.abs(better_by) > margin
    if not exact:
        apart &= false_discovery(_p_values(cost, better_by, margin, unit)) <= LEVEL
    beats = apart & (better_by > 0)
    low = 1 + beats.sum(axis=0)
    order = np.lexsort((low, cost.mean(axis=0)))
    places = np.empty(n_methods, dtype=int)
    start = 0
    for position, method in enumerate(order):
        if beats[order[start:position], method].any():
            start = position
        places[method] = start + 1
    return Ranks(places, low, n_methods - beats.sum(axis=1))


def standing(scores: np.ndarray, better: Better, *, tolerance: float = 0.0, exact: bool = False) -> Standing:
    """Return how much of a difference the seeds of a board resolve, and how stable its first place is.

    Parameters
    ----------
    scores, better, tolerance, exact
        Of `rank`.
    """
    cost, better_by, margin = _compared(scores, better, tolerance)
    n_seeds, n_methods = cost.shape
    leader = int(cost.mean(axis=0).argmin())
    tied = int((np.abs(better_by[leader]) <= margin[leader]).sum())
    if exact:
        return Standing(leader, float(tolerance), 1.0, 1.0, tied)
    if n_seeds == 1:
        return Standing(leader, math.nan, math.nan, math.nan, tied)
    pairs = max(1, n_methods * (n_methods - 1) // 2)
    upper = np.triu_indices(n_methods, 1)
    reach = _standard_errors(cost)[upper] * t_quantile(n_seeds, 1 - LEVEL / pairs)
    resampled, halves = _weights(n_seeds)
    slack = margin[leader].max()

    def leads(weights: np.ndarray) -> np.ndarray:
        means = weights @ cost
        return means[:, leader] <= means.min(axis=1) + slack

    other = halves == 0
    both = leads(halves) & leads(other / other.sum(axis=1, keepdims=True))
    resolution = float(np.median(reach)) if n_methods > 1 else math.nan
    return Standing(leader, resolution, float(leads(resampled).mean()), float(both.mean()), tied)


def false_discovery(p: np.ndarray) -> np.ndarray:
    """Return p values adjusted for the false discovery rate, of the same shape; a symmetric matrix counts each pair once.

    References
    ----------
    Benjamini and Hochberg, *Controlling the false discovery rate*, 1995.
    """
    matrix = p.ndim == 2
    flat = p[np.triu_indices(len(p), 1)] if matrix else p
    if flat.size == 0:
        return np.ones_like(p)
    order = np.argsort(flat, kind="stable")
    scaled = flat[order] * flat.size / np.arange(1, flat.size + 1)
    adjusted = np.empty_like(flat)
    adjusted[order] = np.minimum(1.0, np.minimum.accumulate(scaled[::-1])[::-1])
    if not matrix:
        return adjusted
    full = np.ones_like(p)
    full[np.triu_indices(len(p), 1)] = adjusted
    return np.minimum(full, full.T)


def _compared(scores: np.ndarray, better: Better, tolerance: float) -> tuple[np.ndarray, np.ndarray, np.ndarray]:
    """Return costs, by how much the row's method is better than the column's, and the difference that counts as none."""
    if better not in ("lower", "higher"):
        raise ValueError(f"better must be 'lower' or 'higher', got {better!r}")
    scores = np.asarray(scores, dtype=float)
    if scores.ndim != 2 or not scores.size or not np.isfinite(scores).all():
        raise ValueError(f"scores must be finite, of shape (n_seeds, n_methods), got shape {scores.shape}")
    cost = scores if better == "lower" else -scores
    mean = cost.mean(axis=0)
    size = np.abs(cost).max(axis=0)
    margin = np.maximum(tolerance, _ROUNDING * np.maximum(size[:, None], size[None, :]))
    return cost, mean[None, :] - mean[:, None], margin


def _standard_errors(cost: np.ndarray) -> np.ndarray:
    """Return (n_methods, n_methods) standard errors of all paired mean differences."""
    return spread(cost[:, :, None] - cost[:, None, :]) / math.sqrt(len(cost))


def _p_values(cost: np.ndarray, better_by: np.ndarray, margin: np.ndarray, unit: str) -> np.ndarray:
    """Return (n_methods, n_methods) two-sided p values that two methods differ by no more than the margin; 1 for one seed."""
    from scipy.special import stdtr

    n_seeds, n_methods = cost.shape
    if n_seeds == 1:
        return np.ones((n_methods, n_methods))
    if unit == FRACTION and is_binary(np.abs(cost)):
        return _sign_test(cost)
    excess = np.maximum(np.abs(better_by) - margin, 0.0)
    with np.errstate(divide="ignore", invalid="ignore"):
        t = np.nan_to_num(excess / _standard_errors(cost), nan=0.0, posinf=np.inf)
    return 2 * stdtr(n_seeds - 1, -t)


def _sign_test(cost: np.ndarray) -> np.ndarray:
    """Return the exact two-sided p values of the discordant seeds (McNemar)."""
    from scipy.special import bdtr

    less = (cost[:, :, None] < cost[:, None, :]).sum(axis=0)
    discordant = less + less.T
    return np.where(discordant == 0, 1.0, np.minimum(1.0, 2 * bdtr(np.minimum(less, less.T), discordant, 0.5)))


@lru_cache(maxsize=64)
def _weights(n: int) -> tuple[np.ndarray, np.ndarray]:
    """Return (resamples, n) weights of bootstrap samples and of halves of n seeds; the same on every call."""
    rng = np.random.default_rng(20211)
    resampled = rng.multinomial(n, np.full(n, 1 / n), size=RESAMPLES) / n
    half = n // 2
    chosen = rng.permuted(np.tile(np.arange(n) < half, (RESAMPLES, 1)), axis=1)
    return resampled, chosen / half
