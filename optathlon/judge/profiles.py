"""Time to target, Pareto fronts and performance profiles; pure functions of arrays."""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np

from optathlon.spec import Better, TracePoint

Trace = Sequence[TracePoint]


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
    """Return a mask of the entries, along the last axis, that no other beats in score or seconds without losing in the other."""
    cost = np.asarray(scores, dtype=float) * (1 if better == "lower" else -1)
    time = np.asarray(seconds, dtype=float)
    no_worse = (cost[..., :, None] <= cost[..., None, :]) & (time[..., :, None] <= time[..., None, :])
    strictly = (cost[..., :, None] < cost[..., None, :]) | (time[..., :, None] < time[..., None, :])
    return np.logical_not((no_worse & strictly).any(axis=-2))


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
