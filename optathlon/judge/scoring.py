"""Statistics over seeds, ranks with ties, time to target, Pareto fronts and performance profiles; pure functions of arrays."""

from __future__ import annotations

import math
from collections.abc import Sequence
from functools import lru_cache
from typing import NamedTuple

import numpy as np

from optathlon.spec import Better, TracePoint

Trace = Sequence[TracePoint]

RESAMPLES = 2000
CONFIDENCE = 0.95
_ROUNDING = 1e-12  # means closer than this, relative to the larger score, are equal


class Interval(NamedTuple):
    """A mean and its confidence interval; the bounds are NaN where one value gives no spread."""

    mean: float
    low: float
    high: float


class Ranks(NamedTuple):
    """Shared ranks and the best and worst rank that the data leave possible, each of shape (n_methods,), from 1."""

    rank: np.ndarray
    low: np.ndarray
    high: np.ndarray


@lru_cache(maxsize=32)
def _resampling_weights(n: int, resamples: int) -> np.ndarray:
    """Return (resamples, n) weights, each row the shares of the n values in one bootstrap sample; the same on every call."""
    counts = np.random.default_rng(20211).multinomial(n, np.full(n, 1 / n), size=resamples)
    return counts / n


@lru_cache(maxsize=256)
def half_width(n: int, confidence: float = CONFIDENCE) -> float:
    """Return how many bootstrap standard errors of n values an interval reaches to either side.

    A t quantile, widened by sqrt(n/(n-1)) because the bootstrap's spread is that of the sample. The percentile bootstrap would
    separate equal methods in a quarter of the cases with three seeds and in a tenth with five; this keeps its 5 % (Hesterberg,
    *What Teachers Should Know About the Bootstrap*, 2015, section 3.2: "t interval with bootstrap standard error").
    """
    from scipy.stats import t

    return float(math.sqrt(n / (n - 1)) * t.ppf((1 + confidence) / 2, n - 1))


def resampled_means(values: np.ndarray, resamples: int = RESAMPLES) -> np.ndarray:
    """Return bootstrap means over the first axis.

    Parameters
    ----------
    values : array of shape (n_seeds, ...)
        Values to resample by seed; columns share the resamples, so their differences are paired.
    resamples : int
        Number of bootstrap samples.

    Returns
    -------
    array of shape (resamples, ...)
    """
    values = np.asarray(values, dtype=float)
    flat = values.reshape(len(values), -1)
    return (_resampling_weights(len(values), resamples) @ flat).reshape(resamples, *values.shape[1:])


def interval_of(value: float, resampled: np.ndarray, n: int, confidence: float = CONFIDENCE) -> Interval:
    """Return the interval of a statistic of n values, given its bootstrap values (resamples,); NaN bounds for n = 1."""
    if n == 1:
        return Interval(value, math.nan, math.nan)
    reach = half_width(n, confidence) * float(_spread(resampled))
    return Interval(value, value - reach, value + reach)


def mean_interval(values: Sequence[float] | np.ndarray, confidence: float = CONFIDENCE) -> Interval:
    """Return the mean of `values` (one per seed) with its bootstrap interval.

    Raises
    ------
    ValueError
        If there is no value, or one is not finite.
    """
    array = np.asarray(values, dtype=float)
    if array.ndim != 1 or array.size == 0 or not np.isfinite(array).all():
        raise ValueError(f"values must be a non-empty sequence of finite numbers, got shape {array.shape}")
    mean = float(array.mean())
    if np.ptp(array) == 0 and array.size > 1:
        return Interval(mean, mean, mean)
    if array.size == 1:
        return Interval(mean, math.nan, math.nan)
    # For a mean the bootstrap's standard error has a closed form, that of infinitely many resamples.
    reach = half_width(array.size, confidence) * float(_spread(array)) / math.sqrt(array.size)
    return Interval(mean, mean - reach, mean + reach)


def rank(scores: np.ndarray, better: Better, *, tolerance: float = 0.0, exact: bool = False) -> Ranks:
    """Rank methods by paired comparison over seeds; methods that the seeds cannot tell apart share a rank.

    A method is better than another when the interval of their paired mean difference lies beyond `tolerance`. Its rank is one
    more than the number of methods better than it; its worst possible rank is the number of methods that it is not better than.

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

    Returns
    -------
    Ranks
    """
    if better not in ("lower", "higher"):
        raise ValueError(f"better must be 'lower' or 'higher', got {better!r}")
    scores = np.asarray(scores, dtype=float)
    if scores.ndim != 2 or not np.isfinite(scores).all():
        raise ValueError(f"scores must be finite, of shape (n_seeds, n_methods), got shape {scores.shape}")
    cost = scores if better == "lower" else -scores
    n_methods = cost.shape[1]
    mean = cost.mean(axis=0)
    gap = mean[None, :] - mean[:, None]  # by how much the row's method is better than the column's
    size = np.abs(cost).max(axis=0, initial=0.0)
    margin = np.maximum(tolerance, _ROUNDING * np.maximum(size[:, None], size[None, :]))
    if not exact:
        margin = margin + _paired_reach(cost)
    beats = gap > margin
    low = 1 + beats.sum(axis=0)
    return Ranks(low, low, n_methods - beats.sum(axis=1))


def _spread(values: np.ndarray) -> np.ndarray:
    """Return the standard deviation along the last axis; huge values are scaled first where their squares overflow."""
    with np.errstate(over="ignore", invalid="ignore"):
        spread = values.std(axis=-1)
    if np.isfinite(spread).all():
        return spread
    size = np.maximum(np.abs(values).max(axis=-1, keepdims=True), np.finfo(float).tiny)
    return (values / size).std(axis=-1) * size[..., 0]


def _paired_reach(cost: np.ndarray) -> np.ndarray:
    """Return (n_methods, n_methods) half-widths of the intervals of all paired mean differences; infinite for a single seed."""
    n_seeds, n_methods = cost.shape
    reach = np.full((n_methods, n_methods), np.inf)
    if n_seeds > 1:
        means = np.ascontiguousarray(resampled_means(cost).T)
        for i in range(n_methods):
            reach[i, i:] = reach[i:, i] = _spread(means[i:] - means[i])
        reach *= half_width(n_seeds)
    return reach


def time_to_target(trace: Trace, target: float, better: Better) -> float | None:
    """Return the seconds at which a trace of (step, seconds, score) first meets `target`, or None."""
    for _, seconds, score, *_ in trace:
        if score <= target if better == "lower" else score >= target:
            return seconds
    return None


def score_at(trace: Trace, seconds: float) -> float | None:
    """Return the last score of a trace of (step, seconds, score) not later than `seconds`, or None before the first point."""
    before = [score for _, at, score, *_ in trace if at <= seconds]
    return before[-1] if before else None


def pareto_front(scores: Sequence[float] | np.ndarray, seconds: Sequence[float] | np.ndarray, better: Better) -> np.ndarray:
    """Return a mask (n,) of the entries that no other beats in one of score and seconds without losing in the other."""
    cost = np.asarray(scores, dtype=float) * (1 if better == "lower" else -1)
    time = np.asarray(seconds, dtype=float)
    no_worse = (cost[:, None] <= cost[None, :]) & (time[:, None] <= time[None, :])
    strictly = (cost[:, None] < cost[None, :]) | (time[:, None] < time[None, :])
    return np.logical_not((no_worse & strictly).any(axis=0))


def performance_profile(costs: np.ndarray, ratios: np.ndarray) -> np.ndarray:
    """Return the share of workloads on which each method is within a ratio of the best.

    Parameters
    ----------
    costs : array of shape (n_workloads, n_methods)
        Positive costs (seconds to target); inf where a method missed.
    ratios : array of shape (n_ratios,)
        Ratios to the best method, from 1.

    Returns
    -------
    array of shape (n_methods, n_ratios)

    References
    ----------
    Dolan and Moré, *Benchmarking optimization software with performance profiles*, 2002, eq. (2.1).
    """
    costs = np.asarray(costs, dtype=float)
    if costs.ndim != 2 or np.isnan(costs).any() or (costs <= 0).any():
        raise ValueError(f"costs must be positive or inf, of shape (n_workloads, n_methods), got shape {costs.shape}")
    best = costs.min(axis=1, keepdims=True)
    with np.errstate(invalid="ignore"):
        relative = np.where(np.isfinite(costs), costs / best, np.inf)
    return (relative[:, :, None] <= np.asarray(ratios)[None, None, :]).mean(axis=0)
